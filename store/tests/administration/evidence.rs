//! What was decided, and what it was decided on, cannot be rewritten by SQL, not even by the owner of the tables.

use crate::fixtures::{admin, checked, policy, some_event, some_request, some_task};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use store::doctor::Guards;
use store::testing::{TestDb, application, count, database, execute, execute_unguarded};
use store::{Clash, Error, Options, Store};
use time::OffsetDateTime;
use uuid::Uuid;

/// `restrict_violation`, which our guards raise. A statement that fails with any other code proves nothing about
/// them.
const GUARDED: &str = "23001";
/// `insufficient_privilege`.
const NOT_ALLOWED: &str = "42501";

async fn refusal(pool: &PgPool, sql: &str) -> String {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await {
        Ok(_) => format!("done: {sql}"),
        Err(sqlx::Error::Database(error)) => match error.code().as_deref() {
            Some(GUARDED) => "guarded".to_owned(),
            _ => format!("{error}: {sql}"),
        },
        Err(error) => format!("{error}: {sql}"),
    }
}

/// Makes an active version of `key` and a draft beside it, a request in review, a task, an event and a delivery.
async fn history(db: &TestDb) -> Uuid {
    let body = policy("key");
    let made = db.create_policy(&body, &checked(&body), &admin()).await.unwrap();
    db.activate_policy("key", 1, &admin()).await.unwrap();
    db.add_policy_version(&body, &checked(&body), &admin()).await.unwrap();
    let request = some_request(db, made.id, OffsetDateTime::now_utc()).await;
    let task = some_task(db, request, "amina", None).await;
    let event = some_event(db, request, 1).await;
    execute(
        db,
        &format!(
            "insert into approval_decision (id, request_id, task_id, stage_order, actor, action, created_at)
                 values (gen_random_uuid(), '{request}', '{task}', 1, 'amina', 'approve', now());
             insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
                 next_attempt_at, created_at, updated_at)
                 values (gen_random_uuid(), '{event}', '{request}', 1, 'request_created', 'c', 'http://x/', now(),
                 now(), now());
             insert into webhook_attempt (id, delivery_id, attempt, started_at, latency_ms)
                 select gen_random_uuid(), id, 1, now(), 1 from webhook_delivery"
        ),
    )
    .await;
    request
}

#[tokio::test]
async fn nothing_changes_the_text_of_a_version_that_was_started() {
    let db = database().await;
    history(&db).await;
    let started = "(select id from approval_policy where status <> 'draft')";
    let draft = "(select id from approval_policy where status = 'draft')";
    let stages = format!("(select id from approval_stage where policy_id = {started})");
    for sql in [
        format!("update approver_rule set rule_value = '{{\"user_id\": \"eve\"}}' where stage_id in {stages}"),
        format!("update approver_rule set position = position + 50 where stage_id in {stages}"),
        format!("delete from approver_rule where stage_id in {stages}"),
        format!(
            "insert into approver_rule (id, stage_id, position, rule_type, rule_value)
             select gen_random_uuid(), id, 99, 'user', '{{\"user_id\": \"eve\"}}' from approval_stage
             where policy_id = {started}"
        ),
        // A rule or stage moved from a draft to a started version, or back, changes the started version as well.
        format!(
            "update approver_rule set stage_id = (select id from approval_stage where policy_id = {started} limit 1),
                 position = 77 where stage_id in (select id from approval_stage where policy_id = {draft})"
        ),
        format!("update approval_stage set mode = 'any-n', mode_value = 1 where policy_id = {started}"),
        format!("update approval_stage set policy_id = {draft}, stage_order = stage_order + 9 where policy_id = {started}"),
        format!("update approval_stage set policy_id = {started}, stage_order = stage_order + 9 where policy_id = {draft}"),
        format!("delete from approval_stage where policy_id = {started}"),
        format!(
            "insert into approval_stage (id, policy_id, stage_order, name, mode) values
             (gen_random_uuid(), {started}, 9, 'More', 'all')"
        ),
        format!("update approval_policy set status = 'draft' where id = {started}"),
        format!("update approval_policy set forbid_self_approval = not forbid_self_approval where id = {started}"),
        format!("update approval_policy set created_by = 'eve' where id = {started}"),
        format!("update approval_policy set id = gen_random_uuid() where id = {started}"),
        format!("update approval_policy set text_sha256 = repeat('0', 64) where id = {started}"),
        format!("update approval_policy set text_sha256 = null where id = {started}"),
        format!("delete from approval_policy where id = {started}"),
        "insert into approval_policy (id, policy_key, version, name, artifact_type, status) values
         (gen_random_uuid(), 'eve', 1, 'Eve', 't', 'active')"
            .to_owned(),
        "truncate approver_rule".to_owned(),
        "truncate approval_stage cascade".to_owned(),
        "truncate approval_policy cascade".to_owned(),
    ] {
        assert_eq!(refusal(db.pool(), &sql).await, "guarded");
    }
    execute(&db, &format!("update approval_stage set name = 'Edited' where policy_id = {draft}")).await;
    execute(&db, &format!("update approval_policy set status = 'archived' where id = {started}")).await;
    execute(&db, "update approval_policy set status = 'active' where status = 'archived'").await;
    execute(&db, &format!("delete from approval_policy where id = {draft}")).await;
}

/// Columns that AWE or an operator may change. Every other column of these tables is frozen.
const MUTABLE: &[(&str, &[&str])] = &[
    (
        "approval_request",
        &[
            "status",
            "current_stage_order",
            "stages",
            "expires_at",
            "completed_at",
            "updated_at",
            "row_version",
            "last_sequence",
            "resolve_after",
            "resolve_attempt",
        ],
    ),
    (
        "approval_task",
        &["seated", "status", "due_at", "claimed_at", "claimed_by", "completed_at", "decision_id"],
    ),
    ("approval_decision", &[]),
    (
        "webhook_delivery",
        &[
            "url",
            "status",
            "attempt",
            "next_attempt_at",
            "last_attempt_at",
            "last_status_code",
            "last_error",
            "lease_token",
            "leased_until",
            "updated_at",
            "endpoint",
            "asked_at",
        ],
    ),
    ("webhook_attempt", &[]),
    ("audit_action", &[]),
];

/// SQL for another value of a column.
fn other(column: &str, kind: &str) -> String {
    match kind {
        "uuid" => "gen_random_uuid()".to_owned(),
        "text" => format!("coalesce({column}, '') || 'x'"),
        "integer" | "bigint" => format!("coalesce({column}, 0) + 1000"),
        "boolean" => format!("not coalesce({column}, false)"),
        "timestamp with time zone" => "'2001-01-01'".to_owned(),
        "jsonb" => "'{\"other\": true}'".to_owned(),
        "ARRAY" => "'{other}'".to_owned(),
        kind => panic!("{column} is of type {kind}"),
    }
}

#[tokio::test]
async fn every_column_that_is_not_meant_to_change_is_frozen() {
    let db = database().await;
    history(&db).await;
    let (mut tried, mut open) = (0, Vec::new());
    for (table, mutable) in MUTABLE {
        let columns = sqlx::query(
            "select column_name::text, data_type::text, is_identity = 'YES' from information_schema.columns
             where table_name = $1 and table_schema = 'public'",
        )
        .bind(table)
        .fetch_all(db.pool())
        .await
        .unwrap();
        for column in columns {
            let (name, kind): (String, String) = (column.get(0), column.get(1));
            if mutable.contains(&&*name) {
                continue;
            }
            // A generated column can only be set to its default.
            let value = if column.get(2) { "default".to_owned() } else { other(&name, &kind) };
            let outcome = refusal(db.pool(), &format!("update {table} set {name} = {value}")).await;
            tried += 1;
            if outcome != "guarded" {
                open.push(outcome);
            }
        }
    }
    assert!(tried > 50 && open.is_empty(), "{tried} tried, open: {open:#?}");
}

#[tokio::test]
async fn history_is_deleted_by_retention_alone_and_the_audit_trail_by_nobody() {
    let db = database().await;
    let request = history(&db).await;
    let tables: Vec<&str> = MUTABLE.iter().map(|(table, _)| *table).collect();
    for table in &tables {
        assert_eq!(refusal(db.pool(), &format!("truncate {table} cascade")).await, "guarded");
        assert_eq!(refusal(db.pool(), &format!("delete from {table}")).await, "guarded");
    }
    // The switch of retention allows no deletion from a request that is under way, nor from the audit trail.
    let with_switch = |sql: &str| format!("begin; set local awe.retention = 'on'; {sql}; commit");
    for table in tables.iter().filter(|table| **table != "webhook_attempt") {
        let mut connection = PgConnection::connect(&db.url).await.unwrap();
        let sql = with_switch(&format!("delete from {table}"));
        let refused = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{table}: {refused}");
    }
    execute(
        &db,
        &format!(
            "update approval_request set status = 'approved', completed_at = now() where id = '{request}'"
        ),
    )
    .await;
    execute(&db, &with_switch("delete from webhook_delivery; delete from approval_event")).await;
    assert_eq!(count(&db, "select count(*) from webhook_attempt").await, 0);
}

#[tokio::test]
async fn a_stage_that_is_added_while_its_version_is_activated_is_part_of_what_is_hashed() {
    let db = database().await;
    let body = policy("key");
    db.create_policy(&body, &checked(&body), &admin()).await.unwrap();
    let mut other = db.pool().begin().await.unwrap();
    sqlx::query(
        "insert into approval_stage (id, policy_id, stage_order, name, mode)
         select gen_random_uuid(), id, 9, 'Late', 'all' from approval_policy",
    )
    .execute(&mut *other)
    .await
    .unwrap();
    let store = db.store.clone();
    let activating = tokio::spawn(async move { store.activate_policy("key", 1, &admin()).await });
    while count(&db, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").await == 0 {
        assert!(!activating.is_finished(), "it did not wait for whoever writes a stage");
        tokio::task::yield_now().await;
    }
    other.commit().await.unwrap();
    let active = activating.await.unwrap().unwrap();
    assert_eq!(active.stages.len(), 3);
    assert_eq!(active.text_sha256, Some(schemas::policy::text_sha256(&active).unwrap()));
}

#[tokio::test]
async fn a_text_that_was_changed_past_the_guards_is_found_and_never_activated_again() {
    let db = database().await;
    history(&db).await;
    assert_eq!(db.check_policy_texts().await.unwrap().changed, Vec::<String>::new());
    let drafted = db.get_policy("key", 2).await.unwrap();
    assert_eq!(drafted.text_sha256, None);
    execute_unguarded(
        &db,
        "update approver_rule set rule_value = '{\"user_id\": \"eve\"}' where rule_type = 'user'",
    )
    .await;
    let found = db.check_policy_texts().await.unwrap();
    assert_eq!((found.checked, found.changed), (1, vec!["key version 1".to_owned()]));
    db.deactivate_policy("key", 1, &admin()).await.unwrap();
    let refused = db.activate_policy("key", 1, &admin()).await;
    assert!(matches!(refused, Err(Error::Conflict(Clash::TextChanged, _))), "{refused:?}");
}

#[tokio::test]
async fn versions_that_an_older_process_activated_are_hashed_by_the_next_migration() {
    let db = database().await;
    history(&db).await;
    execute_unguarded(&db, "update approval_policy set text_sha256 = null").await;
    assert_eq!(db.check_policy_texts().await.unwrap().unknown, ["key version 1"]);
    let acquire_timeout = std::time::Duration::from_secs(10);
    let options = Options { url: db.url.clone(), max_connections: 2, acquire_timeout };
    let owner = Store::connect(&options).await.unwrap();
    owner.migrate().await.unwrap();
    owner.close().await;
    let active = db.get_policy("key", 1).await.unwrap();
    assert_eq!(active.text_sha256, Some(schemas::policy::text_sha256(&active).unwrap()));
}

#[tokio::test]
async fn doctor_sees_guards_that_are_gone_switched_off_or_bypassed() {
    let db = database().await;
    assert_eq!(db.guards().await.unwrap(), Guards::default(), "the application's role is not the owner");
    execute(
        &db,
        "drop trigger approval_task_frozen on approval_task;
         alter table approver_rule disable trigger approver_rule_immutable;
         alter table audit_action enable replica trigger audit_action_append_only",
    )
    .await;
    let name = db.url.rsplit_once('/').unwrap().1;
    execute(&db, &format!("alter database {name} set session_replication_role = replica")).await;
    let guards = db.guards().await.unwrap();
    assert_eq!(guards.missing, ["approval_task.approval_task_frozen"]);
    assert_eq!(
        guards.disabled,
        ["approver_rule.approver_rule_immutable", "audit_action.audit_action_append_only"]
    );
    assert_eq!(guards.bypassed, [format!("database {name}")]);
}

#[tokio::test]
async fn a_status_that_its_history_does_not_tell_of_is_counted() {
    let db = database().await;
    let request = history(&db).await;
    execute_unguarded(&db, "update approval_event set status = 'in_review'").await;
    assert_eq!(db.status_mismatches().await.unwrap(), 0);
    execute(
        &db,
        &format!(
            "update approval_request set status = 'approved', completed_at = now() where id = '{request}'"
        ),
    )
    .await;
    assert_eq!(db.status_mismatches().await.unwrap(), 1);
}

#[tokio::test]
async fn the_applications_role_cannot_take_the_guards_away() {
    let db = database().await;
    history(&db).await;
    let mut role = PgConnection::connect(&application(&db.url)).await.unwrap();
    for sql in [
        "alter table approval_event disable trigger all",
        "drop trigger audit_action_append_only on audit_action",
        "drop table audit_action",
        "truncate approval_request cascade",
        "set session_replication_role = replica",
        "create table mine (id int)",
        "create or replace function refuse_rewriting_history() returns trigger language sql as 'select null'",
        "update approval_request set context = '{}'",
        "update approval_task set assignee = 'eve'",
        "update approval_task set due_at = now()",
        "update approval_event set payload = '{}'",
        "update webhook_delivery set url = 'http://eve/'",
        "update approval_policy set policy_key = 'eve'",
        "update approver_rule set rule_value = '{}'",
        "delete from audit_action",
        "delete from approval_policy",
        "delete from callback_secret",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut role).await;
        let code = refused.as_ref().err().and_then(|error| error.as_database_error()?.code());
        assert_eq!(code.as_deref(), Some(NOT_ALLOWED), "{sql}: {refused:?}");
    }
}

#[tokio::test]
async fn evidence_of_a_period_holds_what_is_dated_before_1970_too() {
    let db = database().await;
    let policy_id = db.create_policy(&policy("key"), &checked(&policy("key")), &admin()).await.unwrap().id;
    let early = OffsetDateTime::UNIX_EPOCH - time::Duration::days(20_000);
    let request = some_request(&db, policy_id, early).await;
    let period = store::evidence::Period { since: early, until: OffsetDateTime::now_utc() };
    let mut snapshot = db.snapshot_evidence().await.unwrap();
    let found = snapshot.requests(period, None, 10).await.unwrap();
    assert_eq!(found, [(early, request)]);
    assert_eq!(snapshot.requests(period, Some((early, request)), 10).await.unwrap(), []);
}
