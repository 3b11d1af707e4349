//! The cancel command.

use super::work::Work;
use super::{Barred, Caller, Clash, Refusal};
use crate::request::{EventType, RequestStatus};
use serde_json::json;

pub(super) fn cancel(w: &mut Work<'_>, caller: &Caller, why: Option<&str>) -> Result<(), Refusal> {
    if !caller.admin && caller.subject != w.request.source_service {
        return Err(Refusal::Forbidden(
            Barred::Owner,
            "only an admin or the service that created the request may cancel it".into(),
        ));
    }
    let status = w.request.status;
    if status.is_terminal() {
        return Err(Refusal::Conflict(
            Clash::RequestFinished,
            format!("request is already {}", status.as_str()),
        ));
    }
    w.end(RequestStatus::Cancelled, EventType::RequestCancelled, None, why, json!({}));
    Ok(())
}
