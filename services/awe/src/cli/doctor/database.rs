//! Checks Postgres, what is stored in it, and whether anything in it is stuck.

use super::finding::{Finding, clock};
use super::{evidence, waiting};
use crate::config::Config;
use store::Store;
use store::doctor::{Counts, Facts};
use time::OffsetDateTime;

/// PostgreSQL 15.0, as `server_version_num` writes it.
const OLDEST: i32 = 150_000;

pub(super) async fn look(store: &Store, config: &Config) -> Vec<Finding> {
    let before = OffsetDateTime::now_utc();
    let facts = match store.facts().await {
        Ok(facts) => facts,
        Err(error) => {
            let why =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            return vec![Finding::failure(
                "postgres",
                format!("cannot be asked: {why}"),
                "check database.url, and that PostgreSQL runs and lets this user in",
            )];
        }
    };
    let after = OffsetDateTime::now_utc();
    let mut findings = vec![version(&facts), connections(&facts, config)];
    findings.extend(settings(&facts));
    findings.push(clock("postgres clock", facts.now, before, after));
    match store.schema().await {
        Ok(schema) if !schema.pending.is_empty() => findings.push(Finding::failure(
            "migrations",
            format!("{} are not applied", schema.pending.len()),
            "run `awe migrate`; it is safe while servers run",
        )),
        Ok(schema) if !schema.newer.is_empty() => findings.push(Finding::warning(
            "migrations",
            format!("the database has {} that this program does not know", schema.newer.len()),
            "this `awe` is older than the database: upgrade it",
        )),
        Ok(_) => {
            findings.push(Finding::ok("migrations", "all are applied"));
            findings.push(secrets(store, config).await);
            findings.extend(stuck(store).await);
            findings.extend(evidence::look(store).await);
            findings.extend(waiting::look(store, config).await);
        }
        Err(_) => findings.push(Finding::failure(
            "migrations",
            "the database has no schema",
            "run `awe migrate`, and look whether database.url names the right database",
        )),
    }
    findings
}

fn version(facts: &Facts) -> Finding {
    if facts.version_num < OLDEST {
        return Finding::failure("postgres", format!("version {}", facts.version), "upgrade to 15 or newer");
    }
    Finding::ok("postgres", format!("answers, version {}", facts.version))
}

fn connections(facts: &Facts, config: &Config) -> Finding {
    // Two connections are outside the pools: one holds the relay's lock, one listens for moved deadlines.
    let wanted = i64::from(config.database.max_connections) + 2;
    let most = i64::from(facts.max_connections);
    let message = format!("this process may open {wanted} of {most}");
    if wanted * 2 > most {
        return Finding::warning(
            "postgres connections",
            message,
            "raise max_connections, or lower database.max_connections: two processes would not fit",
        );
    }
    Finding::ok("postgres connections", message)
}

fn settings(facts: &Facts) -> Vec<Finding> {
    let judge = |(name, value): &(String, String)| {
        let off = value == "off" || (name == "synchronous_commit" && value == "local");
        let message = format!("{name} = {value}");
        if off {
            let advice = format!("set {name} = on: what was acknowledged may be lost in a crash");
            return Finding::failure("postgres durability", message, advice);
        }
        Finding::ok("postgres durability", message)
    };
    facts.settings.iter().map(judge).collect()
}

async fn secrets(store: &Store, config: &Config) -> Finding {
    let advice = "give the master key that they were sealed under (secrets.master_key or secrets.master_key_file), \
                  or rotate the secrets";
    let has_key = matches!(config.master_key(), Ok(Some(_)));
    let vault = match config.vault() {
        Ok(vault) => vault,
        Err(error) => return Finding::failure("secrets", error.to_string(), advice),
    };
    let unknown = |name: &String| !config.credentials.contains_key(name);
    match store.check_secrets(&vault).await {
        Ok(found) if found.closed > 0 => Finding::failure(
            "secrets",
            format!("those of {} callers cannot be opened; their webhooks fail", found.closed),
            advice,
        ),
        Ok(found) if found.credentials.iter().any(unknown) => Finding::failure(
            "secrets",
            format!(
                "name credentials that are not configured; their webhooks fail: {}",
                found.credentials.into_iter().filter(unknown).collect::<Vec<_>>().join(", ")
            ),
            "configure them again (credentials.<name>), or name others \
             (PATCH /v1/awe/admin/callback-secrets/{id})",
        ),
        Ok(found) if !has_key => Finding::warning(
            "secrets",
            format!("no master key; {} secrets are stored", found.live),
            "set secrets.master_key before the first secret is made (openssl rand -base64 32)",
        ),
        Ok(found) => Finding::ok("secrets", format!("all {} can be opened", found.live)),
        Err(error) => Finding::failure("secrets", error.to_string(), "look at the log of PostgreSQL"),
    }
}

async fn stuck(store: &Store) -> Vec<Finding> {
    let counts = match store.stuck().await {
        Ok(counts) => counts,
        Err(error) => {
            return vec![Finding::failure("stuck", error.to_string(), "look at the log of PostgreSQL")];
        }
    };
    let mut findings = invariants(&counts);
    findings.extend(webhooks(&counts));
    findings
}

/// Findings that name something which must not exist at all.
fn invariants(counts: &Counts) -> Vec<Finding> {
    let report = "cannot happen: please report it, with the request's timeline (GET /requests/{id}/events)";
    let found = [
        (counts.in_review_stuck, "requests in review that nobody can decide", report),
        (counts.pending_stuck, "pending requests that nobody resolves", report),
        (counts.terminal_open, "open tasks of finished requests", report),
        (counts.sequence_wrong, "requests whose last sequence is not that of their last event", report),
        (
            counts.open_work_wrong,
            "requests whose open work is told wrongly",
            "cannot happen: please report it; `select renew_open_work(request_id) from wrong_open_work` mends them",
        ),
        (counts.orphaned, "new events of requests that do not exist", report),
        (
            counts.resolution_late,
            "resolutions overdue by more than a minute",
            "run a process with the role resolver",
        ),
        (counts.deadline_late, "deadlines passed more than a minute ago", "run a process with the role sla"),
        (
            counts.unpublished_late,
            "events waiting for the stream for more than a minute",
            "run a process with the role relay, and look at the findings about NATS",
        ),
        (
            counts.refused,
            "events that NATS refuses (outbox_refused.refused_because says why); their webhooks go out all the same",
            "raise max_payload of NATS, then `awe outbox republish --from TIME`",
        ),
    ];
    let judge = |(count, what, advice)| match count {
        0 => Finding::ok("stuck", format!("no {what}")),
        _ => Finding::failure("stuck", format!("{count} {what}"), advice),
    };
    found.map(judge).into()
}

fn webhooks(counts: &Counts) -> [Finding; 2] {
    let late = match counts.delivery_late {
        0 => Finding::ok("webhooks", "none is overdue"),
        // Only a warning: deliveries to an endpoint whose breaker is open stay due all that time.
        late => Finding::warning(
            "webhooks",
            format!("{late} are overdue by more than a minute"),
            "see whether their endpoints answer (last_error); else run a process with the role delivery, or more",
        ),
    };
    let exhausted = match counts.exhausted {
        0 => Finding::ok("webhooks", "none was given up"),
        exhausted => Finding::warning(
            "webhooks",
            format!("{exhausted} were given up"),
            "see why (GET /admin/deliveries?status=exhausted), then POST /admin/deliveries/retry",
        ),
    };
    [late, exhausted]
}
