//! Rows that other crates would have written.

use engine::ids::PolicyId;
use engine::policy::Policy;
use schemas::api::policy::PolicyCreate;
use serde_json::{Value, json};
use sqlx::PgConnection;
use store::audit::{Actor, AuditFilter};
use store::testing::TestDb;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) fn admin() -> Actor {
    Actor { subject: "admin".into(), email: Some("admin@example.org".into()), once: None }
}

/// A policy of two stages, in the order 2, 1, with every kind of rule that needs no directory.
pub(crate) fn policy(key: &str) -> PolicyCreate {
    serde_json::from_value(json!({
        "policy_key": key,
        "name": "Change requests",
        "artifact_type": "change_request",
        "description": "Two eyes, then four",
        "forbid_self_approval": true,
        "context_schema": {"type": "object", "required": ["amount"]},
        "stages": [
            {"name": "Second", "stage_order": 2, "mode": "quorum", "mode_value": 1, "sla_hours": 8,
             "on_breach": "escalate", "on_empty": "skip", "skip_if": {"<": [{"var": "amount"}, 10]},
             "rules": [{"rule_type": "group", "rule_value": {"group": "/finance"}}],
             "escalation_rules": [{"rule_type": "user", "rule_value": {"user_id": "boss"}}]},
            {"name": "First", "stage_order": 1, "mode": "all",
             "rules": [
                 {"rule_type": "user", "rule_value": {"user_id": "amina"}, "required": true},
                 {"rule_type": "expression", "rule_value": {"logic": {"var": "officer"}}},
                 {"rule_type": "user", "rule_value": {"user_id": "watcher"}, "kind": "observer"}]},
        ],
    }))
    .unwrap()
}

pub(crate) fn checked(policy: &PolicyCreate) -> Policy {
    schemas::policy::to_engine(policy, PolicyId(Uuid::now_v7()), 1, &mut Uuid::now_v7).unwrap()
}

pub(crate) async fn actions(db: &TestDb) -> Vec<String> {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    let mut rows = db.list_audit(&filter).await.unwrap().0;
    rows.reverse();
    rows.into_iter().map(|row| row.action).collect()
}

/// Makes a policy version that requests can refer to.
pub(crate) async fn some_policy(db: &TestDb, key: &str) -> Uuid {
    let policy = policy(key);
    db.create_policy(&policy, &checked(&policy), &admin()).await.unwrap().id
}

pub(crate) struct NewRequest<'a> {
    pub(crate) policy_id: Uuid,
    pub(crate) policy_key: &'a str,
    pub(crate) artifact_type: &'a str,
    pub(crate) artifact_id: &'a str,
    pub(crate) requester: &'a str,
    pub(crate) context: Value,
    pub(crate) created_at: OffsetDateTime,
}

impl NewRequest<'_> {
    pub(crate) async fn insert(self, db: &TestDb) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into approval_request
                 (id, policy_id, policy_key, policy_version, artifact_type, artifact_id, source_service, requester,
                  context, status, current_stage_order, stages, created_at, updated_at, last_sequence)
             values ($1, $2, $3, 1, $4, $5, 'service', $6, $7, 'in_review', 1, '[]', $8, $8, 1)",
        )
        .bind(id)
        .bind(self.policy_id)
        .bind(self.policy_key)
        .bind(self.artifact_type)
        .bind(self.artifact_id)
        .bind(self.requester)
        .bind(self.context)
        .bind(self.created_at)
        .execute(db.pool())
        .await
        .unwrap();
        id
    }
}

pub(crate) async fn some_request(db: &TestDb, policy_id: Uuid, created_at: OffsetDateTime) -> Uuid {
    NewRequest {
        policy_id,
        policy_key: "key",
        artifact_type: "type",
        artifact_id: "A-1",
        requester: "requester",
        context: json!({}),
        created_at,
    }
    .insert(db)
    .await
}

pub(crate) async fn some_task(
    db: &TestDb,
    request: Uuid,
    assignee: &str,
    due_at: Option<OffsetDateTime>,
) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into approval_task
             (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated, status, due_at,
              created_at)
         values ($1, $2, $1, 1, 0, $3, 'approver', false, true, 'open', $4, clock_timestamp())",
    )
    .bind(id)
    .bind(request)
    .bind(assignee)
    .bind(due_at)
    .execute(db.pool())
    .await
    .unwrap();
    id
}

pub(crate) async fn some_event(db: &TestDb, request: Uuid, sequence: i64) -> Uuid {
    insert_event(&mut db.pool().acquire().await.unwrap(), request, sequence).await
}

pub(crate) async fn insert_event(connection: &mut PgConnection, request: Uuid, sequence: i64) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into approval_event
             (id, request_id, sequence, event_type, status, actor, reason, payload, created_at)
         values ($1, $2, $3, 'request_created', 'pending', 'amina', 'why not', '{\"fact\": 1}', now())",
    )
    .bind(id)
    .bind(request)
    .bind(sequence)
    .execute(connection)
    .await
    .unwrap();
    id
}
