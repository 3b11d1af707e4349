//! A stream as server-sent events.

use crate::places::StreamPlace;
use actors::{Follower, Step};
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use schemas::api::ResumeOut;
use std::convert::Infallible;
use std::time::Duration;
use store::feed::Place;

/// When a client that was cut should come again.
const COME_AGAIN: Duration = Duration::from_secs(2);
/// Proxies must not gather what they pass on.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The answer that goes on as long as the follower does.
pub(super) fn answer(follower: Follower, place: StreamPlace) -> Response {
    let events = unfold(Some((follower, place)), |going_on| async {
        let (mut follower, place) = going_on?;
        let step = follower.next().await;
        let going_on = (!matches!(step, Step::Cut(..))).then_some((follower, place));
        Some((Ok::<_, Infallible>(event(step)), going_on))
    });
    let mut response = Sse::new(events).into_response();
    response.headers_mut().insert(UNBUFFERED, HeaderValue::from_static("no"));
    response
}

fn event(step: Step) -> Event {
    match step {
        Step::Told(told) => {
            Event::default().event(&told.event_type).id(Place(told.position).to_string()).data(&told.json)
        }
        // Without data it is no event for the client, which takes note of the id all the same.
        Step::Quiet(place) => Event::default().comment("").id(place.to_string()).retry(COME_AGAIN),
        Step::Cut(why, place) => {
            let (reason, cursor) = (why.as_str().to_owned(), place.to_string());
            let told =
                serde_json::to_string(&ResumeOut { reason, cursor: cursor.clone() }).unwrap_or_default();
            Event::default().event("resume").id(cursor).data(told)
        }
    }
}
