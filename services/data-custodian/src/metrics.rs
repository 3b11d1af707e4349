//! What is measured, beside what every program measures. No label says who or what it was about.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::OnceLock;
use std::time::Duration;
use telemetry::scrape::{self, Kind, Labels, Metric, SECONDS, Scrape};
use telemetry::{Program, measure};

/// What runs here.
pub const PROGRAM: Program = Program {
    name: "custodian",
    service: "data-custodian",
    version: env!("CARGO_PKG_VERSION"),
    crates: &["data_custodian"],
};

const GRANTS: &str = "custodian_grants_total";
const HANDOFFS: &str = "custodian_handoffs_total";
const APPROVALS: &str = "custodian_approvals_total";
const LAG: &str = "custodian_approval_lag_seconds";
const FORGED: &str = "custodian_events_forged_total";
const ORPHANS: &str = "custodian_orphans_cancelled_total";
const WITHDRAWALS: &str = "custodian_withdrawals_total";
const REAPED: &str = "custodian_nonces_reaped_total";

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

/// Every metric of the custodian's own.
pub const METRICS: [Metric; 8] = [
    counter(
        GRANTS,
        Labels::From("outcome", &["active", "pending", "refused", "limited", "unavailable", "unauthorized"]),
        "Calls of the back-channel, by what became of them",
    ),
    counter(
        HANDOFFS,
        Labels::From("outcome", &["answered", "refused"]),
        "Hand-off tokens: customers that answered, tokens and forms that were refused",
    ),
    counter(
        APPROVALS,
        Labels::From("outcome", &["active", "revoked"]),
        "Authorizations that no longer wait, by what AWE said",
    ),
    Metric {
        name: LAG,
        kind: Kind::Histogram(&SECONDS),
        labels: Labels::None,
        help: "From the end of a request at AWE until its authorization has changed by an event",
    },
    counter(FORGED, Labels::None, "Messages on NATS that AWE does not know"),
    counter(ORPHANS, Labels::None, "Requests at AWE that were cancelled since their grant was never stored"),
    counter(WITHDRAWALS, Labels::None, "Authorizations that were withdrawn"),
    counter(REAPED, Labels::None, "Nonces that were deleted after their end"),
];

/// Of this process, as the recorder is.
static SHOWN: OnceLock<Scrape> = OnceLock::new();

/// Shows these on the public listener from now on.
pub(crate) fn show(scrape: Scrape) {
    // A process keeps metrics once, and so shows them once.
    let _ = SHOWN.set(scrape);
}

/// `GET /metrics`.
pub(crate) async fn text() -> Response {
    match SHOWN.get() {
        Some(scrape) => ([(CONTENT_TYPE, scrape::MEDIA_TYPE)], scrape.render()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A call of the back-channel ended so.
pub(crate) fn grant(outcome: &'static str) {
    measure::add(GRANTS, Some(("outcome", outcome)), 1);
}

/// A customer has `answered`, or a hand-off was `refused`.
pub(crate) fn handoff(outcome: &'static str) {
    measure::add(HANDOFFS, Some(("outcome", outcome)), 1);
}

/// An authorization no longer waits.
pub(crate) fn approval(outcome: &'static str) {
    measure::add(APPROVALS, Some(("outcome", outcome)), 1);
}

/// So long after the end of its request an event has changed an authorization.
pub(crate) fn lag(lag: Duration) {
    measure::took(LAG, lag);
}

/// A message on NATS is not AWE's.
pub(crate) fn forged() {
    measure::add(FORGED, None, 1);
}

/// A request that nobody waits for was cancelled.
pub(crate) fn orphan() {
    measure::add(ORPHANS, None, 1);
}

/// Somebody has withdrawn.
pub(crate) fn withdrawn() {
    measure::add(WITHDRAWALS, None, 1);
}

/// Nonces were deleted.
pub(crate) fn reaped(nonces: u64) {
    measure::add(REAPED, None, nonces);
}
