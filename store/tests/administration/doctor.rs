//! What `awe doctor` reads in the database about processes, endpoints and the staff directory.

use crate::fixtures::{some_event, some_policy, some_request};
use store::processes::Process;
use store::testing::{database, execute};
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
