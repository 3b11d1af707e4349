//! An example of every body that is sent.

use serde_json::{Value, json};

type Named = (&'static str, &'static str, Value);

/// Name, summary and value of each example for an operation.
pub(super) fn of(operation: &str) -> Vec<Named> {
    match operation {
        "create_request" => vec![
            ("change_request", "Approval of a change in a registry", request()),
            ("shortest", "What must be said", shortest()),
        ],
        "cancel_request" => vec![
            ("with_reason", "Told why", json!({"reason": "The change was withdrawn."})),
            ("without", "Nothing is said", json!({})),
        ],
        "decide_task" => vec![
            ("approve", "Agreed", json!({"action": "approve", "comment": "Documents are complete."})),
            (
                "reject",
                "Refused, with what it rests on",
                json!({"action": "reject", "comment": "The account is another person's.", "attachments_ref": "dms:8841"}),
            ),
        ],
        "decide_tasks" => vec![("two", "Two tasks at once", decisions())],
        "reassign_task" => {
            let new_assignee = "0c0f4c0e-6a1f-4a6b-8f44-2f8b0c7e9d21";
            vec![(
                "on_leave",
                "To somebody else",
                json!({"new_assignee": new_assignee, "reason": "On leave until March."}),
            )]
        }
        "create_policy" | "validate_policy" | "add_policy_version" | "update_policy_version" => {
            vec![("two_stages", "An officer, then two of the committee above a sum", policy())]
        }
        "simulate_policy_version" => {
            vec![("small", "A small change", json!({"context": {"amount": 250}, "requester": "rita"}))]
        }
        "replay_policy_version" => vec![
            ("newest", "The newest hundred", json!({"last": 100})),
            ("since", "All of this year", json!({"since": "2026-01-01T00:00:00Z"})),
        ],
        "create_delegation" => vec![("leave", "While somebody is on leave", delegation())],
        _ => of_operators(operation),
    }
}

fn of_operators(operation: &str) -> Vec<Named> {
    let url = "https://registry.example.org/hooks/approval";
    match operation {
        "create_callback_secret" => vec![
            ("made", "AWE makes the secret", json!({"caller_service": "service-account-registry"})),
            (
                "with_credential",
                "AWE makes itself known beside the signature",
                json!({"caller_service": "service-account-registry", "credential": "registry-hooks", "clients": ["registry-ui"]}),
            ),
        ],
        "update_callback_secret" => vec![
            ("clients", "Whose tokens may name it", json!({"clients": ["registry-ui"]})),
            ("no_credential", "By the signature alone", json!({"credential": null})),
        ],
        "rotate_callback_secret" => vec![
            ("gently", "The old one signs for a day more", json!({"grace_hours": 24})),
            ("at_once", "The old one is known to others", json!({"grace_hours": 0})),
        ],
        "ping_callback_secret" => vec![("endpoint", "Try an endpoint", json!({"url": url}))],
        "retry_deliveries" => vec![
            (
                "outage",
                "After an outage of the receiver",
                json!({"since": "2026-01-31T00:00:00Z", "url": url}),
            ),
            ("dry_run", "How many would it be?", json!({"status": "exhausted", "dry_run": true})),
        ],
        "set_log_level" => {
            vec![("more", "More about some parts", json!({"filter": "info,awe=debug,actors=debug"}))]
        }
        _ => Vec::new(),
    }
}

fn shortest() -> Value {
    json!({
        "policy_key": "registry.change-request", "artifact_type": "registry_change_request",
        "artifact_id": "CR-2026-000123",
    })
}

fn request() -> Value {
    json!({
        "policy_key": "registry.change-request", "artifact_type": "registry_change_request",
        "artifact_id": "CR-2026-000123", "requester": "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11",
        "title": "New bank account for the Okafor household",
        "summary": "The account changes from 0012 to 0047.",
        "artifact_url": "https://registry.example.org/changes/CR-2026-000123",
        "context": {"amount": 2500, "district": "north"},
        "callback_url": "https://registry.example.org/hooks/approval",
        "callback_events": ["request_approved", "request_rejected"],
        "expires_at": "2026-03-01T00:00:00Z",
    })
}

fn decisions() -> Value {
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    json!({"items": [
        {"task_id": "0199c1f2-7d00-7a10-8b01-000000000001", "action": "approve", "artifact_digest": digest},
        {"task_id": "0199c1f2-7d00-7a10-8b01-000000000002", "action": "reject", "comment": "The account is closed."},
    ]})
}

fn policy() -> Value {
    json!({
        "policy_key": "registry.change-request", "name": "Changes of the registry",
        "artifact_type": "registry_change_request", "forbid_self_approval": true,
        "stages": [
            {
                "name": "Officers", "stage_order": 1, "mode": "any-n", "mode_value": 1,
                "sla_hours": 48, "on_breach": "escalate",
                "rules": [{"rule_type": "role", "rule_value": {"role": "registry-approver"}}],
                "escalation_rules": [{"rule_type": "role", "rule_value": {"role": "registry-head"}}],
            },
            {
                "name": "Committee", "stage_order": 2, "mode": "any-n", "mode_value": 2,
                "skip_if": {"<": [{"var": "amount"}, 1000]}, "comment_required": "reject",
                "rules": [{"rule_type": "group", "rule_value": {"group": "/committee"}}],
            },
        ],
    })
}

fn delegation() -> Value {
    json!({
        "user_id": "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11", "delegate_to": "0c0f4c0e-6a1f-4a6b-8f44-2f8b0c7e9d21",
        "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z", "reason": "Leave",
    })
}

#[cfg(test)]
mod tests {
    use crate::api::{
        CallbackPingIn, CallbackSecretCreate, CallbackSecretRotate, CallbackSecretUpdate, CancelRequest,
        CreateRequestIn, DecisionIn, DecisionItemIn, DelegationCreate, LogLevel, PolicyCreate,
        PolicyReplayIn, ReassignTaskIn, RetryDeliveriesIn, SimulateRequest,
    };
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    fn read<T: DeserializeOwned>(body: &Value) -> Result<(), serde_json::Error> {
        serde_json::from_value::<T>(body.clone()).map(drop)
    }

    /// Reads a body as its route does.
    fn taken(schema: &str, body: &Value) -> Result<(), serde_json::Error> {
        match schema {
            "CallbackPingIn" => read::<CallbackPingIn>(body),
            "CallbackSecretCreate" => read::<CallbackSecretCreate>(body),
            "CallbackSecretRotate" => read::<CallbackSecretRotate>(body),
            "CallbackSecretUpdate" => read::<CallbackSecretUpdate>(body),
            "CancelRequest" => read::<CancelRequest>(body),
            "CreateRequestIn" => read::<CreateRequestIn>(body),
            "DecisionIn" => read::<DecisionIn>(body),
            "DecisionsIn" => {
                body["items"].as_array().expect("items").iter().try_for_each(read::<DecisionItemIn>)
            }
            "DelegationCreate" => read::<DelegationCreate>(body),
            "LogLevel" => read::<LogLevel>(body),
            "PolicyCreate" => read::<PolicyCreate>(body),
            "PolicyReplayIn" => read::<PolicyReplayIn>(body),
            "ReassignTaskIn" => read::<ReassignTaskIn>(body),
            "RetryDeliveriesIn" => read::<RetryDeliveriesIn>(body),
            "SimulateRequest" => read::<SimulateRequest>(body),
            other => panic!("how is {other} read?"),
        }
    }

    #[test]
    fn every_body_has_examples_that_its_route_takes() {
        let document = serde_json::to_value(super::super::super::openapi()).expect("the document is JSON");
        let mut bodies = 0;
        for item in document["paths"].as_object().expect("paths").values() {
            for operation in item.as_object().expect("methods").values() {
                let content = &operation["requestBody"]["content"]["application/json"];
                let Some(schema) = content["schema"]["$ref"].as_str() else { continue };
                let id = operation["operationId"].as_str().expect("an id");
                let name = schema.rsplit('/').next().expect("a name");
                let examples = content["examples"].as_object();
                for (word, example) in examples.unwrap_or_else(|| panic!("{id} has no example of its body")) {
                    let found = taken(name, &example["value"]);
                    assert!(found.is_ok(), "{id} {word}: {found:?}");
                    // And as the document itself says it: what is generated from it takes the example too.
                    let wanted = serde_json::json!({"$ref": schema, "components": document["components"]});
                    let judge = jsonschema::validator_for(&wanted).expect("a schema");
                    let faults: Vec<_> =
                        judge.iter_errors(&example["value"]).map(|one| one.to_string()).collect();
                    assert!(faults.is_empty(), "{id} {word}: {faults:?}");
                }
                bodies += 1;
            }
        }
        assert!(bodies > 15, "{bodies}");
        // What is required to be named in the document has an example, whatever else stands in it.
        let bodies_of_document = document["paths"].as_object().expect("paths").values();
        let all = bodies_of_document.flat_map(|item| item.as_object().expect("methods").values());
        assert_eq!(all.filter(|one| one["requestBody"].is_object()).count(), bodies);
    }
}
