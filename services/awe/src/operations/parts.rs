//! How everything that this process needs does, for whoever operates it.

use crate::error::ApiError;
use crate::state::AppState;
use actors::Trouble;
use schemas::api::{PartHealthOut, PartStatus, PartsHealthOut};
use std::time::{Duration, Instant};
use store::Store;
use time::OffsetDateTime;

/// How long one of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Above this an event is late for the stream.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(10);

/// Asks each of them now.
///
/// # Errors
/// The process is starting.
pub(crate) async fn parts(state: &AppState) -> Result<PartsHealthOut, ApiError> {
    let troubles = state.loops()?.troubles();
    let (database, directory) = tokio::join!(database(state.store()), directory(state));
    let mut parts = vec![database.0, nats(state), database.1, keys(state), directory];
    parts.extend(troubles.iter().map(loop_in_trouble));
    Ok(PartsHealthOut { as_of: OffsetDateTime::now_utc(), parts })
}

fn part(part: &str, status: PartStatus, message: impl Into<String>) -> PartHealthOut {
    PartHealthOut { part: part.to_owned(), status: status.word().to_owned(), message: message.into() }
}

/// PostgreSQL, and the events in it that the stream has not taken yet.
async fn database(store: &Store) -> (PartHealthOut, PartHealthOut) {
    let began = Instant::now();
    let said = match tokio::time::timeout(PATIENCE, store.outbox_health(OUTBOX_PATIENCE)).await {
        Ok(said) => said,
        Err(_) => Err(store.outage().await),
    };
    let outbox = |status, message| part("outbox", status, message);
    let late = format!("events have waited for the stream for more than {} s", OUTBOX_PATIENCE.as_secs());
    match said {
        Err(error) => (
            part("postgres", PartStatus::Down, error.to_string()),
            outbox(PartStatus::Down, "the database does not say".to_owned()),
        ),
        Ok(health) => {
            let outbox = match (health.refuses, health.late) {
                (true, _) => outbox(PartStatus::Degraded, "the stream refuses an event".to_owned()),
                (_, true) => outbox(PartStatus::Degraded, late),
                _ => outbox(PartStatus::Up, "every event is published in time".to_owned()),
            };
            (part("postgres", PartStatus::Up, answered(began)), outbox)
        }
    }
}

fn answered(began: Instant) -> String {
    format!("answered within {} ms", began.elapsed().as_millis().max(1))
}

fn nats(state: &AppState) -> PartHealthOut {
    match state.bus() {
        None => part("nats", PartStatus::Off, "this process uses none"),
        Some(bus) if bus.is_connected() => part("nats", PartStatus::Up, "connected"),
        Some(_) => part("nats", PartStatus::Down, "not connected; events wait in the database meanwhile"),
    }
}

/// The keys with which the issuer signs tokens.
fn keys(state: &AppState) -> PartHealthOut {
    if state.config().is_development() {
        return part("issuer_keys", PartStatus::Off, "development mode: unsigned tokens are taken");
    }
    let auth = &state.config().auth;
    match state.authenticator().keys_age() {
        None => part("issuer_keys", PartStatus::Down, "never fetched"),
        Some(age) => {
            let kept = Duration::from_secs(auth.jwks_max_age_seconds + auth.jwks_stale_seconds);
            let status = if age <= kept { PartStatus::Up } else { PartStatus::Down };
            part("issuer_keys", status, format!("fetched {} s ago", age.as_secs()))
        }
    }
}

async fn directory(state: &AppState) -> PartHealthOut {
    let Ok(staff) = state.staff() else {
        return part("directory", PartStatus::Off, "none is configured: rules by role and group find nobody");
    };
    let began = Instant::now();
    match tokio::time::timeout(PATIENCE, staff.probe()).await {
        Ok(Ok(())) => part("directory", PartStatus::Up, answered(began)),
        Ok(Err(error)) => part("directory", PartStatus::Down, error.to_string()),
        Err(_) => part("directory", PartStatus::Down, format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn loop_in_trouble(trouble: &Trouble) -> PartHealthOut {
    let Trouble { name, state, restarts, why } = trouble;
    part(name, PartStatus::Degraded, format!("{state}, started again {restarts} times: {why}"))
}
