//! What Prometheus is given: the text exposition format, version 0.0.4.

use crate::Program;
use crate::measure::{self, Names};
use metrics::Label;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often [`Scrape::tidy`] is to be called.
pub const TIDY: Duration = Duration::from_secs(5);

/// From a millisecond to what a caller waits at most.
pub const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
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

/// What a metric does. A histogram has upper bounds of its buckets.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// It grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is counted by size.
    Histogram(&'static [f64]),
}
use Kind::{Counter, Gauge, Histogram};

/// The values of a metric's label.
#[derive(Debug, Clone, Copy)]
pub enum Labels {
    /// It has none.
    None,
    /// One label with one of these.
    From(&'static str, &'static [&'static str]),
    /// What comes is not known from the start.
    Later,
}
use Labels::{From, Later, None};

/// One metric, as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, which begins with that of the program.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Its label.
    pub labels: Labels,
    /// For people.
    pub help: &'static str,
}

/// Every metric of AWE, besides what every program tells.
pub const AWE: &[Metric] = &[
    Metric {
        name: "awe_decisions_total",
        kind: Counter,
        labels: From("action", &["approve", "reject", "abstain"]),
        help: "Decisions that were committed, by action",
    },
    Metric {
        name: "awe_decision_seconds",
        kind: Histogram(&SECONDS),
        labels: None,
        help: "From a decision being asked for until it is committed",
    },
    Metric {
        name: "awe_requests_created_total",
        kind: Counter,
        labels: None,
        help: "Requests that were created",
    },
    Metric {
        name: "awe_requests_ended_total",
        kind: Counter,
        labels: From("status", &["approved", "rejected", "cancelled", "expired"]),
        help: "Requests that ended, by status",
    },
    Metric {
        name: "awe_time_to_decision_seconds",
        kind: Histogram(&LONG),
        labels: None,
        help: "From the creation of a request to its end",
    },
    Metric {
        name: "awe_stages_total",
        kind: Counter,
        labels: From("outcome", &["completed", "skipped", "escalated", "resolution_failed"]),
        help: "Stages that were completed, skipped, escalated, or failed to be resolved",
    },
    Metric {
        name: "awe_actor_wait_seconds",
        kind: Histogram(&SECONDS),
        labels: None,
        help: "How long commands wait for the actor of their request",
    },
    Metric {
        name: "awe_commit_batch_size",
        kind: Histogram(&BATCH),
        labels: None,
        help: "Transitions in one statement of the group commit",
    },
    Metric {
        name: "awe_commit_seconds",
        kind: Histogram(&SECONDS),
        labels: None,
        help: "Duration of a statement of the group commit",
    },
    Metric {
        name: "awe_commit_queue",
        kind: Gauge,
        labels: None,
        help: "Transitions that wait for the group commit",
    },
    Metric {
        name: "awe_database_connections",
        kind: Gauge,
        labels: Later,
        help: "Connections to the database by pool, busy and idle",
    },
    Metric {
        name: "awe_events_published_total",
        kind: Counter,
        labels: From("outcome", &["acknowledged", "refused", "unanswered"]),
        help: "Events that the stream acknowledged, refused or left unanswered",
    },
    Metric {
        name: "awe_stream_comparisons_total",
        kind: Counter,
        labels: From("result", &["same", "lost", "failed"]),
        help: "Comparisons of the stream with the database, by result",
    },
    Metric {
        name: "awe_stage_resolution_seconds",
        kind: Histogram(&SECONDS),
        labels: From("outcome", &["resolved", "failed"]),
        help: "Duration of looking up the approvers of a request",
    },
    Metric {
        name: "awe_stage_resolution_errors_total",
        kind: Counter,
        labels: None,
        help: "Look-ups of approvers that failed",
    },
    Metric {
        name: "awe_directory_lookups_total",
        kind: Counter,
        labels: From("cache", &["hit", "miss"]),
        help: "Questions to the staff directory, by cache hit",
    },
    Metric {
        name: "awe_sla_lateness_seconds",
        kind: Histogram(&LATENESS),
        labels: None,
        help: "How long after its time a deadline was acted upon",
    },
    Metric {
        name: "awe_deliveries_total",
        kind: Counter,
        labels: Later,
        help: "Attempts of webhooks by outcome and endpoint (the first 100, then `other`)",
    },
    Metric {
        name: "awe_delivery_attempt_seconds",
        kind: Histogram(&SECONDS),
        labels: From("outcome", &["delivered", "retried", "exhausted"]),
        help: "Duration of an attempt of a webhook",
    },
    Metric {
        name: "awe_mails_total",
        kind: Counter,
        labels: From("outcome", &["sent", "dropped", "retried", "failed"]),
        help: "Mails by outcome",
    },
    Metric {
        name: "awe_gate_total",
        kind: Counter,
        labels: From("outcome", &["allowed", "refused", "failed"]),
        help: "Questions to the policy gate by outcome",
    },
    Metric {
        name: "awe_gate_seconds",
        kind: Histogram(&SECONDS),
        labels: None,
        help: "Duration of a question to the policy gate",
    },
    Metric {
        name: "awe_token_fetches_total",
        kind: Counter,
        labels: From("outcome", &["fetched", "failed"]),
        help: "Tokens asked of OAuth2 servers, by outcome",
    },
    Metric {
        name: "awe_jwks_age_seconds",
        kind: Gauge,
        labels: Later,
        help: "Age of the keys that tokens are verified with",
    },
    Metric {
        name: "awe_retention_removed_total",
        kind: Counter,
        labels: From("what", &["request", "delivery_attempt", "idempotency_key"]),
        help: "Rows that retention has removed",
    },
    Metric {
        name: "awe_loop_restarts_total",
        kind: Counter,
        labels: None,
        help: "Background loops that had to be started again",
    },
    Metric {
        name: "awe_loops_in_trouble",
        kind: Gauge,
        labels: None,
        help: "Background loops that do not run as they should",
    },
    Metric { name: "awe_actors_live", kind: Gauge, labels: None, help: "Request actors in memory" },
    Metric {
        name: "awe_endpoint_breaker_state",
        kind: Gauge,
        labels: From("state", &["open", "half_open"]),
        help: "Endpoints whose circuit is not closed in this process, by state",
    },
    Metric {
        name: "awe_relay_leader",
        kind: Gauge,
        labels: None,
        help: "1 in the process that publishes events and tells the numbers of the installation",
    },
    Metric { name: "awe_requests", kind: Gauge, labels: Later, help: "Requests that are kept, by status" },
    Metric {
        name: "awe_outbox_unpublished",
        kind: Gauge,
        labels: Later,
        help: "Events that wait for the stream",
    },
    Metric {
        name: "awe_outbox_oldest_seconds",
        kind: Gauge,
        labels: Later,
        help: "Age of the oldest event that waits for the stream",
    },
    Metric {
        name: "awe_tasks_open",
        kind: Gauge,
        labels: Later,
        help: "Tasks that can be decided, at most 20,000",
    },
    Metric {
        name: "awe_tasks_overdue",
        kind: Gauge,
        labels: Later,
        help: "Open tasks past their deadline, at most 20,000",
    },
    Metric {
        name: "awe_deliveries_waiting",
        kind: Gauge,
        labels: Later,
        help: "Webhooks that wait to be sent, at most 20,000",
    },
    Metric {
        name: "awe_deliveries_exhausted",
        kind: Gauge,
        labels: Later,
        help: "Webhooks that were given up, at most 20,000",
    },
    Metric { name: "awe_mails_waiting", kind: Gauge, labels: Later, help: "Mails that wait to be sent" },
];

impl Metric {
    /// Describes it, and begins with zero: the first thing that happens is an increase then.
    fn begin(&self) {
        let Self { name, kind, labels, help } = *self;
        match kind {
            Counter => metrics::describe_counter!(name, help),
            Gauge => metrics::describe_gauge!(name, help),
            Histogram(_) => metrics::describe_histogram!(name, help),
        }
        match labels {
            None => self.register(Vec::new()),
            From(label, values) => {
                values.iter().for_each(|value| self.register(vec![Label::from_static_parts(label, value)]));
            }
            Later => {}
        }
    }

    fn register(&self, labels: Vec<Label>) {
        match self.kind {
            Counter => metrics::counter!(self.name, labels).increment(0),
            Gauge => metrics::gauge!(self.name, labels).set(0.0),
            Histogram(_) => drop(metrics::histogram!(self.name, labels)),
        }
    }
}

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

/// What every program tells, under its own name: `awe_http_request_seconds`.
fn of_every_program(names: &'static Names) -> [Metric; 3] {
    let metric = |name: &'static String, kind, labels, help| Metric { name, kind, labels, help };
    let outcomes = From("outcome", &["exported", "failed", "dropped"]);
    [
        metric(
            &names.http_request_seconds,
            Histogram(&SECONDS),
            Later,
            "HTTP requests by route and status class",
        ),
        metric(
            &names.telemetry_spans_total,
            Counter,
            outcomes,
            "Spans that were exported, failed or dropped",
        ),
        metric(&names.build_info, Gauge, Later, "1, with the version that runs"),
    ]
}

/// Begins to keep these metrics and those that every program tells.
///
/// # Errors
/// As [`Error`] says.
pub fn install(program: &Program, metrics: &[Metric]) -> Result<Scrape, Error> {
    let all = || of_every_program(measure::names(program.name)).into_iter().chain(metrics.iter().copied());
    let mut builder = PrometheusBuilder::new();
    for Metric { name, kind, .. } in all() {
        if let Histogram(buckets) = kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| Error::Twice)?;
    all().for_each(|metric| metric.begin());
    let process = metrics_process::Collector::default();
    process.describe();
    measure::keep();
    measure::build(program.version);
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
