//! Numbers for people who look after an installation. Each is read from open work, from what is kept counted, or from
//! the newest rows, so none costs more because more is finished.

use crate::{Error, Store};
use time::OffsetDateTime;

/// Most rows of one kind that are counted.
pub const MOST_COUNTED: i64 = 20_000;
/// Requests whose time to their end is looked at: the newest that were approved or rejected.
const SAMPLE: i64 = 1_000;
/// Events among which these are looked for.
const AMONG: i64 = 20_000;

/// What waits now. Counts go up to [`MOST_COUNTED`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Requests for which nobody was asked yet.
    pub pending: i64,
    /// Tasks that may still be decided.
    pub tasks: i64,
    /// Those of them past their deadline.
    pub overdue: i64,
    /// Webhooks that are still to be delivered.
    pub deliveries: i64,
    /// Webhooks that were given up.
    pub exhausted: i64,
    /// Events that wait for the stream.
    pub unpublished: i64,
    /// When the oldest of them happened.
    pub oldest_unpublished: Option<OffsetDateTime>,
    /// Rows of webhook deliveries in all, as the planner estimates.
    pub deliveries_ever: i64,
}

/// Requests that are kept, and mails that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Requests that go on, at most [`MOST_COUNTED`].
    pub open: i64,
    pub approved: i64,
    pub rejected: i64,
    pub cancelled: i64,
    pub expired: i64,
    /// Mails still to be sent, at most [`MOST_COUNTED`].
    pub mails: i64,
}

/// How long requests took from creation to approval or rejection, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeToDecision {
    pub median: Option<f64>,
    pub p95: Option<f64>,
    /// How many requests were looked at.
    pub sample: i64,
}

impl Store {
    /// Counts what waits.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn waiting_now(&self) -> Result<Waiting, Error> {
        Ok(sqlx::query_as!(
            Waiting,
            r#"select
                (select count(*) from (select id from open_request limit $1) o
                    cross join lateral (select status from approval_request where id = o.id offset 0) r
                    where r.status = 'pending') as "pending!",
                (select count(*) from (select from open_task limit $1) o) as "tasks!",
                (select count(*) from (select due_at from open_task limit $1) o where o.due_at < now()) as "overdue!",
                (select count(*) from (
                    select from webhook_delivery where status = 'pending' limit $1) d) as "deliveries!",
                (select count(*) from (
                    select from webhook_delivery where status = 'exhausted' limit $1) d) as "exhausted!",
                (select greatest(reltuples, 0)::bigint from pg_class where oid = 'webhook_delivery'::regclass)
                    as "deliveries_ever!",
                w.unpublished as "unpublished!", w.oldest_unpublished
               from (select count(*) as unpublished, min(created_at) as oldest_unpublished
                    from (select created_at from unpublished_event limit $1) e) w"#,
            MOST_COUNTED
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Counts the requests that are kept, those that ended from what is kept counted, some seconds behind.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn kept_by_status(&self) -> Result<Kept, Error> {
        Ok(sqlx::query_as!(
            Kept,
            r#"select (select count(*) from (select from open_request limit $1) o) as "open!",
                (select count(*) from (select from task_notification where status = 'pending' limit $1) n) as "mails!",
                coalesce(sum(approved), 0)::bigint as "approved!", coalesce(sum(rejected), 0)::bigint as "rejected!",
                coalesce(sum(cancelled), 0)::bigint as "cancelled!", coalesce(sum(expired), 0)::bigint as "expired!"
               from request_day"#,
            MOST_COUNTED
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// How long the requests took that were approved or rejected last.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn time_to_decision(&self) -> Result<TimeToDecision, Error> {
        Ok(sqlx::query_as!(
            TimeToDecision,
            r#"with ended as (
                select request_id, created_at from (
                    select request_id, created_at, event_type, position from approval_event
                    order by position desc limit $1) newest
                where event_type in ('request_approved', 'request_rejected') order by position desc limit $2
            ),
            took as (
                select extract(epoch from e.created_at - r.created_at)::float8 as seconds
                from ended e cross join lateral (
                    select created_at from approval_request where id = e.request_id offset 0) r
            )
            select percentile_cont(0.5) within group (order by seconds) as median,
                percentile_cont(0.95) within group (order by seconds) as p95, count(*) as "sample!" from took"#,
            AMONG,
            SAMPLE
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
