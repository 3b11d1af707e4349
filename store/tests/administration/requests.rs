use crate::fixtures::{NewRequest, some_event, some_policy, some_request};
use serde_json::json;
use store::page::{Cursor, List};
use store::requests::RequestFilter;
use store::testing::database;
use store::{Error, What};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition_even_among_equal_times() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let now = OffsetDateTime::now_utc();
    let mut expected = Vec::new();
    for minute in 0..3 {
        for _ in 0..4 {
            expected.push(some_request(&db, policy, now + Duration::minutes(minute)).await);
        }
    }
    expected.reverse();
    let mut filter = RequestFilter { limit: 5, ..RequestFilter::default() };
    let mut seen = Vec::new();
    loop {
        let (page, next) = db.list_requests(&filter).await.unwrap();
        seen.extend(page.iter().map(|r| r.id));
        // Newer requests that arrive meanwhile do not shift the pages.
        some_request(&db, policy, now + Duration::hours(1)).await;
        match next {
            Some(next) => filter.cursor = Some(Cursor::parse(List::Requests, &next).unwrap()),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_page_that_holds_the_last_row_has_no_next() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    for _ in 0..2 {
        some_request(&db, policy, OffsetDateTime::now_utc()).await;
    }
    let filter = RequestFilter { limit: 2, ..RequestFilter::default() };
    let (page, next) = db.list_requests(&filter).await.unwrap();
    assert_eq!((page.len(), next), (2, None));
}

#[test]
fn a_cursor_that_we_did_not_write_is_no_cursor() {
    for text in ["", "x", "AAAA", "not base64!", &"A".repeat(200), "//////////////////////////////"] {
        assert_eq!(Cursor::parse(List::Requests, text), None, "{text}");
    }
}

#[tokio::test]
async fn requests_are_filtered_by_every_column_offered() {
    let db = database().await;
    let policy_id = some_policy(&db, "key").await;
    let new = |artifact_id, requester| NewRequest {
        policy_id,
        policy_key: "key",
        artifact_type: "type",
        artifact_id,
        requester,
        context: json!({"amount": 1}),
        created_at: OffsetDateTime::now_utc(),
    };
    let one = new("A-1", "amina").insert(&db).await;
    new("A-2", "bob").insert(&db).await;
    let all = || RequestFilter { limit: 10, ..RequestFilter::default() };
    let matching = [
        RequestFilter { artifact_id: Some("A-1".into()), ..all() },
        RequestFilter { requester: Some("amina".into()), ..all() },
        RequestFilter {
            artifact_type: Some("type".into()),
            status: Some("in_review".into()),
            policy_key: Some("key".into()),
            artifact_id: Some("A-1".into()),
            ..all()
        },
    ];
    for filter in matching {
        let (page, _) = db.list_requests(&filter).await.unwrap();
        assert_eq!(page.iter().map(|r| r.id).collect::<Vec<_>>(), [one], "{filter:?}");
    }
    let (none, _) =
        db.list_requests(&RequestFilter { status: Some("approved".into()), ..all() }).await.unwrap();
    assert!(none.is_empty());
    let out = db.get_request(one).await.unwrap();
    assert_eq!((out.requester.as_deref(), out.context.text()), (Some("amina"), r#"{"amount": 1}"#));
    assert!(matches!(db.get_request(Uuid::nil()).await, Err(Error::NotFound(What::Request))));
}

#[tokio::test]
async fn history_comes_in_sequence_and_payloads_repeat_actor_and_reason() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    assert!(db.list_events(request, 0).await.unwrap().0.is_empty());
    for sequence in [2, 1, 3] {
        some_event(&db, request, sequence).await;
    }
    let (events, _) = db.list_events(request, 0).await.unwrap();
    assert_eq!(events.iter().map(|e| e.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[0].payload, json!({"fact": 1, "actor": "amina", "reason": "why not"}));
    assert_eq!(events[0].reason.as_deref(), Some("why not"));
    assert!(matches!(db.list_events(Uuid::nil(), 0).await, Err(Error::NotFound(What::Request))));
}

#[tokio::test]
async fn history_is_append_only() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    some_event(&db, request, 1).await;
    let run = |sql: &'static str| sqlx::query(sql).execute(db.pool());
    assert!(run("update approval_event set actor = 'nobody'").await.is_err());
    assert!(run("delete from approval_event").await.is_err());
    assert!(run("update approval_event set published_at = now()").await.is_err());
}
