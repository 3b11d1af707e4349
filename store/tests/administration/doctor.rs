//! What `awe doctor` reads in the database about processes, endpoints and the staff directory.

use crate::fixtures::{some_event, some_policy, some_request, some_task};
use store::processes::Process;
use store::testing::{count, database, execute, execute_unguarded};
use time::OffsetDateTime;
use uuid::Uuid;

#[tokio::test]
async fn a_process_is_seen_while_it_says_that_it_runs() {
    let db = database().await;
    let process = |directory| Process {
        id: Uuid::now_v7(),
        host: "host".to_owned(),
        version: "1".to_owned(),
        roles: vec!["api".to_owned(), "relay".to_owned()],
        directory,
        troubles: vec!["relay (failing): no luck".to_owned()],
        circuits: serde_json::json!([]),
        started_at: OffsetDateTime::UNIX_EPOCH,
    };
    let (one, other) = (process(true), process(false));
    db.note_process(&one).await.unwrap();
    db.note_process(&one).await.unwrap();
    db.note_process(&other).await.unwrap();
    assert_eq!(db.processes().await.unwrap(), [one.clone(), other.clone()]);
    execute(&db, &format!("update process set seen_at = now() - interval '2 min' where id = '{}'", one.id))
        .await;
    assert_eq!(db.processes().await.unwrap(), std::slice::from_ref(&other), "it has fallen silent");
    execute(&db, "update process set seen_at = now() - interval '2 h'").await;
    db.note_process(&other).await.unwrap();
    assert_eq!(
        store::testing::count(&db, "select count(*) from process").await,
        1,
        "what is long gone is forgotten"
    );
    db.forget_process(other.id).await.unwrap();
    assert!(db.processes().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_whose_webhooks_are_due_and_not_attempted_is_told_with_the_last_error() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    for (sequence, due, url) in
        [(1, "1 h", "http://a.example/x"), (2, "2 h", "http://a.example/y"), (3, "-1 h", "http://b.example/")]
    {
        let event = some_event(&db, request, sequence).await;
        execute(
            &db,
            &format!(
                "insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
                     next_attempt_at, last_error, created_at, updated_at)
                 values (gen_random_uuid(), '{event}', '{request}', {sequence}, 'request_created', 'c', '{url}',
                     now() - interval '{due}', 'answered 503', now(), now())"
            ),
        )
        .await;
    }
    let held = db.held_back().await.unwrap();
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!((held[0].endpoint.as_str(), held[0].waiting), ("http://a.example", 2));
    assert_eq!(held[0].last_error.as_deref(), Some("answered 503"));
}

#[tokio::test]
async fn requests_whose_policy_asks_the_directory_wait_for_it_while_a_resolution_is_planned() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    some_request(&db, policy, OffsetDateTime::now_utc()).await;
    assert_eq!(db.waiting_for_directory().await.unwrap(), 0);
    execute(&db, "update approval_request set resolve_after = now()").await;
    assert_eq!(db.waiting_for_directory().await.unwrap(), 1);
}

#[tokio::test]
async fn open_work_follows_whoever_writes_and_is_mended_where_nobody_could() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let task = some_task(&db, request, "amina", None).await;
    let wrong = "select count(*) from wrong_open_work";
    let open = "select (select count(*) from open_request) * 10 + (select count(*) from open_task)";
    assert_eq!((count(&db, open).await, count(&db, wrong).await), (11, 0));
    for (change, left) in [
        ("update approval_task set due_at = now() + interval '1 h'", 11),
        ("update approval_task set status = 'expired'", 11),
        ("update approval_task set seated = false", 10),
        ("update approval_task set seated = true, status = 'skipped'", 10),
        ("update approval_request set expires_at = now()", 10),
        ("update approval_request set status = 'expired', completed_at = now()", 0),
    ] {
        execute(&db, change).await;
        assert_eq!((count(&db, open).await, count(&db, wrong).await), (left, 0), "{change}");
    }
    let unseen = format!("update approval_task set status = 'open' where id = '{task}'");
    execute_unguarded(&db, &unseen).await;
    assert_eq!(db.stuck().await.unwrap().open_work_wrong, 1);
    execute(&db, "select renew_open_work(request_id) from wrong_open_work").await;
    assert_eq!((count(&db, open).await, count(&db, wrong).await), (1, 0));
}
