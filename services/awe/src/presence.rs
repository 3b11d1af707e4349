//! Each process keeps a row in the database with its roles and with those of its loops that are in trouble. From these
//! rows `awe doctor` finds such loops, and roles that no process plays.

use crate::state::AppState;
use actors::{Circuits, Loops, Roles, Trouble};
use serde_json::{Value, json};
use std::time::Duration;
use store::processes::Process;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Most circuits that are told of.
const MOST_CIRCUITS: usize = 200;
/// How often the row is renewed.
const EVERY: Duration = Duration::from_secs(10);
/// Characters of the reason of a trouble that are kept.
const LONGEST_WHY: usize = 300;

/// Renews the row until `stop`, and then removes it. A database that is away gets the row at the next renewal.
pub async fn tell(state: AppState, roles: Roles, circuits: Circuits, stop: CancellationToken) {
    let mut process = Process {
        id: Uuid::now_v7(),
        host: telemetry::host(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: roles.iter().map(|role| role.as_str().to_owned()).collect(),
        directory: state.staff().is_ok(),
        troubles: Vec::new(),
        circuits: Value::Null,
        started_at: OffsetDateTime::now_utc(),
    };
    loop {
        process.troubles = troubles(&state);
        measure(&state);
        process.circuits = json!(circuits.not_closed(MOST_CIRCUITS));
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

/// Tells the numbers that only this room knows.
fn measure(state: &AppState) {
    if let Ok(loops) = state.loops() {
        telemetry::measure::loops(loops.restarts(), loops.troubles().len());
    }
    if let Some(age) = state.authenticator().keys_age() {
        telemetry::measure::jwks_age(age);
    }
}

/// The troubles of this process' loops, in words.
fn troubles(state: &AppState) -> Vec<String> {
    let troubles = state.loops().map(Loops::troubles).unwrap_or_default();
    let say = |trouble: Trouble| {
        let why: String = trouble.why.chars().filter(|c| !c.is_control()).take(LONGEST_WHY).collect();
        format!("{} ({}): {why}", trouble.name, trouble.state)
    };
    troubles.into_iter().map(say).collect()
}
