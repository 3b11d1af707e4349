//! Counters, in the text form of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    /// What it has come to.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($name:ident: $help:literal),+ $(,)?) => {
        /// What happened since the process started.
        #[derive(Debug, Default)]
        pub struct Metrics { $(#[doc = $help] pub $name: Counter),+ }

        impl Metrics {
            /// The text that Prometheus reads.
            #[must_use]
            pub fn text(&self) -> String {
                let mut text = String::new();
                $(
                    let name = concat!("custodian_", stringify!($name), "_total");
                    // Writing into a String cannot fail.
                    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} counter\n{name} {}", $help, self.$name.get());
                )+
                text
            }
        }
    };
}

counters! {
    grants_active: "Grants that took effect at once.",
    grants_pending: "Grants that wait for approval.",
    grants_refused: "Grants that were refused for what they said.",
    grants_limited: "Grants that came too fast.",
    grants_unavailable: "Grants that failed since approval could not be asked for.",
    credentials_refused: "Calls of the back-channel without its credential.",
    handoffs_refused: "Hand-off tokens and forms that were refused.",
    consents: "Answers of customers, allowing or denying.",
    nonces_reaped: "Nonces that were deleted after their end.",
    approvals_ended: "Authorizations whose waiting an event ended.",
    events_forged: "Messages on NATS that AWE does not know.",
    withdrawals: "Authorizations that were withdrawn.",
}
