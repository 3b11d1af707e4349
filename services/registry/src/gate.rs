//! What the Registry asks of AWE, and what its refusals mean here.

use crate::app::App;
use crate::auth::Caller;
use crate::change_request::{ChangeRequest, Section};
use crate::error::{ApiError, Code};
use crate::events::{ARTIFACT_TYPE, verdict};
use crate::settle::Verdict;
use crate::told;
use awe_client::event::is_final;
use awe_client::models::{CreateRequestIn, DecisionAction, DecisionIn, DecisionOut, TaskOut};
use awe_client::parameters::ListTasks;
use awe_client::{ApiErrorClass, AweClient, Error, ErrorKind, JsonObject};
use axum::http::StatusCode;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use std::future::Future;
use std::time::Instant;
use telemetry::measure;
use tracing::Instrument as _;

/// Tasks of one person that are looked at; more are not shown.
const MOST_TASKS: usize = 1000;
const PAGE: i64 = 200;

// snippet: ask
/// Asks AWE for approval as the requester, and returns the request's id. The change's own id is the key: however often
/// this is repeated, there is one request.
///
/// # Errors
/// REG-011 or REG-012; AWE's 401 and 403 are passed on.
pub async fn ask(
    app: &App,
    requester: &Caller,
    change: &ChangeRequest,
    section: &Section,
    payload: &Value,
) -> Result<String, ApiError> {
    let awe = &app.settings.awe;
    let template = section.awe_policy_key.as_deref().unwrap_or(&awe.policy_key_template);
    let request = CreateRequestIn {
        policy_key: policy_key(template, change),
        artifact_type: ARTIFACT_TYPE.to_owned(),
        artifact_id: change.change_request_id.to_string(),
        context: Some(context(change, &section.awe_context_fields, payload)),
        requester: Some(requester.subject.clone()),
        callback_url: Some(awe.default_callback_url.clone()),
        callback_secret_id: Some(awe.callback_secret_id.clone()),
        title: Some(title(change)),
        ..Default::default()
    };
    let key = change.change_request_id.to_string();
    let client = app.awe_as(&requester.token);
    let created = in_time(app, client.create_with_key(&request, &key)).await?;
    Ok(created.request.request_id)
}
// end snippet

/// A line for people's inboxes.
fn title(change: &ChangeRequest) -> String {
    let ChangeRequest { edit_action, register_mnemonic, section_id, record_id, .. } = change;
    format!("{edit_action} {register_mnemonic} {record_id} ({section_id})").chars().take(200).collect()
}

/// The template over `{register}` and `{section}`; without braces it is the key itself.
fn policy_key(template: &str, change: &ChangeRequest) -> String {
    template.replace("{register}", &change.register_mnemonic).replace("{section}", &change.section_id)
}

/// What the policy gets to see. A field that is absent is left out, one that is null stays null; the three names that
/// every policy relies on win over fields of the same name.
fn context(change: &ChangeRequest, fields: &[String], payload: &Value) -> JsonObject {
    let mut context = JsonObject::new();
    for field in fields {
        let found = field.split('.').try_fold(payload, |at, name| at.get(name));
        if let Some(value) = found {
            put(&mut context, field, value.clone());
        }
    }
    for (name, value) in [
        ("register", &change.register_mnemonic),
        ("section", &change.section_id),
        ("edit_action", &change.edit_action),
    ] {
        context.insert(name.to_owned(), json!(value));
    }
    context
}

/// Puts a value at a dotted path, where a policy's `{"var": "address.district"}` finds it.
fn put(context: &mut JsonObject, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(context.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let inner = context.entry(first).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// A decision that was recorded, and how many further tasks the caller could decide on the same request.
pub struct Decided {
    pub decision: DecisionOut,
    pub more: usize,
}

// snippet: task
/// Decides the caller's own open task on this request: the one of the earliest stage, then the oldest.
///
/// # Errors
/// REG-008 when they hold none (any more); AWE's refusals.
pub async fn decide(
    app: &App,
    caller: &Caller,
    request_id: &str,
    action: DecisionAction,
    comment: Option<String>,
) -> Result<Decided, ApiError> {
    let filters = ListTasks { request_id: Some(request_id.to_owned()), ..mine("actionable") };
    let mut tasks = tasks(app, caller, filters).await?;
    tasks.retain(|task| task.kind == "approver");
    let first = tasks.iter().min_by_key(|task| (task.stage_order, task.created_at));
    let nothing = "you hold no open task on this change request";
    let task = first.ok_or_else(|| ApiError::new(Code::NoTask, nothing))?;
    let decision = DecisionIn { comment, ..action.into() };
    let client = app.awe_as(&caller.token);
    let deciding = async {
        match client.decide(&task.id, decision).await {
            // The task was decided, or the request has ended, since it was listed.
            Err(error) if error.status() == Some(409) => Ok(None),
            answered => answered.map(Some),
        }
    };
    let decision = in_time(app, deciding).await?.ok_or_else(|| ApiError::new(Code::NoTask, nothing))?;
    Ok(Decided { decision, more: tasks.len() - 1 })
}
// end snippet

/// The caller's own tasks of this artifact type, as a filter.
#[must_use]
pub fn mine(status: &str) -> ListTasks {
    ListTasks {
        assignee: Some("me".to_owned()),
        status: Some(status.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        count: Some("none".to_owned()),
        page_size: Some(PAGE),
        ..ListTasks::default()
    }
}

/// All tasks that the filter leaves, with the caller's token: at most `MOST_TASKS`.
///
/// # Errors
/// As AWE says.
pub async fn tasks(app: &App, caller: &Caller, filters: ListTasks) -> Result<Vec<TaskOut>, ApiError> {
    let client = app.awe_as(&caller.token);
    in_time(app, client.tasks(filters).take(MOST_TASKS).try_collect()).await
}

/// Whether the caller has, or had, a task on this request.
///
/// # Errors
/// As AWE says.
pub async fn is_assignee(app: &App, caller: &Caller, request_id: &str) -> Result<bool, ApiError> {
    let filters = ListTasks { request_id: Some(request_id.to_owned()), status: None, ..mine("") };
    let client = app.awe_as(&caller.token);
    let first = async { client.tasks(filters).try_next().await };
    Ok(in_time(app, first).await?.is_some())
}

/// Cancels a request; true when it is cancelled or unknown to AWE, false when it had ended already.
///
/// # Errors
/// As AWE says.
pub async fn cancel(app: &App, client: &AweClient, request_id: &str, reason: &str) -> Result<bool, ApiError> {
    let cancelling = async {
        match client.cancel(request_id, Some(reason)).await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(404) => Ok(true),
            Err(error) if error.status() == Some(409) => Ok(false),
            Err(error) => Err(error),
        }
    };
    in_time(app, cancelling).await
}

/// How a request ended, with the status that AWE gives it; `None` while it has not.
///
/// # Errors
/// As AWE says.
pub async fn outcome(app: &App, request_id: &str) -> Result<Option<(String, Verdict)>, ApiError> {
    let asking = async {
        let status = app.service.get(request_id).await?.status;
        if !is_final(&status) {
            return Ok(None);
        }
        let wanted = format!("request_{status}");
        let mut events = app.service.events(request_id, 0);
        while let Some(event) = events.try_next().await? {
            if event.event_type == wanted {
                let found = verdict(&event.event_type, Some(&event.actor), &event.payload);
                return Ok(found.map(|verdict| (status, verdict)));
            }
        }
        Ok(None)
    };
    in_time(app, asking).await
}

/// Waits for AWE as long as the settings say, whatever a call consists of.
///
/// # Errors
/// REG-011 past that time, else as `refusal` says.
pub async fn in_time<T>(app: &App, call: impl Future<Output = Result<T, Error>>) -> Result<T, ApiError> {
    let (began, span) = (Instant::now(), tracing::info_span!("ask AWE", otel.kind = "client"));
    let answered = tokio::time::timeout(app.settings.awe_timeout(), call.instrument(span)).await;
    measure::took(told::AWE_SECONDS, began.elapsed());
    match answered {
        Ok(answered) => answered.map_err(|error| refusal(&error)),
        Err(_) => Err(away("it did not answer in time")),
    }
}

fn away(why: &str) -> ApiError {
    ApiError::new(Code::AweAway, format!("AWE is away ({why}); nothing was done here, retry later"))
        .again_after(5)
}

/// What a failed call of AWE means to whoever called us.
fn refusal(error: &Error) -> ApiError {
    let Some(refused) = error.api() else {
        tracing::warn!(%error, "AWE could not be asked");
        return match error.kind() {
            ErrorKind::InvalidArgument(why) => ApiError::schema(why.clone()),
            _ => away(&error.to_string()),
        };
    };
    match refused.class() {
        ApiErrorClass::Unavailable | ApiErrorClass::Internal => {
            let seconds = refused.retry_after.map_or(5, |after| after.as_secs().clamp(1, 600));
            away(&refused.message).again_after(seconds)
        }
        _ if refused.status == 429 => away(&refused.message),
        ApiErrorClass::Authentication => ApiError::new(Code::Token, format!("AWE: {}", refused.message)),
        ApiErrorClass::PermissionDenied => {
            ApiError::new(Code::Permission, format!("AWE: {}", refused.message))
        }
        _ => ApiError::new(Code::AweRefused, format!("AWE refused: {error}"))
            .with_status(StatusCode::BAD_GATEWAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn change() -> ChangeRequest {
        ChangeRequest {
            change_request_id: Uuid::nil(),
            register_mnemonic: "farmer".to_owned(),
            section_id: "edit".to_owned(),
            record_id: "F-1".to_owned(),
            edit_action: "update".to_owned(),
            requester: "staff-1".to_owned(),
            approval_status: "PENDING".to_owned(),
            approved_by: None,
            approved_at: None,
            rejected_by: None,
            cancelled_by: None,
            reason: None,
            override_by: None,
            override_reason: None,
            awe_request_id: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
            seq: 1,
        }
    }

    #[test]
    fn a_policy_key_is_a_template_or_itself() {
        for (template, key) in
            [("{register}.{section}", "farmer.edit"), ("all", "all"), ("x.{section}", "x.edit")]
        {
            assert_eq!(policy_key(template, &change()), key);
        }
    }

    #[test]
    fn the_context_has_what_is_named_and_present() {
        let payload = json!({"district": "north", "address": {"town": null, "street": 1}, "register": "forged", "x": 1});
        let fields = ["district", "address.town", "address.none", "none", "register", "district.deep"];
        let context = context(&change(), &fields.map(str::to_owned), &payload);
        let wanted = json!({"district": "north", "address": {"town": null}, "register": "farmer", "section": "edit",
            "edit_action": "update"});
        assert_eq!(Value::Object(context), wanted);
    }

    #[test]
    fn a_title_is_a_short_line() {
        let long = ChangeRequest { record_id: "é".repeat(300), ..change() };
        assert_eq!(
            (title(&change()).as_str(), title(&long).chars().count()),
            ("update farmer F-1 (edit)", 200)
        );
    }
}
