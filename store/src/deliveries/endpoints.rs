//! How the endpoints of webhooks do, for operators.

use crate::moment::Moment;
use crate::{Error, Store};
use time::OffsetDateTime;

/// Newest attempts that are looked at, of those of the last hour.
const ATTEMPTS: i64 = 20_000;
/// Most deliveries of each status that are counted.
const COUNTED: i64 = 20_000;
/// Most endpoints in the answer: those with most to deliver, then those with most attempts.
const MOST: i64 = 500;

/// One endpoint: scheme, host and port.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    pub endpoint: String,
    /// Deliveries still to be made.
    pub pending: i64,
    /// Those of them that have been due for ten seconds and are not attempted.
    pub held_back: i64,
    /// Deliveries that were given up.
    pub exhausted: i64,
    /// Attempts of the last hour.
    pub attempts: i64,
    /// Those of them that were accepted.
    pub accepted: i64,
    /// Latency of the last hour in milliseconds, at the 50th and the 95th percentile.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub last_success_at: Option<OffsetDateTime>,
    pub last_failure_at: Option<OffsetDateTime>,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    endpoint: String,
    pending: i64,
    held_back: i64,
    exhausted: i64,
    attempts: i64,
    accepted: i64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    last_success_at: Option<Moment>,
    last_failure_at: Option<Moment>,
    last_error: Option<String>,
}

impl Store {
    /// Endpoints with deliveries that wait or were given up, or with attempts in the last hour.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        let rows: Vec<Row> = sqlx::query_as(include_str!("endpoints.sql"))
            .bind(ATTEMPTS)
            .bind(COUNTED)
            .bind(MOST)
            .fetch_all(&self.pool)
            .await?;
        let endpoints = rows.into_iter().map(|row| Endpoint {
            endpoint: row.endpoint,
            pending: row.pending,
            held_back: row.held_back,
            exhausted: row.exhausted,
            attempts: row.attempts,
            accepted: row.accepted,
            p50_ms: row.p50_ms,
            p95_ms: row.p95_ms,
            last_success_at: row.last_success_at.map(Into::into),
            last_failure_at: row.last_failure_at.map(Into::into),
            last_error: row.last_error,
        });
        Ok(endpoints.collect())
    }
}
