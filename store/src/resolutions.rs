//! Leases on requests whose approvers must be resolved. A resolver takes a lease by moving `resolve_after` into the
//! future.

use crate::{Error, Store};
use engine::ids::RequestId;
use std::time::Duration;
use time::OffsetDateTime;

/// An answer that a resolver owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// When it is due; while a resolver asks, when its lease ends.
    pub at: OffsetDateTime,
    /// How often it has failed in a row.
    pub attempt: i32,
}

impl Store {
    /// Leases requests whose approvers must be resolved: no other resolver gets them for `lease`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_resolutions(&self, lease: Duration, limit: i64) -> Result<Vec<RequestId>, Error> {
        let ids = sqlx::query_scalar!(
            "update approval_request set resolve_after = now() + make_interval(secs => $1)
             where id in (select id from approval_request where resolve_after <= now()
                          order by resolve_after limit $2 for no key update skip locked)
             returning id",
            lease.as_secs_f64(),
            limit
        )
        .fetch_all(&self.hot)
        .await?;
        Ok(ids.into_iter().map(RequestId).collect())
    }

    /// Leases one such request if its answer is due and nobody has the lease; returns whether it did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_resolution(&self, id: RequestId, lease: Duration) -> Result<bool, Error> {
        let claimed = sqlx::query_scalar!(
            "update approval_request set resolve_after = now() + make_interval(secs => $1)
             where id = $2 and (resolve_after <= now()) = $3 returning id",
            lease.as_secs_f64(),
            id.0,
            // A parameter, not a literal, keeps the planner off the index of all that is due: see
            // `deliveries::PENDING`.
            true
        )
        .fetch_optional(&self.hot)
        .await?;
        Ok(claimed.is_some())
    }

    /// When the next answer is due or the next lease ends, whichever comes first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn next_resolution(&self) -> Result<Option<OffsetDateTime>, Error> {
        Ok(sqlx::query_scalar!(
            "select min(resolve_after) from approval_request where resolve_after is not null"
        )
        .fetch_one(&self.hot)
        .await?)
    }

    /// The answer that this request owes, if any.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn resolution_owed(&self, id: RequestId) -> Result<Option<Owed>, Error> {
        Ok(sqlx::query_as!(
            Owed,
            r#"select resolve_after as "at!", resolve_attempt as attempt from approval_request
               where id = $1 and (resolve_after is not null) = $2"#,
            id.0,
            // As above.
            true
        )
        .fetch_optional(&self.hot)
        .await?)
    }
}
