//! Names on the bus, `CloudEvents` headers, and which events become webhooks.

use engine::request::EventType;
use schemas::event::{Subjects, WebhookEvent, cloud_event_headers, payload, webhook_wanted};
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn event() -> WebhookEvent {
    WebhookEvent {
        event_id: id(1),
        event_type: "request_approved".into(),
        request_id: id(2),
        sequence: 7,
        artifact_type: "registry_change_request".into(),
        artifact_id: "CR-1".into(),
        title: Some("New account".into()),
        summary: None,
        artifact_url: None,
        policy_key: "registry".into(),
        policy_version: 3,
        status: "approved".into(),
        stage_order: None,
        actor: Some("amina".into()),
        occurred_at: datetime!(2026-01-31 10:00:00.25 UTC),
        payload: payload(
            json!({"outcome": "approved"}).as_object().expect("an object").clone(),
            None,
            "amina",
            None,
        ),
    }
}

#[test]
fn streams_and_subjects_carry_the_prefix() {
    let awe = Subjects::default();
    assert_eq!(awe.events_stream(), "AWE_EVENTS");
    assert_eq!(awe.events(), "awe.events.>");
    let assignments =
        ["awe.events.stage_started.>", "awe.events.stage_escalated.>", "awe.events.task_reassigned.>"];
    assert_eq!(awe.assignments(), assignments);
    assert_eq!(awe.work_stream(), "AWE_WORK");
    assert_eq!(awe.work(), "awe.work.>");
    assert_eq!(awe.work_delivery(), "awe.work.delivery");
    assert_eq!(awe.work_resolve(), "awe.work.resolve");
    assert_eq!(awe.hint_commit(), "awe.hint.commit");
    assert_eq!(awe.hint_events(), "awe.hint.events");
    let test = Subjects::new("test-1.a");
    assert_eq!(test.prefix(), "test-1.a");
    assert_eq!(test.events_stream(), "TEST_1_A_EVENTS");
    assert_eq!(test.events(), "test-1.a.events.>");
}

#[test]
fn an_events_subject_has_five_parts_whatever_its_artifact_type() {
    let subjects = Subjects::new("awe");
    for (artifact_type, token) in [
        ("registry_change-request9", "registry_change-request9"),
        ("a.b c>*/\u{e9}", "a_b_c____"),
        ("...", "___"),
    ] {
        let subject = subjects.subject("task_expired", artifact_type, id(2));
        assert_eq!(subject, format!("awe.events.task_expired.{token}.{}", id(2)));
        assert_eq!(subject.split('.').count(), 5);
    }
}

#[test]
fn a_message_is_a_cloud_event_in_binary_mode() {
    assert_eq!(
        cloud_event_headers(&event()),
        [
            ("ce-specversion", "1.0".to_owned()),
            ("ce-id", id(1).to_string()),
            ("ce-source", format!("/v1/awe/requests/{}", id(2))),
            ("ce-type", "org.openg2p.awe.request_approved".to_owned()),
            ("ce-subject", id(2).to_string()),
            ("ce-time", "2026-01-31T10:00:00.25Z".to_owned()),
        ]
    );
}

#[test]
fn the_body_has_every_field_of_the_contract() {
    let body = serde_json::to_value(event()).expect("an event is JSON");
    assert_eq!(
        body,
        json!({
            "event_id": id(1), "event_type": "request_approved", "request_id": id(2), "sequence": 7,
            "artifact_type": "registry_change_request", "artifact_id": "CR-1", "title": "New account", "policy_key": "registry",
            "policy_version": 3, "status": "approved", "stage_order": null, "actor": "amina",
            "occurred_at": "2026-01-31T10:00:00.25Z", "payload": {"outcome": "approved", "actor": "amina"},
        })
    );
}

#[test]
fn a_payload_repeats_stage_actor_and_reason() {
    let facts = json!({"outcome": "rejected"});
    let out = payload(facts.as_object().expect("an object").clone(), Some(3), "system:sla", Some("late"));
    assert_eq!(
        serde_json::Value::Object(out),
        json!({"outcome": "rejected", "stage_order": 3, "actor": "system:sla", "reason": "late"})
    );
}

#[test]
fn webhooks_carry_every_event_but_three() {
    let never = ["decision_recorded", "task_claimed", "stage_skipped"];
    for event_type in EventType::ALL {
        let word = event_type.as_str();
        assert_eq!(webhook_wanted(word, None), !never.contains(&word), "{word}");
        assert_eq!(webhook_wanted(word, Some(&[word.to_owned()])), !never.contains(&word), "{word}");
        assert!(!webhook_wanted(word, Some(&[])), "{word}");
        assert!(!webhook_wanted(word, Some(&["something_else".to_owned()])), "{word}");
    }
    assert!(!webhook_wanted("something_else", None));
}
