//! What is measured: one function for each thing that happens, and one for each level that is looked at. Without
//! [`crate::scrape`] they do nothing.
//!
//! A label has few values, all known here, or is bounded by [`Bounded`]: no id of a request, person or policy is one.

use metrics::{SharedString, counter, gauge, histogram};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static KEPT: AtomicBool = AtomicBool::new(false);
static NAMES: OnceLock<Names> = OnceLock::new();

/// The names of what every program tells.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) http_request_seconds: String,
    pub(crate) telemetry_spans_total: String,
    pub(crate) build_info: String,
}

/// The names under which the program of this process tells; the first one that asks says which it is.
pub(crate) fn names(program: &str) -> &'static Names {
    NAMES.get_or_init(|| Names {
        http_request_seconds: format!("{program}_http_request_seconds"),
        telemetry_spans_total: format!("{program}_telemetry_spans_total"),
        build_info: format!("{program}_build_info"),
    })
}

/// Counts one more of a metric that the program has named to [`crate::scrape::install`]. `label`: its name, and one of
/// the few values that were named.
pub fn add(name: &'static str, label: Option<(&'static str, &'static str)>, n: u64) {
    match label {
        Some((label, value)) => counter!(name, label => value).increment(n),
        None => counter!(name).increment(n),
    }
}

/// Something of a metric of the program's own took so long.
pub fn took(name: &'static str, took: Duration) {
    histogram!(name).record(took);
}

/// Whether somebody may look: levels that cost a look are taken only then.
#[must_use]
pub fn is_kept() -> bool {
    KEPT.load(Ordering::Relaxed)
}

pub(crate) fn keep() {
    KEPT.store(true, Ordering::Relaxed);
}

/// An HTTP request that was answered. `route` is one of the routes that there are, never a path; `status` becomes its
/// class: `2xx`.
pub fn answered(method: &'static str, route: impl Into<SharedString>, status: u16, took: Duration) {
    let Some(names) = NAMES.get() else { return };
    let status = match status {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    let name = names.http_request_seconds.as_str();
    histogram!(name, "method" => method, "route" => route, "status" => status).record(took);
}

/// A decision that was committed, `took` from when it was asked for.
pub fn decided(action: &'static str, took: Duration) {
    counter!("awe_decisions_total", "action" => action).increment(1);
    histogram!("awe_decision_seconds").record(took);
}

/// A request was created.
pub fn created() {
    counter!("awe_requests_created_total").increment(1);
}

/// A request ended, `took` from its creation.
pub fn ended(status: &'static str, took: Duration) {
    counter!("awe_requests_ended_total", "status" => status).increment(1);
    histogram!("awe_time_to_decision_seconds").record(took);
}

/// Something happened to a stage: it was `completed`, `skipped`, `escalated`, or its approvers were not found.
pub fn stage_ended(outcome: &'static str) {
    counter!("awe_stages_total", "outcome" => outcome).increment(1);
}

/// A command waited so long for its actor.
pub fn waited_for_actor(wait: Duration) {
    histogram!("awe_actor_wait_seconds").record(wait);
}

/// One statement of the group commit.
pub fn committed(batch: usize, took: Duration) {
    histogram!("awe_commit_batch_size").record(count(batch));
    histogram!("awe_commit_seconds").record(took);
}

/// Commits that wait for a writer.
pub fn commit_queue(waiting: usize) {
    gauge!("awe_commit_queue").set(count(waiting));
}

/// Connections of a pool to the database: at work, and idle.
pub fn connections(pool: &'static str, busy: usize, idle: usize) {
    gauge!("awe_database_connections", "pool" => pool, "state" => "busy").set(count(busy));
    gauge!("awe_database_connections", "pool" => pool, "state" => "idle").set(count(idle));
}

/// A batch that the stream has acknowledged, or not.
pub fn published(outcome: &'static str, events: usize) {
    counter!("awe_events_published_total", "outcome" => outcome).increment(events as u64);
}

/// The stream was compared with the database: it was the `same`, had `lost` events, or could not be read (`failed`).
pub fn compared(result: &'static str) {
    counter!("awe_stream_comparisons_total", "result" => result).increment(1);
}

/// Approvers of a request were looked up: `resolved` or `failed`.
pub fn resolved(outcome: &'static str, took: Duration) {
    histogram!("awe_stage_resolution_seconds", "outcome" => outcome).record(took);
    if outcome == "failed" {
        counter!("awe_stage_resolution_errors_total").increment(1);
    }
}

/// The directory was asked: answered from what is known (`hit`) or not.
pub fn looked_up(hit: bool) {
    counter!("awe_directory_lookups_total", "cache" => if hit { "hit" } else { "miss" }).increment(1);
}

/// A deadline fired so long after its time.
pub fn fired_late(by: Duration) {
    histogram!("awe_sla_lateness_seconds").record(by);
}

/// An attempt of a webhook: `delivered`, `retried` or `exhausted`.
pub fn attempted(endpoint: &str, outcome: &'static str, took: Duration) {
    let endpoint = ENDPOINTS.name(endpoint);
    counter!("awe_deliveries_total", "outcome" => outcome, "endpoint" => endpoint).increment(1);
    histogram!("awe_delivery_attempt_seconds", "outcome" => outcome).record(took);
}

/// What came of a mail: `sent`, `dropped`, `retried` or `failed`.
pub fn mailed(outcome: &'static str) {
    counter!("awe_mails_total", "outcome" => outcome).increment(1);
}

/// The policy gate was asked: `allowed`, `refused`, `failed`.
pub fn gated(outcome: &'static str, took: Duration) {
    counter!("awe_gate_total", "outcome" => outcome).increment(1);
    histogram!("awe_gate_seconds").record(took);
}

/// A token was asked of an `OAuth2` server: `fetched`, `failed`.
pub fn token_fetched(outcome: &'static str) {
    counter!("awe_token_fetches_total", "outcome" => outcome).increment(1);
}

/// Age of the keys that tokens are verified with.
pub fn jwks_age(age: Duration) {
    gauge!("awe_jwks_age_seconds").set(age);
}

/// Rows that retention has removed.
pub fn removed(what: &'static str, rows: u64) {
    counter!("awe_retention_removed_total", "what" => what).increment(rows);
}

/// A loop had to be started again, `restarts` times since the process started; so many are in trouble now.
pub fn loops(restarts: u64, in_trouble: usize) {
    counter!("awe_loop_restarts_total").absolute(restarts);
    gauge!("awe_loops_in_trouble").set(count(in_trouble));
}

/// Request actors that are live.
pub fn actors(live: usize) {
    gauge!("awe_actors_live").set(count(live));
}

/// Endpoints whose circuit is not closed in this process: open, and about to be tried.
pub fn breakers(open: usize, half_open: usize) {
    gauge!("awe_endpoint_breaker_state", "state" => "open").set(count(open));
    gauge!("awe_endpoint_breaker_state", "state" => "half_open").set(count(half_open));
}

/// Whether this process holds the relay's lock, and so tells what is one number for the whole installation.
pub fn leads(leads: bool) {
    gauge!("awe_relay_leader").set(if leads { 1.0 } else { 0.0 });
}

/// What waits in the whole installation, told by the process that publishes events. A process that is not the one tells
/// nothing but zeros, so that the highest value is the right one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backlog {
    pub unpublished: i64,
    /// Age of the oldest of them, in seconds.
    pub oldest_seconds: f64,
    pub open_tasks: i64,
    pub overdue_tasks: i64,
    pub deliveries: i64,
    pub exhausted: i64,
    pub mails: i64,
    /// Requests that are `pending`, and those `in_review`.
    pub pending: i64,
    pub in_review: i64,
}

/// Sets the levels of the whole installation.
pub fn backlog(now: Backlog) {
    let levels = [
        ("awe_outbox_unpublished", now.unpublished),
        ("awe_tasks_open", now.open_tasks),
        ("awe_tasks_overdue", now.overdue_tasks),
        ("awe_deliveries_waiting", now.deliveries),
        ("awe_deliveries_exhausted", now.exhausted),
        ("awe_mails_waiting", now.mails),
    ];
    for (name, level) in levels {
        gauge!(name, SCOPE.0 => SCOPE.1).set(signed(level));
    }
    gauge!("awe_outbox_oldest_seconds", SCOPE.0 => SCOPE.1).set(now.oldest_seconds);
    requests("pending", now.pending);
    requests("in_review", now.in_review);
}

/// Requests that are kept, by status.
pub fn requests(status: &'static str, n: i64) {
    gauge!("awe_requests", "status" => status, SCOPE.0 => SCOPE.1).set(signed(n));
}

/// Spans that were `exported`, that the collector did not take (`failed`), or for which there was no room (`dropped`).
pub fn spans(outcome: &'static str, n: usize) {
    let Some(names) = NAMES.get() else { return };
    counter!(names.telemetry_spans_total.as_str(), "outcome" => outcome).increment(n as u64);
}

/// What runs here.
pub fn build(version: &'static str) {
    let Some(names) = NAMES.get() else { return };
    gauge!(names.build_info.as_str(), "version" => version).set(1.0);
}

/// The label of what is one number for the installation.
const SCOPE: (&str, &str) = ("scope", "installation");

/// Counts are far below 2^52, from where on a float would round them.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "as `count`")]
fn signed(n: i64) -> f64 {
    n as f64
}

/// Endpoints of webhooks that have a label of their own.
static ENDPOINTS: Bounded = Bounded::new(100);

/// Names that come from outside, the first so many of which become labels; the others share `other`.
#[derive(Debug)]
pub struct Bounded {
    known: Mutex<Option<HashSet<String>>>,
    most: usize,
}

impl Bounded {
    /// Room for `most` names.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { known: Mutex::new(None), most }
    }

    /// The label for a name.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        let mut known = self.known.lock();
        let known = known.get_or_insert_default();
        if known.contains(name) {
            return name.to_owned();
        }
        if known.len() >= self.most {
            return "other".to_owned();
        }
        known.insert(name.to_owned());
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_make_a_bounded_number_of_labels() {
        let names = Bounded::new(2);
        let labels: HashSet<String> = (0..1000).map(|n| names.name(&format!("https://{n}"))).collect();
        assert_eq!(labels.len(), 3);
        assert_eq!((names.name("https://1"), names.name("https://7")), ("https://1".into(), "other".into()));
    }
}
