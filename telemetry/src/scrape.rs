//! What Prometheus is given: the text exposition format, version 0.0.4.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often [`Scrape::tidy`] is to be called.
pub const TIDY: Duration = Duration::from_secs(5);

/// From a millisecond to what a caller waits at most.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a minute to a month.
const LONG: [f64; 10] = [
    60.0,
    300.0,
    900.0,
    3600.0,
    4.0 * 3600.0,
    86_400.0,
    2.0 * 86_400.0,
    4.0 * 86_400.0,
    8.0 * 86_400.0,
    30.0 * 86_400.0,
];
const LATENESS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}
use Kind::{Counter, Gauge, Histogram};

/// Every metric with its help.
const METRICS: &[(&str, Kind, &str)] = &[
    ("awe_http_request_seconds", Histogram(&SECONDS), "HTTP requests by route and status class"),
    ("awe_decisions_total", Counter, "Decisions that were committed, by action"),
    ("awe_decision_seconds", Histogram(&SECONDS), "From a decision being asked for until it is committed"),
    ("awe_requests_created_total", Counter, "Requests that were created"),
    ("awe_requests_ended_total", Counter, "Requests that ended, by status"),
    ("awe_time_to_decision_seconds", Histogram(&LONG), "From the creation of a request to its end"),
    ("awe_stages_total", Counter, "Stages that were completed, skipped, escalated, or failed to be resolved"),
    ("awe_actor_wait_seconds", Histogram(&SECONDS), "How long commands wait for the actor of their request"),
    ("awe_commit_batch_size", Histogram(&BATCH), "Transitions in one statement of the group commit"),
    ("awe_commit_seconds", Histogram(&SECONDS), "Duration of a statement of the group commit"),
    ("awe_commit_queue", Gauge, "Transitions that wait for the group commit"),
    (
        "awe_database_wait_seconds",
        Histogram(&SECONDS),
        "How long a connection to the database is waited for, by pool",
    ),
    (
        "awe_events_published_total",
        Counter,
        "Events that the stream acknowledged, refused or left unanswered",
    ),
    ("awe_stream_comparisons_total", Counter, "Comparisons of the stream with the database, by result"),
    (
        "awe_stage_resolution_seconds",
        Histogram(&SECONDS),
        "Duration of looking up the approvers of a request",
    ),
    ("awe_stage_resolution_errors_total", Counter, "Look-ups of approvers that failed"),
    ("awe_directory_lookups_total", Counter, "Questions to the staff directory, by cache hit"),
    ("awe_sla_lateness_seconds", Histogram(&LATENESS), "How long after its time a deadline was acted upon"),
    (
        "awe_deliveries_total",
        Counter,
        "Attempts of webhooks by outcome and endpoint (the first 100, then `other`)",
    ),
    ("awe_delivery_attempt_seconds", Histogram(&SECONDS), "Duration of an attempt of a webhook"),
    ("awe_mails_total", Counter, "Mails by outcome"),
    ("awe_gate_total", Counter, "Questions to the policy gate by outcome"),
    ("awe_gate_seconds", Histogram(&SECONDS), "Duration of a question to the policy gate"),
    ("awe_token_fetches_total", Counter, "Tokens asked of OAuth2 servers, by outcome"),
    ("awe_jwks_age_seconds", Gauge, "Age of the keys that tokens are verified with"),
    ("awe_retention_removed_total", Counter, "Rows that retention has removed"),
    ("awe_loop_restarts_total", Counter, "Background loops that had to be started again"),
    ("awe_loops_in_trouble", Gauge, "Background loops that do not run as they should"),
    ("awe_actors_live", Gauge, "Request actors in memory"),
    ("awe_endpoint_breaker_state", Gauge, "Endpoints whose circuit is not closed in this process, by state"),
    (
        "awe_relay_leader",
        Gauge,
        "1 in the process that publishes events and tells the numbers of the installation",
    ),
    ("awe_requests", Gauge, "Requests that are kept, by status"),
    ("awe_outbox_unpublished", Gauge, "Events that wait for the stream"),
    ("awe_outbox_oldest_seconds", Gauge, "Age of the oldest event that waits for the stream"),
    ("awe_tasks_open", Gauge, "Tasks that can be decided, at most 10,000"),
    ("awe_tasks_overdue", Gauge, "Open tasks past their deadline, at most 10,000"),
    ("awe_deliveries_waiting", Gauge, "Webhooks that wait to be sent, at most 10,000"),
    ("awe_deliveries_exhausted", Gauge, "Webhooks that were given up, at most 10,000"),
    ("awe_mails_waiting", Gauge, "Mails that wait to be sent"),
    ("awe_telemetry_spans_total", Counter, "Spans that were exported, failed or dropped"),
    ("awe_build_info", Gauge, "1, with the version that runs"),
];

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Scrape {
    handle: PrometheusHandle,
    process: metrics_process::Collector,
}

impl std::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

/// Metrics cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The buckets are wrong.
    #[error(transparent)]
    Buckets(#[from] BuildError),
    /// They are kept already.
    #[error("metrics are kept already")]
    Twice,
}

/// Begins to keep metrics.
///
/// # Errors
/// As [`Error`] says.
pub fn install(version: &'static str) -> Result<Scrape, Error> {
    let mut builder = PrometheusBuilder::new();
    for (name, kind, _) in METRICS {
        if let Histogram(buckets) = kind {
            builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| Error::Twice)?;
    for (name, kind, help) in METRICS {
        match kind {
            Counter => metrics::describe_counter!(*name, *help),
            Gauge => metrics::describe_gauge!(*name, *help),
            Histogram(_) => metrics::describe_histogram!(*name, *help),
        }
    }
    let process = metrics_process::Collector::default();
    process.describe();
    crate::measure::keep();
    crate::measure::build(version);
    Ok(Scrape { handle, process })
}

impl Scrape {
    /// The text for Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Empties what is kept of histograms between scrapes.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }
}
