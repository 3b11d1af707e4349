//! Each process says in the database that it runs, what for, and which of its loops are in trouble, so that `awe doctor`
//! finds these and roles that nobody plays.

use crate::state::AppState;
use actors::{Loops, Roles, Trouble};
use std::time::Duration;
use store::processes::Process;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it says so.
const EVERY: Duration = Duration::from_secs(10);
/// How much is told of why, in characters.
const LONGEST_WHY: usize = 300;

/// Says so until `stop`, and then that it has ended. A database that is away is asked again the next time.
pub async fn tell(state: AppState, roles: Roles, stop: CancellationToken) {
    let mut process = Process {
        id: Uuid::now_v7(),
        host: host(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: names(roles).map(str::to_owned).collect(),
        directory: state.staff().is_ok(),
        troubles: Vec::new(),
        started_at: OffsetDateTime::now_utc(),
    };
    loop {
        process.troubles = troubles(&state);
        if let Err(error) = state.store().note_process(&process).await {
            tracing::debug!(%error, "this process could not say that it runs");
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    if let Err(error) = state.store().forget_process(process.id).await {
        tracing::debug!(%error, "this process could not say that it ends");
    }
}

/// What is wrong with the loops of this process.
fn troubles(state: &AppState) -> Vec<String> {
    let troubles = state.loops().map(Loops::troubles).unwrap_or_default();
    let say = |trouble: Trouble| {
        let why: String = trouble.why.chars().filter(|c| !c.is_control()).take(LONGEST_WHY).collect();
        format!("{} ({}): {why}", trouble.name, trouble.state)
    };
    troubles.into_iter().map(say).collect()
}

/// Name of this machine.
#[must_use]
pub fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown-host".to_owned())
}

fn names(roles: Roles) -> impl Iterator<Item = &'static str> {
    let all = [
        (roles.api, "api"),
        (roles.resolver, "resolver"),
        (roles.sla, "sla"),
        (roles.delivery, "delivery"),
        (roles.relay, "relay"),
        (roles.notifier, "notifier"),
    ];
    all.into_iter().filter_map(|(plays, name)| plays.then_some(name))
}
