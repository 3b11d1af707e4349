//! What makes the fields of an example agree: each has its own, and together they would tell two stories.

use serde_json::{Value, json};

const AMINA: &str = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11";
const REQUEST: &str = "0199c1f2-7d00-7a10-8b01-000000000001";
const TASK: &str = "0199c1f2-7d00-7a10-8b01-000000000002";
const ENDED: &str = "2026-02-01T10:00:00Z";

/// The fields to set in a schema's example, or in that of an operation's answer; null where nothing is to be set.
pub(super) fn of(name: &str) -> Value {
    match name {
        "HealthResponse" | "VersionResponse" => json!({"errors": []}),
        "ConfigResponse" => json!({"errors": [], "response": {"sign_in": {
            "issuer": "https://id.example.org/realms/staff", "client_id": "awe-admin-portal", "development": false,
        }}}),
        "RequestOut" => json!({"completed_at": null}),
        "TaskOut" => json!({"claimed_at": null, "completed_at": null, "decision_action": null}),
        "EventOut" => json!({"reason": null}),
        "DecisionResultOut" => json!({"error": null, "task_id": TASK}),
        "CallbackPingOut" => json!({"error": null, "failed_by": null, "response_excerpt": null}),
        "RequeuedOut" => json!({"would_requeue": null, "would_requeue_is_lower_bound": null}),
        "DirectoryUserOut" => json!({"enabled": true}),
        "PolicyChangeOut" => json!({"field": "mode_value", "before": 1, "after": 2}),
        "SimulateStageOut" => json!({"skip_reason": null}),
        "WaitingForOut" => json!({"error": null, "who": [AMINA]}),
        "UnblockOut" => json!({"task_id": TASK}),
        "StageProgressOut" => json!({"completed_at": null, "outcome": null, "reason": null}),
        "TaskProgressOut" => json!({"decision": null}),
        "EvidenceOut" => evidence(),
        _ => of_operation(name),
    }
}

fn of_operation(name: &str) -> Value {
    match name {
        "claim_task" => json!({"status": "claimed", "claimed_at": "2026-01-31T09:00:00Z"}),
        "cancel_request" => {
            json!({"status": "cancelled", "completed_at": ENDED})
        }
        "reassign_task" => {
            json!({"reassigned_from": AMINA, "assignee": "0c0f4c0e-6a1f-4a6b-8f44-2f8b0c7e9d21", "assignee_name": "Kofi Mensah"})
        }
        "activate_policy_version" => json!({"status": "active"}),
        "deactivate_policy_version" => json!({"status": "archived"}),
        "retry_delivery" => json!({"next_attempt_at": "2026-01-31T08:15:01Z"}),
        _ => Value::Null,
    }
}

/// Rows as they are stored: some of their columns.
fn evidence() -> Value {
    json!({
        "policy_text": "{\"policy_key\":\"registry.change-request\",\"stages\":[]}",
        "request": {"id": REQUEST, "status": "approved", "artifact_id": "CR-2026-000123", "context": {"amount": 2500}},
        "seats": [{"task_id": TASK, "stage_order": 1, "assignee": AMINA}],
        "tasks": [{"id": TASK, "assignee": AMINA, "status": "completed"}],
        "decisions": [{"task_id": TASK, "actor": AMINA, "action": "approve", "comment": "Documents are complete."}],
        "events": [{"sequence": 1, "event_type": "request_created", "actor": AMINA, "payload": {"actor": AMINA}}],
        "deliveries": [{"event_type": "request_approved", "status": "delivered", "attempts": []}],
    })
}
