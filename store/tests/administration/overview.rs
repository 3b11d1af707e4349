//! What is counted for the home page, and how endpoints do.

use crate::fixtures::{some_event, some_policy, some_request, some_task};
use store::tally::Day;
use store::testing::{TestDb, count, database, execute};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

async fn event_of(db: &TestDb, request: Uuid, sequence: i64, event_type: &str) {
    let event = some_event(db, request, sequence).await;
    let change = format!("update approval_event set event_type = '{event_type}' where id = '{event}'");
    store::testing::execute_unguarded(db, &change).await;
}

async fn today(db: &TestDb) -> Day {
    db.days(OffsetDateTime::now_utc() - Duration::days(3)).await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn requests_are_counted_once_whether_they_are_tallied_or_still_to_be() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    for n in 0..4 {
        let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
        event_of(&db, request, 1, "request_created").await;
        event_of(&db, request, 2, if n == 0 { "request_rejected" } else { "stage_started" }).await;
    }
    let newest = db.newest_position().await.unwrap();
    for upto in [0, 3, 3, newest, newest] {
        assert_eq!(db.tally(upto).await.unwrap(), Some(upto));
        let day = today(&db).await;
        assert_eq!((day.created, day.rejected, day.approved), (4, 1, 0), "tallied up to {upto}");
    }
    assert_eq!(db.tallied().await.unwrap(), newest);
    assert_eq!(db.tally(2).await.unwrap(), Some(newest), "nothing is counted twice");
}

#[tokio::test]
async fn while_one_process_counts_the_others_do_not() {
    let db = database().await;
    let mut held = db.pool().begin().await.unwrap();
    sqlx::query("select from request_tally for update").execute(&mut *held).await.unwrap();
    assert_eq!(db.tally(10).await.unwrap(), None);
}

#[tokio::test]
async fn requests_that_are_deleted_are_counted_no_more() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let mut counted = 0;
    for n in 0..3 {
        let age = Duration::days(if n == 1 { 10 } else { 40 });
        let request = some_request(&db, policy, OffsetDateTime::now_utc() - age).await;
        event_of(&db, request, 1, "request_created").await;
        event_of(&db, request, 2, "request_approved").await;
        if n == 1 {
            counted = db.newest_position().await.unwrap();
        }
    }
    let end = "update approval_request set status = 'approved', completed_at = created_at";
    execute(&db, end).await;
    execute(&db, "insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs) values (100, 100, 0, '{}', '{}')").await;
    assert_eq!(db.tally(counted).await.unwrap(), Some(counted));
    assert_eq!(count(&db, "select created * 10 + approved from request_day").await, 22);
    let cutoff = OffsetDateTime::now_utc() - Duration::days(30);
    assert_eq!(db.sweep_requests(cutoff, 10).await.unwrap(), 2, "the first and the last");
    assert_eq!(
        count(&db, "select created * 10 + approved from request_day").await,
        11,
        "the last was never counted"
    );
    let newest = counted + 2;
    assert_eq!(db.tally(newest).await.unwrap(), Some(newest));
    assert_eq!(count(&db, "select created * 10 + approved from request_day").await, 11);
}

#[tokio::test]
async fn what_waits_is_counted() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    some_task(&db, request, "amina", None).await;
    some_task(&db, request, "bob", Some(OffsetDateTime::now_utc() - Duration::hours(1))).await;
    event_of(&db, request, 1, "request_created").await;
    let waiting = db.waiting_now().await.unwrap();
    assert_eq!((waiting.tasks, waiting.overdue, waiting.unpublished), (2, 1, 1));
    assert_eq!((waiting.deliveries, waiting.exhausted, waiting.pending), (0, 0, 0));
    assert_eq!(db.time_to_decision().await.unwrap().sample, 0);
}

#[tokio::test]
async fn the_time_to_a_decision_is_that_of_the_requests_decided_last() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    for hours in [1, 2, 9] {
        let request = some_request(&db, policy, OffsetDateTime::now_utc() - Duration::hours(hours)).await;
        event_of(&db, request, 1, "request_approved").await;
    }
    let took = db.time_to_decision().await.unwrap();
    assert_eq!(took.sample, 3);
    let median = took.median.unwrap();
    assert!((7_195.0..7_260.0).contains(&median), "{median}");
}

#[tokio::test]
async fn an_endpoint_is_told_with_what_it_is_owed_and_how_it_answered() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    for (sequence, url, status) in [
        (1, "https://a.example/x", "pending"),
        (2, "https://a.example/y", "delivered"),
        (3, "https://b.example/", "exhausted"),
    ] {
        let event = some_event(&db, request, sequence).await;
        let delivery = Uuid::now_v7();
        let attempt = if status == "pending" { "'answered 503'" } else { "null" };
        execute(
            &db,
            &format!(
                "insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
                     status, next_attempt_at, last_error, created_at, updated_at)
                 values ('{delivery}', '{event}', '{request}', {sequence}, 'request_created', 'c', '{url}', '{status}',
                     now() - interval '1 h', 'gave up', now(), now());
                 insert into webhook_attempt (id, delivery_id, attempt, started_at, latency_ms, error)
                 values (gen_random_uuid(), '{delivery}', 1, now(), 40, {attempt})"
            ),
        )
        .await;
    }
    let endpoints = db.endpoints().await.unwrap();
    let a = endpoints.iter().find(|one| one.endpoint == "https://a.example").unwrap();
    assert_eq!((a.pending, a.held_back, a.exhausted, a.attempts, a.accepted), (1, 1, 0, 2, 1));
    assert_eq!((a.p50_ms, a.last_error.as_deref()), (Some(40.0), Some("answered 503")));
    assert!(a.last_success_at.is_some() && a.last_failure_at.is_some());
    let b = endpoints.iter().find(|one| one.endpoint == "https://b.example").unwrap();
    assert_eq!((b.pending, b.exhausted, b.last_error.as_deref()), (0, 1, Some("gave up")));
}
