//! Checks whether the stored history can be trusted: the triggers that guard it, and whether rows agree with it.

use super::finding::Finding;
use store::doctor::Guards;
use store::policies::PolicyTexts;
use store::{Error, Store};

const LOOK: &str = "look at the log of PostgreSQL";
const TAMPERED: &str = "somebody wrote to the database past its guards: find out who, and compare with a backup and \
                        with `awe audit export` (docs/audit.md)";

pub(super) async fn look(store: &Store) -> Vec<Finding> {
    let mut findings = match store.guards().await {
        Ok(guards) => vec![triggers(&guards), bypass(&guards), role(&guards)],
        Err(error) => vec![failed("guards", &error)],
    };
    findings.push(match store.check_policy_texts().await {
        Ok(texts) => policies(&texts),
        Err(error) => failed("policy texts", &error),
    });
    findings.push(match store.status_mismatches().await {
        Ok(0) => Finding::ok("history", "every request has the status that its last event tells of"),
        Ok(wrong) => Finding::failure(
            "history",
            format!(
                "{wrong} requests have another status than their last event tells of, or lack that event"
            ),
            TAMPERED,
        ),
        Err(error) => failed("history", &error),
    });
    findings
}

fn failed(check: &'static str, error: &Error) -> Finding {
    Finding::failure(check, format!("cannot be looked at: {error}"), LOOK)
}

fn triggers(guards: &Guards) -> Finding {
    let off: Vec<&str> = guards.missing.iter().chain(&guards.disabled).map(String::as_str).collect();
    if off.is_empty() {
        return Finding::ok("guards", "every trigger that keeps history is there and enabled");
    }
    Finding::failure(
        "guards",
        format!("history can be rewritten, triggers are gone or switched off: {}", off.join(", ")),
        "enable them (alter table ... enable trigger ...), make those that are gone again as migrations/ has them, and \
         find out who took them away",
    )
}

fn bypass(guards: &Guards) -> Finding {
    if guards.bypassed.is_empty() {
        return Finding::ok("guards", "nothing keeps triggers from firing");
    }
    Finding::failure(
        "guards",
        format!(
            "session_replication_role = replica keeps triggers from firing: {}",
            guards.bypassed.join(", ")
        ),
        "reset it (alter role or alter database ... reset session_replication_role)",
    )
}

fn role(guards: &Guards) -> Finding {
    if !guards.owner {
        return Finding::ok("database role", "the application owns nothing and cannot take guards away");
    }
    Finding::warning(
        "database role",
        "this user owns the tables, and could take the guards of history away",
        "let servers connect as a role of their own: awe migrate --app-role NAME (docs/audit.md)",
    )
}

fn policies(texts: &PolicyTexts) -> Finding {
    if !texts.changed.is_empty() {
        let message = format!("not the text that was activated: {}", texts.changed.join(", "));
        return Finding::failure("policy texts", message, TAMPERED);
    }
    if !texts.unknown.is_empty() {
        return Finding::warning(
            "policy texts",
            format!("activated without a hash: {}", texts.unknown.join(", ")),
            "upgrade every process, then run `awe migrate`: it hashes them",
        );
    }
    Finding::ok("policy texts", format!("all {} that are in force are what was activated", texts.checked))
}
