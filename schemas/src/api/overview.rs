//! What people see first who look after an installation.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Numbers of an installation. All are some seconds old at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverviewOut {
    /// When they were read.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub as_of: OffsetDateTime,
    /// Requests that are kept, by status.
    pub requests: RequestCountsOut,
    /// Requests created today (UTC).
    #[schema(example = 120)]
    pub created_today: i64,
    /// Requests ended today (UTC), in whatever way.
    #[schema(example = 98)]
    pub finished_today: i64,
    /// The last 30 days (UTC), oldest first, days without requests included.
    pub days: Vec<DayOut>,
    /// From creation to approval or rejection.
    pub time_to_decision: TimeToDecisionOut,
    /// Tasks that may still be decided.
    pub tasks: OpenTasksOut,
    /// Webhooks by status.
    pub deliveries: DeliveryCountsOut,
    /// Events and the stream.
    pub events: OutboxOut,
    /// Endpoints that are held back or whose circuit is not closed, at most 20; `GET /admin/endpoints` says more.
    #[schema(example = json!(["https://registry.example.org"]))]
    pub endpoints_in_trouble: Vec<String>,
}

/// Requests by status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestCountsOut {
    /// Nobody was asked yet; counted up to 20,000.
    #[schema(example = 0)]
    pub pending: i64,
    /// Somebody is asked.
    #[schema(example = 42)]
    pub in_review: i64,
    /// Approved.
    #[schema(example = 10_000)]
    pub approved: i64,
    /// Rejected.
    #[schema(example = 300)]
    pub rejected: i64,
    /// Cancelled.
    #[schema(example = 20)]
    pub cancelled: i64,
    /// Expired.
    #[schema(example = 5)]
    pub expired: i64,
}

/// Requests created and ended on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayOut {
    /// The day (UTC).
    #[schema(format = Date, example = "2026-01-31")]
    pub day: String,
    /// Created.
    #[schema(example = 120)]
    pub created: i64,
    /// Approved.
    #[schema(example = 90)]
    pub approved: i64,
    /// Rejected.
    #[schema(example = 7)]
    pub rejected: i64,
    /// Cancelled.
    #[schema(example = 1)]
    pub cancelled: i64,
    /// Expired.
    #[schema(example = 0)]
    pub expired: i64,
}

/// How long requests took until they were approved or rejected, over the newest 1,000.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimeToDecisionOut {
    /// Half of them took no longer, in seconds; null when there are none.
    #[schema(example = 5400.5)]
    pub median_seconds: Option<f64>,
    /// Nineteen of twenty took no longer, in seconds.
    #[schema(example = 86400.0)]
    pub p95_seconds: Option<f64>,
    /// How many requests were looked at.
    #[schema(example = 1000)]
    pub sample: i64,
}

/// Tasks that may still be decided, counted up to 20,000.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenTasksOut {
    /// All.
    #[schema(example = 61)]
    pub open: i64,
    /// Past their deadline.
    #[schema(example = 2)]
    pub overdue: i64,
}

/// Webhooks by status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryCountsOut {
    /// Still to be delivered, counted up to 20,000.
    #[schema(example = 3)]
    pub pending: i64,
    /// Delivered, as the database estimates.
    #[schema(example = 41_000)]
    pub delivered: i64,
    /// Given up, counted up to 20,000.
    #[schema(example = 0)]
    pub exhausted: i64,
}

/// Events that wait for the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutboxOut {
    /// How many, counted up to 20,000.
    #[schema(example = 0)]
    pub unpublished: i64,
    /// When the oldest of them happened.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T08:14:59Z")]
    pub oldest_unpublished_at: Option<OffsetDateTime>,
}

/// How one endpoint of webhooks does: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointOut {
    /// Scheme, host and port.
    #[schema(example = "https://registry.example.org")]
    pub endpoint: String,
    /// Webhooks still to be delivered, counted up to 20,000 over all endpoints.
    #[schema(example = 12)]
    pub pending: i64,
    /// Those of them that have been due for ten seconds and are not attempted.
    #[schema(example = 12)]
    pub held_back: i64,
    /// Webhooks that were given up, of the newest 20,000 over all endpoints.
    #[schema(example = 0)]
    pub exhausted: i64,
    /// The attempts of the last hour, of the newest 20,000 over all endpoints.
    pub last_hour: EndpointHourOut,
    /// The last attempt that was accepted, within the last hour.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T08:14:59Z")]
    pub last_success_at: Option<OffsetDateTime>,
    /// The last attempt that failed.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T08:14:59Z")]
    pub last_failure_at: Option<OffsetDateTime>,
    /// What it said.
    #[schema(example = "answered 503")]
    pub last_error: Option<String>,
    /// Processes that do not send to it now, as they told within the last minute; usually within 10 s.
    pub circuits: Vec<CircuitOut>,
}

/// Attempts of an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointHourOut {
    /// How many.
    #[schema(example = 340)]
    pub attempts: i64,
    /// The share that was accepted, 0 to 1; null when there was none.
    #[schema(example = 0.97)]
    pub success_share: Option<f64>,
    /// Half of them took no longer, in milliseconds.
    #[schema(example = 18.0)]
    pub p50_ms: Option<f64>,
    /// Nineteen of twenty took no longer, in milliseconds.
    #[schema(example = 210.0)]
    pub p95_ms: Option<f64>,
}

/// A circuit that is not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitOut {
    /// The host of the process.
    #[schema(example = "awe-2")]
    pub host: String,
    /// Whose webhooks it holds back.
    #[schema(example = "registry")]
    pub caller_service: String,
    /// `open`: nothing is sent; `probing`: one webhook tries whether it answers.
    #[schema(example = "open")]
    pub state: String,
}
