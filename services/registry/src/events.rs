//! Takes news of AWE into the database, exactly once, whether it came by webhook or was looked up.

use crate::app;
use crate::change_request::lock_by_request;
use crate::settle::{SettleError, Verdict, settle};
use awe_client::{AnyEvent, JsonObject};
use serde_json::Value;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

/// What this registry asks approval for.
pub const ARTIFACT_TYPE: &str = "registry.change_request";
/// So long after an event its change request may not be committed yet.
const YOUNG: Duration = Duration::minutes(10);
/// Pauses in milliseconds, half a second in all. A creation commits right after AWE has answered it, and its first webhooks
/// may be quicker; AWE leaves a receiver alone for a while that answers many of them 503.
const PAUSES: [u64; 6] = [10, 20, 40, 80, 150, 200];
/// Characters kept of a text that somebody else wrote.
const MOST_TEXT: usize = 2000;
/// Characters of an id; AWE's have 36.
pub const MOST_ID: usize = 200;

/// One thing that happened to a request of AWE.
#[derive(Debug, Clone)]
pub struct News {
    pub event_id: String,
    pub request_id: String,
    pub event_type: String,
    /// What follows from it for the change request; `None`: nothing.
    pub verdict: Option<Verdict>,
    /// Whether the change request that it is about may still be on its way into the database.
    pub may_come: bool,
}

/// Why news could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum NewsError {
    /// Sent again, it may be known.
    #[error("no change request of this registry has this request (yet)")]
    NotYetKnown,
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl From<sqlx::Error> for NewsError {
    fn from(error: sqlx::Error) -> Self {
        Self::Settle(error.into())
    }
}

impl News {
    /// What a verified webhook says.
    #[must_use]
    pub fn of(event: &AnyEvent) -> Self {
        let id = |text: &str| text.chars().filter(|c| *c != '\0').take(MOST_ID).collect();
        let request_id = event.data().get("request_id").and_then(Value::as_str).unwrap_or_default();
        let known = event.known();
        let is_ours = known.is_some_and(|event| event.artifact_type == ARTIFACT_TYPE);
        let age = known.map(|event| (OffsetDateTime::now_utc() - event.occurred_at).abs());
        Self {
            event_id: id(event.event_id()),
            request_id: id(request_id),
            event_type: id(event.event_type()),
            verdict: known
                .and_then(|event| verdict(event.event_type.as_str(), event.actor.as_deref(), &event.payload)),
            may_come: is_ours && age.is_some_and(|age| age < YOUNG),
        }
    }
}

/// What an event of this type makes of a change request.
#[must_use]
pub fn verdict(event_type: &str, actor: Option<&str>, payload: &JsonObject) -> Option<Verdict> {
    let by = clean(actor.unwrap_or("system"));
    let said = |name: &str| payload.get(name).and_then(Value::as_str).map(clean);
    Some(match event_type {
        "request_approved" => Verdict::Approve { by },
        // The deciding comment is what people want to read, the event's reason a word for programs.
        "request_rejected" => Verdict::Reject { by, reason: said("comment").or_else(|| said("reason")) },
        "request_cancelled" => Verdict::Cancel { by, reason: said("reason") },
        "request_expired" => Verdict::Cancel { by, reason: Some("expired".to_owned()) },
        _ => return None,
    })
}

/// A text that PostgreSQL can hold, of bounded length.
fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(MOST_TEXT).collect()
}

/// Writes the news into the log and does what follows from it, in one transaction. What was applied, or looked at without
/// an error, is not looked at again. Returns whether a change request was changed.
///
/// # Errors
/// Nothing was changed, and the log keeps the error: the same news is tried again when it comes again.
pub async fn take(db: &PgPool, news: &News) -> Result<bool, NewsError> {
    let mut taken = attempt(db, news).await;
    for pause in PAUSES {
        if !matches!(taken, Err(NewsError::NotYetKnown)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        taken = attempt(db, news).await;
    }
    if let Err(error) = &taken
        && let Err(lost) = note(db, news, &error.to_string()).await
    {
        tracing::warn!(%lost, event_id = news.event_id, "an error could not be noted in the log");
    }
    taken
}

// snippet: once
async fn attempt(db: &PgPool, news: &News) -> Result<bool, NewsError> {
    let mut tx = app::begin(db).await?;
    // The same event on another connection waits here until that one has ended.
    let new = sqlx::query(
        "insert into awe_webhook_event_log (event_id, request_id, event_type) values ($1, $2, $3)
         on conflict (event_id) do nothing",
    );
    let new = new.bind(&news.event_id).bind(&news.request_id).bind(&news.event_type);
    let is_new = new.execute(&mut *tx).await?.rows_affected() == 1;
    let seen = sqlx::query_as(
        "select applied, error is not null from awe_webhook_event_log where event_id = $1 for update",
    );
    let (is_applied, has_failed): (bool, bool) = seen.bind(&news.event_id).fetch_one(&mut *tx).await?;
    if !is_new && (is_applied || !has_failed) {
        return Ok(false);
    }
    let error = match lock_by_request(&mut tx, &news.request_id).await? {
        Some(change) => {
            let verdict = news.verdict.as_ref().filter(|_| change.is_pending());
            if let Some(verdict) = verdict {
                settle(&mut tx, &change, verdict).await?;
            }
            Ok(verdict.is_some())
        }
        None if news.may_come => return Err(NewsError::NotYetKnown),
        None => Err("no change request has this request"),
    };
    let update = sqlx::query("update awe_webhook_event_log set applied = $2, error = $3 where event_id = $1");
    let update = update.bind(&news.event_id).bind(error == Ok(true)).bind(error.err());
    update.execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(error == Ok(true))
}
// end snippet

async fn note(db: &PgPool, news: &News, error: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "insert into awe_webhook_event_log (event_id, request_id, event_type, error) values ($1, $2, $3, $4)
         on conflict (event_id) do update set error = excluded.error where not awe_webhook_event_log.applied",
    );
    let query = query.bind(&news.event_id).bind(&news.request_id).bind(&news.event_type).bind(clean(error));
    query.execute(db).await.map(drop)
}
