//! Endpoints and requests that wait for something outside.

use crate::{Error, Store};
use time::OffsetDateTime;

/// An endpoint whose due webhooks are not attempted: its circuit is open, or no process delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// Scheme, host and port.
    pub endpoint: String,
    /// How many webhooks are due.
    pub waiting: i64,
    /// When the first of them became due.
    pub since: OffsetDateTime,
    /// What the last attempt said, or why the endpoint is left alone.
    pub last_error: Option<String>,
}

/// Most endpoints in the list.
const MOST: i64 = 20;

impl Store {
    /// Endpoints whose webhooks have been due for more than ten seconds and are not attempted, most webhooks first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn held_back(&self) -> Result<Vec<HeldBack>, Error> {
        let rows = sqlx::query_as!(
            HeldBack,
            r#"select endpoint, count(*) as "waiting!", min(next_attempt_at) as "since!",
                   (array_agg(last_error order by updated_at desc) filter (where last_error is not null))[1]
                       as last_error
               from webhook_delivery
               where status = 'pending' and next_attempt_at < now() - interval '10 s'
                   and (leased_until is null or leased_until < now())
               group by endpoint order by 2 desc, endpoint limit $1"#,
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// How many requests wait for the staff directory: a resolution is planned, and their policy asks for holders of
    /// roles or members of groups.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn waiting_for_directory(&self) -> Result<i64, Error> {
        let waiting = sqlx::query_scalar!(
            r#"select count(*) as "count!" from approval_request r where r.resolve_after is not null and exists (
                   select from approval_stage s join approver_rule a on a.stage_id = s.id
                   where s.policy_id = r.policy_id and a.rule_type in ('role', 'group'))"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(waiting)
    }
}
