//! Who asks the directory for which request: a claim is a lease in `resolve_after`.

use crate::{Error, Store};
use engine::ids::RequestId;
use std::time::Duration;
use time::OffsetDateTime;

/// An answer that a resolver owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// When it is due, or when the lease of whoever asks now runs out.
    pub at: OffsetDateTime,
    /// How often it has failed in a row.
    pub attempt: i32,
}

impl Store {
    /// Claims requests whose approvers must be resolved, so that no other resolver takes them for `lease`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn claim_resolutions(&self, lease: Duration, limit: i64) -> Result<Vec<RequestId>, Error> {
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

    /// Claims one such request, when its answer is due and nobody else has it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn claim_resolution(&self, id: RequestId, lease: Duration) -> Result<bool, Error> {
        let claimed = sqlx::query_scalar!(
            "update approval_request set resolve_after = now() + make_interval(secs => $1)
             where id = $2 and (resolve_after <= now()) = $3 returning id",
            lease.as_secs_f64(),
            id.0,
            // A literal would have it planned to read all that is due: see PENDING of the deliveries.
            true
        )
        .fetch_optional(&self.hot)
        .await?;
        Ok(claimed.is_some())
    }

    /// When the next answer is owed, or a lease on one runs out.
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

    /// When an answer to this request is owed; `None` when it asks nothing (any more).
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
