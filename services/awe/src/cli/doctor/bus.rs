//! Checks NATS: the server, its clock, and the configuration of our streams.

use super::finding::{Finding, clock};
use bus::{Bus, ServerFacts};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// The oldest version whose streams can do what ours need.
const OLDEST: (u32, u32) = (2, 10);

pub(super) async fn look(bus: &Bus) -> Vec<Finding> {
    let deadline = Instant::now() + CONNECT_WITHIN;
    while !bus.is_connected() {
        if Instant::now() > deadline {
            return vec![Finding::failure(
                "nats",
                "does not answer",
                "check nats.url, and that nats-server runs; until then events wait and webhooks go out by the poll",
            )];
        }
        sleep(BETWEEN_LOOKS).await;
    }
    let before = OffsetDateTime::now_utc();
    let facts = match bus.server_facts().await {
        Ok(facts) => facts,
        Err(error) => return vec![Finding::failure("nats", error.to_string(), "check nats.url")],
    };
    let after = OffsetDateTime::now_utc();
    let mut findings = vec![version(&facts)];
    if !facts.jetstream {
        findings.push(Finding::failure(
            "nats jetstream",
            "is off",
            "start nats-server with JetStream (`-js`, or `jetstream {}` in its configuration)",
        ));
        return findings;
    }
    if let Some(now) = facts.now {
        findings.push(clock("nats clock", now, before, after));
    }
    findings.push(shape(bus).await);
    findings.push(Finding::ok(
        "nats sync_interval",
        "is not told to clients; whatever it is, the relay publishes again what the stream lost",
    ));
    findings
}

fn version(facts: &ServerFacts) -> Finding {
    let mut parts = facts.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < OLDEST {
        return Finding::failure("nats", format!("version {}", facts.version), "upgrade to 2.10 or newer");
    }
    Finding::ok("nats", format!("answers, version {}", facts.version))
}

async fn shape(bus: &Bus) -> Finding {
    match bus.misshapen().await {
        Ok(differences) if differences.is_empty() => {
            Finding::ok("nats streams", "are there and have the configured shape")
        }
        Ok(differences) => Finding::failure(
            "nats streams",
            differences.join("; "),
            "start a process with the role relay, which brings them into shape; its log says why it cannot",
        ),
        Err(error) => Finding::failure(
            "nats streams",
            error.to_string(),
            "start a process with the role relay, which makes them and fills them from the database",
        ),
    }
}
