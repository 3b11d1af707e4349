//! What of the feed a caller wants.

use crate::auth::Identity;
use crate::error::ApiError;
use crate::extract::check_word;
use crate::places::StreamPlace;
use crate::state::AppState;
use actors::{Follower, FollowerOptions, Start};
use axum::http::HeaderMap;
use schemas::api::{FeedQuery, StreamQuery};
use std::time::Duration;
use store::feed::{FeedFilter, Place};
use tokio::time::Instant;

/// How often a stream says that it lives. Proxies cut connections that are silent for some 60 s.
const BEAT: Duration = Duration::from_secs(15);
/// The word in the place of a cursor for the end of the feed.
const NOW: &str = "now";
const LAST_EVENT_ID: &str = "last-event-id";
const NO_CURSOR: &str = "is not a cursor of the feed";
/// Longer than any token lives, and short enough for any clock.
const LONGEST: u64 = 365 * 24 * 3600;

/// What a page is asked for.
pub(crate) fn pulled(caller: &Identity, query: FeedQuery) -> Result<(FeedFilter, Start, u32), ApiError> {
    let FeedQuery { after, types, artifact_type, request_id, assignee, limit } = query;
    let filter = FeedFilter { types, artifact_type, request_id, assignee: me(caller, assignee.as_deref())? };
    let start = match after.as_deref() {
        None => Start::Beginning,
        Some(text) => place(text).ok_or_else(|| ApiError::query("after", NO_CURSOR))?,
    };
    Ok((filter, start, limit))
}

/// What a stream is asked for.
pub(crate) fn followed(
    caller: &Identity,
    headers: &HeaderMap,
    query: StreamQuery,
) -> Result<(FeedFilter, Start), ApiError> {
    let StreamQuery { after, types, artifact_type, request_id, assignee } = query;
    let filter = FeedFilter { types, artifact_type, request_id, assignee: me(caller, assignee.as_deref())? };
    let start = match (headers.get(LAST_EVENT_ID), after.as_deref()) {
        (Some(last), _) => {
            last.to_str().ok().and_then(place).ok_or_else(|| ApiError::header("Last-Event-ID", NO_CURSOR))
        }
        (None, Some(text)) => place(text).ok_or_else(|| ApiError::query("after", NO_CURSOR)),
        (None, None) => Ok(Start::Now),
    };
    Ok((filter, start?))
}

fn place(text: &str) -> Option<Start> {
    if text == NOW { Some(Start::Now) } else { Place::parse(text).map(Start::After) }
}

/// The only value of `assignee`: what others are asked to do is their own.
fn me(caller: &Identity, assignee: Option<&str>) -> Result<Option<String>, ApiError> {
    check_word("assignee", assignee, &["me"])?;
    Ok(assignee.map(|_| caller.subject.clone()))
}

/// Follows the feed for this caller, until its token or the process ends. The place is to be kept as long.
pub(crate) async fn follow(
    state: &AppState,
    caller: &Identity,
    (filter, start): (FeedFilter, Start),
) -> Result<(Follower, StreamPlace), ApiError> {
    let place = state.places().stream(&caller.subject)?;
    let options = FollowerOptions {
        stop: state.stopping().clone(),
        until: caller.expires_at.map(|at| Instant::now() + left(at)),
        beat: BEAT,
    };
    Ok((state.feed()?.follow(filter, start, options).await?, place))
}

fn left(until: i64) -> Duration {
    let seconds = until.saturating_sub(actors::clock::now().unix_timestamp());
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(LONGEST))
}
