use crate::fixtures::{some_event, some_policy, some_request, some_task};
use store::testing::{TestDb, count, database, execute, execute_unguarded, publish_all};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const ALL_ROWS: &str = "select (select count(*) from approval_request) + (select count(*) from approval_task)
    + (select count(*) from approval_event) + (select count(*) from approval_decision)
    + (select count(*) from webhook_delivery) + (select count(*) from webhook_attempt)";

fn long_ago() -> OffsetDateTime {
    OffsetDateTime::now_utc() - Duration::days(40)
}

fn cutoff() -> OffsetDateTime {
    OffsetDateTime::now_utc() - Duration::days(30)
}

/// Makes a finished request of forty days ago with a task, a decision, an event, a delivery and an attempt; the event
/// is published and the webhook delivered.
async fn finished(store: &TestDb, policy: Uuid) -> Uuid {
    let request = some_request(store, policy, long_ago()).await;
    let task = some_task(store, request, "amina", None).await;
    let event = some_event(store, request, 1).await;
    let (decision, delivery) = (Uuid::now_v7(), Uuid::now_v7());
    execute(
        store,
        &format!(
            "insert into approval_decision (id, request_id, task_id, stage_order, actor, action, created_at)
                 values ('{decision}', '{request}', '{task}', 1, 'amina', 'approve', now());
             insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url, status,
                 next_attempt_at, created_at, updated_at)
                 values ('{delivery}', '{event}', '{request}', 1, 'request_created', 'c', 'http://x/', 'delivered',
                 now(), now(), now());
             insert into webhook_attempt (id, delivery_id, attempt, started_at, latency_ms)
                 values (gen_random_uuid(), '{delivery}', 1, now(), 1);
             update approval_request set status = 'approved', completed_at = created_at where id = '{request}'"
        ),
    )
    .await;
    publish_all(store).await;
    request
}

#[tokio::test]
async fn an_old_finished_request_goes_with_all_that_belongs_to_it() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    finished(&db, policy).await;
    assert_eq!(count(&db, ALL_ROWS).await, 6);
    assert_eq!(db.sweep_requests(cutoff(), 100).await.unwrap(), 1);
    assert_eq!(count(&db, ALL_ROWS).await, 0);
}

#[tokio::test]
async fn a_request_stays_while_it_is_young_unfinished_unpublished_or_untold() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    for undo in [
        "update approval_request set completed_at = now() where id = ",
        "update approval_request set status = 'in_review', completed_at = null where id = ",
        "insert into outbox_again select position from approval_event where request_id = ",
        "update webhook_delivery set status = 'pending' where request_id = ",
    ] {
        let request = finished(&db, policy).await;
        execute(&db, &format!("{undo} '{request}'")).await;
    }
    let before = count(&db, ALL_ROWS).await;
    assert_eq!(db.sweep_requests(cutoff(), 100).await.unwrap(), 0);
    assert_eq!(count(&db, ALL_ROWS).await, before);
}

#[tokio::test]
async fn sweeping_takes_no_more_than_a_batch_and_waits_for_no_lock() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let first = finished(&db, policy).await;
    for _ in 0..3 {
        finished(&db, policy).await;
    }
    let mut other = db.pool().begin().await.unwrap();
    sqlx::query("select from approval_request where id = $1 for update")
        .bind(first)
        .execute(&mut *other)
        .await
        .unwrap();
    assert_eq!(db.sweep_requests(cutoff(), 2).await.unwrap(), 2);
    assert_eq!(db.sweep_requests(cutoff(), 2).await.unwrap(), 1, "the locked one is passed over");
    other.rollback().await.unwrap();
    assert_eq!(db.sweep_requests(cutoff(), 2).await.unwrap(), 1);
}

#[tokio::test]
async fn history_is_still_append_only_for_everybody_else() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    finished(&db, policy).await;
    db.sweep_requests(cutoff() - Duration::days(30), 100).await.unwrap();
    let refused = sqlx::query("delete from approval_decision").execute(db.pool()).await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
}

#[tokio::test]
async fn idempotency_keys_and_attempts_go_by_age_in_batches() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    finished(&db, policy).await;
    execute(
        &db,
        "insert into idempotency_key (subject, key, body, request_id, response, created_at)
             select 's', n::text, '{}', gen_random_uuid(), '{}', now() - n * interval '1 day'
             from generate_series(1, 5) n",
    )
    .await;
    execute_unguarded(&db, "update webhook_attempt set started_at = now() - interval '40 days'").await;
    let three_days = OffsetDateTime::now_utc() - Duration::days(3) + Duration::hours(1);
    assert_eq!(db.sweep_idempotency_keys(three_days, 2).await.unwrap(), 2);
    assert_eq!(db.sweep_idempotency_keys(three_days, 2).await.unwrap(), 1);
    assert_eq!(count(&db, "select count(*) from idempotency_key").await, 2);
    assert_eq!(db.sweep_attempts(long_ago() - Duration::days(1), 100).await.unwrap(), 0);
    assert_eq!(db.sweep_attempts(cutoff(), 100).await.unwrap(), 1);
    assert_eq!(count(&db, "select count(*) from webhook_delivery").await, 1, "what it came to stays");
}

#[tokio::test]
async fn a_healthy_database_has_nothing_stuck_and_a_sick_one_is_counted() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    some_event(&db, request, 1).await;
    some_task(&db, request, "amina", None).await;
    assert_eq!(db.stuck().await.unwrap(), store::doctor::Counts::default());
    execute(
        &db,
        "update approval_task set status = 'skipped';
         update approval_request set last_sequence = 7, expires_at = now() - interval '1 hour'",
    )
    .await;
    let counts = db.stuck().await.unwrap();
    assert_eq!((counts.in_review_stuck, counts.sequence_wrong, counts.deadline_late), (1, 1, 1));
}
