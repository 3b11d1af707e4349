//! Checks what waits for a process, an endpoint or the staff directory.

use super::finding::Finding;
use crate::config::Config;
use store::doctor::HeldBack;
use store::processes::Process;
use store::{Error, Store};
use time::format_description::well_known::Rfc3339;

/// Roles that every installation needs.
const NEEDED: [&str; 5] = ["api", "resolver", "sla", "delivery", "relay"];

pub(super) async fn look(store: &Store, config: &Config) -> Vec<Finding> {
    let processes = match store.processes().await {
        Ok(processes) => processes,
        Err(error) => return vec![failed("roles", &error)],
    };
    let mut findings = vec![roles(&processes, config)];
    findings.extend(loops(&processes));
    match store.waiting_for_directory().await {
        Ok(waiting) => findings.push(directory(&processes, waiting, config)),
        Err(error) => findings.push(failed("directory", &error)),
    }
    match store.held_back().await {
        Ok(held) if held.is_empty() => findings.push(Finding::ok("endpoints", "none is held back")),
        Ok(held) => findings.extend(held.iter().map(endpoint)),
        Err(error) => findings.push(failed("endpoints", &error)),
    }
    findings
}

fn failed(check: &'static str, error: &Error) -> Finding {
    Finding::failure(check, format!("cannot be looked at: {error}"), "look at the log of PostgreSQL")
}

fn roles(processes: &[Process], config: &Config) -> Finding {
    if processes.is_empty() {
        let advice = "start `awe serve`; processes of a release that says nothing of itself are not seen";
        return Finding::warning("roles", "no process has said within a minute that it runs", advice);
    }
    let notifier = config.notifier.enabled.then_some("notifier");
    let played = |role: &&str| processes.iter().any(|process| process.roles.iter().any(|one| one == role));
    let idle: Vec<&str> = NEEDED.into_iter().chain(notifier).filter(|role| !played(role)).collect();
    if idle.is_empty() {
        return Finding::ok("roles", format!("each is played; {} processes run", processes.len()));
    }
    let advice = format!("start a process that plays them: awe serve --roles {}", idle.join(","));
    Finding::warning("roles", format!("nobody plays {}", idle.join(", ")), advice)
}

/// Troubles that processes have reported of their own loops.
fn loops(processes: &[Process]) -> Vec<Finding> {
    let troubled = processes.iter().filter(|process| !process.troubles.is_empty());
    let told = |process: &Process| {
        Finding::failure(
            "loops",
            format!("of the process on {}: {}", process.host, process.troubles.join("; ")),
            "look at its log; restart it when the trouble does not pass, and report what it says",
        )
    };
    let found: Vec<Finding> = troubled.map(told).collect();
    match (found.is_empty(), processes.is_empty()) {
        (true, false) => vec![Finding::ok("loops", "every process says that all of its loops run")],
        _ => found,
    }
}

fn directory(processes: &[Process], waiting: i64, config: &Config) -> Finding {
    let resolvers = processes.iter().filter(|process| process.roles.iter().any(|role| role == "resolver"));
    let mut resolvers = resolvers.peekable();
    let known = match resolvers.peek() {
        Some(_) => resolvers.any(|process| process.directory),
        None => !config.keycloak.base_url.is_empty() || !config.keycloak.directory_file.is_empty(),
    };
    match (waiting, known) {
        (0, _) => Finding::ok("directory", "no request waits for it"),
        (_, true) => Finding::warning(
            "directory",
            format!("{waiting} requests wait until it has answered"),
            "see why (stage_resolution_failed in GET /requests/{id}/events)",
        ),
        (_, false) => Finding::failure(
            "directory",
            format!("{waiting} requests wait for a staff directory, and none is configured"),
            "set keycloak.base_url where the role resolver is played, or cancel them and name approvers by user id",
        ),
    }
}

fn endpoint(held: &HeldBack) -> Finding {
    let since = held.since.format(&Rfc3339).unwrap_or_default();
    let HeldBack { endpoint, waiting, last_error, .. } = held;
    let why = last_error.as_deref().unwrap_or("nothing was attempted yet");
    Finding::warning(
        "endpoints",
        format!("{waiting} webhooks to {endpoint} wait since {since}: {why}"),
        "see whether it answers; one attempt at once: POST /admin/deliveries/{id}/retry",
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;
    use crate::config::load_from;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn process(roles: &[&str], directory: bool) -> Process {
        Process {
            id: Uuid::nil(),
            host: "h".to_owned(),
            version: "1".to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            directory,
            troubles: Vec::new(),
            circuits: serde_json::Value::Null,
            started_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_loop_in_trouble_is_told_with_its_process() {
        let sound = process(&NEEDED, false);
        let shaky = Process { troubles: vec!["relay (failing): no luck".to_owned()], ..sound.clone() };
        let found = loops(&[sound.clone(), shaky]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].status, Status::Failure);
        assert!(found[0].message.contains("relay (failing): no luck"), "{}", found[0].message);
        assert_eq!(loops(&[sound])[0].status, Status::Ok);
        assert!(loops(&[]).is_empty());
    }

    #[test]
    fn a_role_that_nobody_plays_is_named_with_what_to_start() {
        let config = load_from(None, []).expect("the defaults");
        let found =
            roles(&[process(&["api", "sla"], false), process(&["delivery", "resolver"], false)], &config);
        assert_eq!((found.status, &*found.message), (Status::Warning, "nobody plays relay"));
        assert_eq!(roles(&[], &config).status, Status::Warning);
        assert_eq!(roles(&[process(&NEEDED, false)], &config).status, Status::Ok);
    }

    #[test]
    fn requests_that_wait_for_a_directory_that_nobody_has_are_a_failure() {
        let config = load_from(None, []).expect("the defaults");
        let without = [process(&["resolver"], false)];
        assert_eq!(directory(&without, 0, &config).status, Status::Ok);
        assert_eq!(directory(&without, 3, &config).status, Status::Failure);
        assert_eq!(directory(&[process(&["resolver"], true)], 3, &config).status, Status::Warning);
    }
}
