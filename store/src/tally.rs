//! How many requests were created and ended on which day: counted from the events, some seconds behind them.

use crate::{Error, Store};
use time::{Date, OffsetDateTime};

/// Positions that are looked through in one statement.
const STEP: i64 = 50_000;

/// Requests of one day (UTC) that are still kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    pub day: Date,
    pub created: i64,
    pub approved: i64,
    pub rejected: i64,
    pub cancelled: i64,
    pub expired: i64,
}

impl Store {
    /// The position of the newest event; 0 when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn newest_position(&self) -> Result<i64, Error> {
        let newest =
            sqlx::query_scalar!("select position from approval_event order by position desc limit 1");
        Ok(newest.fetch_optional(&self.hot).await?.unwrap_or(0))
    }

    /// The position up to which events are counted.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tallied(&self) -> Result<i64, Error> {
        Ok(sqlx::query_scalar!("select position from request_tally").fetch_one(&self.hot).await?)
    }

    /// Counts events up to `position`, at which none may appear any more, or part of the way; returns the position up
    /// to which events are counted now. `None`: another process counts.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tally(&self, position: i64) -> Result<Option<i64>, Error> {
        Ok(sqlx::query_scalar!(
            r#"with state as materialized (
                select position as first, least(position + $2, $1) as last from request_tally for update skip locked
            ),
            counted as (
                select (e.created_at at time zone 'UTC')::date as day,
                    count(*) filter (where e.event_type = 'request_created') as created,
                    count(*) filter (where e.event_type = 'request_approved') as approved,
                    count(*) filter (where e.event_type = 'request_rejected') as rejected,
                    count(*) filter (where e.event_type = 'request_cancelled') as cancelled,
                    count(*) filter (where e.event_type = 'request_expired') as expired
                from state cross join lateral (
                    select created_at, event_type from approval_event
                    where position > state.first and position <= state.last) e
                where e.event_type like 'request\_%' group by 1
            ),
            noted as (
                insert into request_day as d (day, created, approved, rejected, cancelled, expired)
                select * from counted
                on conflict (day) do update set created = d.created + excluded.created,
                    approved = d.approved + excluded.approved, rejected = d.rejected + excluded.rejected,
                    cancelled = d.cancelled + excluded.cancelled, expired = d.expired + excluded.expired
            )
            update request_tally set position = greatest(state.first, state.last) from state
            returning request_tally.position"#,
            position,
            STEP
        )
        .fetch_optional(&self.hot)
        .await?)
    }

    /// Every day with requests at `since` or later, in order, and before them one entry for all earlier days.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn days(&self, since: OffsetDateTime) -> Result<Vec<Day>, Error> {
        let days = sqlx::query_as!(
            Day,
            r#"with tail as (
                select (created_at at time zone 'UTC')::date as day, event_type
                from approval_event where position > (select position from request_tally)
                order by position limit $2
            ),
            together as (
                select day, created, approved, rejected, cancelled, expired from request_day
                union all
                select day, count(*) filter (where event_type = 'request_created'),
                    count(*) filter (where event_type = 'request_approved'),
                    count(*) filter (where event_type = 'request_rejected'),
                    count(*) filter (where event_type = 'request_cancelled'),
                    count(*) filter (where event_type = 'request_expired')
                from tail group by day
            )
            select greatest(day, $1::date - 1) as "day!", sum(created)::bigint as "created!",
                sum(approved)::bigint as "approved!", sum(rejected)::bigint as "rejected!",
                sum(cancelled)::bigint as "cancelled!", sum(expired)::bigint as "expired!"
            from together group by 1 order by 1"#,
            since.date(),
            2 * STEP
        );
        Ok(days.fetch_all(&self.pool).await?)
    }
}
