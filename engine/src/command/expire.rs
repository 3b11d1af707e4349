//! The expire command.

use super::work::Work;
use crate::request::{EventType, RequestStatus};
use serde_json::json;

/// Ends the request if its `expires_at` has passed.
pub(super) fn expire(w: &mut Work<'_>) {
    let up = w.request.expires_at.is_some_and(|at| at <= w.env.now);
    if up && !w.request.status.is_terminal() {
        w.end(RequestStatus::Expired, EventType::RequestExpired, None, None, json!({}));
    }
}
