//! Deadlines are rows. These queries find the ones that have passed and the next one to wait for.

use crate::{Error, Store};
use engine::ids::RequestId;
use std::time::Duration;
use time::OffsetDateTime;

impl Store {
    /// Requests with an open task past its `due_at`, or past their own `expires_at`; at most `limit`, longest overdue
    /// first. The row decides: moving `due_at` by SQL is enough.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn due_requests(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<RequestId>, Error> {
        let ids = sqlx::query_scalar!(
            r#"select request_id as "id!" from (
                (select request_id, due_at as at from approval_task
                    where due_at <= $1 and status in ('open', 'claimed') order by due_at limit $2)
                union all
                (select id, expires_at from approval_request
                    where expires_at <= $1 and completed_at is null order by expires_at limit $2)
            ) due group by request_id order by min(at) limit $2"#,
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId).collect())
    }

    /// The next deadline of any kind.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn next_deadline(&self) -> Result<Option<OffsetDateTime>, Error> {
        Ok(sqlx::query_scalar!(
            "select least(
                (select min(due_at) from approval_task where due_at is not null and status in ('open', 'claimed')),
                (select min(expires_at) from approval_request
                    where expires_at is not null and completed_at is null))"
        )
        .fetch_one(&self.pool)
        .await?)
    }

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
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId).collect())
    }
}
