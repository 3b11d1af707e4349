//! What operators are told: traces, and metrics beside those that every program has.

use crate::events::NewsError;
use telemetry::scrape::{Kind, Labels, Metric, SECONDS};
use telemetry::{Program, measure};

pub const PROGRAM: Program = Program {
    name: "registry",
    service: "registry",
    version: env!("CARGO_PKG_VERSION"),
    crates: &["registry"],
};

pub const AWE_SECONDS: &str = "registry_awe_seconds";
const WEBHOOKS: &str = "registry_webhooks_total";
const RECONCILED: &str = "registry_reconciled_total";

pub const METRICS: [Metric; 3] = [
    Metric {
        name: WEBHOOKS,
        kind: Kind::Counter,
        labels: Labels::From("outcome", &["applied", "nothing", "failed", "refused"]),
        help: "Webhooks of AWE: a change ended, nothing followed, it comes again, it was not signed right",
    },
    Metric {
        name: RECONCILED,
        kind: Kind::Counter,
        labels: Labels::None,
        help: "Changes whose end was looked up at AWE, since no webhook told of it",
    },
    Metric {
        name: AWE_SECONDS,
        kind: Kind::Histogram(&SECONDS),
        labels: Labels::None,
        help: "How long AWE was waited for",
    },
];

pub fn webhook(taken: &Result<bool, NewsError>) {
    let outcome = match taken {
        Ok(true) => "applied",
        Ok(false) => "nothing",
        Err(_) => "failed",
    };
    measure::add(WEBHOOKS, Some(("outcome", outcome)), 1);
}

pub fn refused_webhook() {
    measure::add(WEBHOOKS, Some(("outcome", "refused")), 1);
}

pub fn reconciled() {
    measure::add(RECONCILED, None, 1);
}
