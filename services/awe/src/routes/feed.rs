//! The feed of all events.

use super::page::next_cursor;
use super::server_sent::answer;
use crate::auth::{Identity, Listing};
use crate::error::ApiError;
use crate::extract::Query;
use crate::operations::feed::{self, followed, pulled};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use schemas::api::{FeedQuery, StreamQuery};
use schemas::event::WebhookEvent;
use store::feed::Place;

pub(super) async fn list(
    State(state): State<AppState>,
    reader: Identity,
    _: Listing,
    Query(query): Query<FeedQuery>,
) -> Result<(HeaderMap, Json<Vec<WebhookEvent>>), ApiError> {
    let (filter, start, limit) = pulled(&reader, query)?;
    let page = state.feed()?.page(&filter, start, limit).await?;
    let next = next_cursor(Some(Place(page.looked_to).to_string()));
    Ok((next, Json(page.events.into_iter().map(|event| event.event).collect())))
}

pub(super) async fn follow(
    State(state): State<AppState>,
    reader: Identity,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, ApiError> {
    let wanted = followed(&reader, &headers, query)?;
    let (follower, place) = feed::follow(&state, &reader, wanted).await?;
    Ok(answer(follower, place))
}
