//! What a body or query must keep to be read at all.

use schemas::api::{
    CallbackSecretCreate, CallbackSecretCreatedOut, CallbackSecretRotate, CancelRequest, CreateRequestIn,
    DecisionIn, ListRequestsQuery, ListTasksQuery, PolicyCreate, SimulateRequest, TaskOut,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

fn read<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn request() -> Value {
    json!({"policy_key": "p", "artifact_type": "t", "artifact_id": "a"})
}

fn policy() -> Value {
    json!({"policy_key": "p", "name": "n", "artifact_type": "t"})
}

#[test]
fn absent_fields_have_their_defaults() {
    let read: CreateRequestIn = read(request()).expect("a request");
    assert!(*read.context == json!({}) && read.callback_url.is_none() && read.expires_at.is_none());
    let policy: PolicyCreate = serde_json::from_value(policy()).expect("a policy");
    assert!(policy.stages.is_empty() && !policy.forbid_self_approval && policy.context_schema.is_none());
    assert_eq!(serde_json::from_value::<CallbackSecretRotate>(json!({})).expect("empty").grace_hours, 24);
    let simulated: SimulateRequest = serde_json::from_value(json!({})).expect("empty");
    assert!(*simulated.context == json!({}) && simulated.requester.is_none());
    assert_eq!(serde_json::from_value::<CancelRequest>(json!({})).expect("empty").reason, None);
    let tasks: ListTasksQuery = serde_json::from_value(json!({})).expect("empty");
    assert_eq!((tasks.page, tasks.page_size), (1, 20));
    let requests: ListRequestsQuery = serde_json::from_value(json!({})).expect("empty");
    assert_eq!(requests.limit, 50);
}

#[test]
fn unknown_fields_are_refused() {
    let typo = json!({"name": "s", "stage_order": 1, "parallel_grp": 1});
    let error = read::<PolicyCreate>(with(policy(), "stages", json!([typo]))).expect_err("a typo");
    assert!(error.contains("parallel_grp"), "{error}");
    assert!(read::<CreateRequestIn>(with(request(), "contxt", json!({}))).is_err());
}

#[test]
fn values_outside_their_limits_are_refused() {
    for (field, value) in [
        ("policy_key", json!("")),
        ("artifact_type", json!("t".repeat(201))),
        ("artifact_id", json!("a\u{0}b")),
        ("artifact_id", json!(1)),
        ("context", json!([])),
        ("context", json!(null)),
        ("context", json!({"deep": [{"text": "a\u{0}"}]})),
        ("context", json!({"a\u{0}": 1})),
        ("callback_url", json!("ftp://example.org")),
        ("callback_url", json!("")),
        ("callback_url", json!(format!("http://{}", "h".repeat(2042)))),
        ("artifact_type", json!("two\nlines")),
        ("artifact_id", json!("a\u{85}b")),
        ("title", json!("a\u{2029}b")),
        ("title", json!("t".repeat(201))),
        ("summary", json!("s".repeat(2001))),
        ("artifact_url", json!("ftp://example.org/a")),
        ("artifact_url", json!("https://ann@example.org/a")),
        ("artifact_url", json!("https://:secret@example.org/a")),
        ("artifact_url", json!("https:/\t/example.org")),
        ("callback_secret_id", json!("first")),
        ("callback_events", json!(["request_aproved"])),
        ("expires_at", json!("tomorrow")),
    ] {
        let body = with(request(), field, value.clone());
        assert!(read::<CreateRequestIn>(body).is_err(), "{field} {value}");
    }
    for key in ["", "-a", "a b", "a/b", "\u{e9}"] {
        assert!(read::<PolicyCreate>(with(policy(), "policy_key", json!(key))).is_err(), "{key}");
    }
    for (field, value) in [("skip_if", json!("x")), ("on_empty", json!(null)), ("stage_order", json!("1"))] {
        let stage = with(json!({"name": "s", "stage_order": 1}), field, value);
        assert!(read::<PolicyCreate>(with(policy(), "stages", json!([stage]))).is_err(), "{field}");
    }
    assert!(read::<DecisionIn>(json!({"action": "maybe"})).is_err());
    assert!(read::<DecisionIn>(json!({"action": "approve", "comment": "c".repeat(10_001)})).is_err());
    assert!(read::<CallbackSecretRotate>(json!({"grace_hours": 169})).is_err());
    for limit in [0, 501] {
        assert!(read::<ListRequestsQuery>(json!({"limit": limit})).is_err(), "{limit}");
    }
    assert!(read::<ListTasksQuery>(json!({"page_size": 201})).is_err());
    assert!(read::<ListTasksQuery>(json!({"page": 0})).is_err());
}

#[test]
fn values_at_their_limits_are_read() {
    for (field, value) in [
        ("policy_key", json!("p".repeat(200))),
        ("artifact_id", json!("\u{e9}".repeat(200))),
        ("callback_url", json!("HTTPS://example.org/hook")),
        ("callback_url", json!(null)),
        ("callback_events", json!([])),
        ("title", json!("\u{e9}".repeat(200))),
        ("summary", json!("two\nlines")),
        ("artifact_url", json!("https://example.org/a?who=ann@example.org")),
        ("callback_events", json!(["decision_recorded", "request_approved"])),
        ("expires_at", json!("2026-03-01T00:00:00+02:00")),
    ] {
        let body = with(request(), field, value.clone());
        assert!(read::<CreateRequestIn>(body).is_ok(), "{field} {value}");
    }
    assert!(read::<PolicyCreate>(with(policy(), "policy_key", json!("a.b_c:d-E9"))).is_ok());
    for action in ["approve", "reject", "abstain"] {
        assert!(read::<DecisionIn>(json!({"action": action, "comment": null})).is_ok(), "{action}");
    }
}

#[test]
fn a_body_without_words_is_written_as_it_was_before_there_were_any() {
    let written = serde_json::to_value(read::<CreateRequestIn>(request()).expect("a request")).expect("JSON");
    let names: Vec<&str> = written.as_object().expect("an object").keys().map(String::as_str).collect();
    assert!(!names.iter().any(|name| ["title", "summary", "artifact_url"].contains(name)), "{names:?}");
}

#[test]
fn what_is_absent_is_null_in_an_answer() {
    let id = Uuid::nil();
    let written = json!({
        "id": id, "request_id": id, "stage_id": id, "stage_order": 1, "assignee": "u", "kind": "approver",
        "status": "open", "created_at": "2026-01-31T10:00:00Z",
    });
    let task: TaskOut = read(written).expect("a task of a server that says less");
    let again = serde_json::to_value(task).expect("a task is JSON");
    for field in ["delegated_from", "claimed_at", "due_at", "decision_id", "context", "policy_key"] {
        assert!(again.get(field).is_some_and(Value::is_null), "{field}");
    }
}

#[test]
fn a_secret_is_never_printed() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let create: CallbackSecretCreate =
        read(json!({"caller_service": "registry", "secret": secret})).expect("a secret");
    let created: CallbackSecretCreatedOut = read(json!({
        "id": Uuid::nil(), "caller_service": "registry", "status": "active",
        "created_at": "2026-01-31T10:00:00Z", "secret": secret,
    }))
    .expect("a created secret");
    assert!(!format!("{create:?} {created:?}").contains("MfKQ"));
}
