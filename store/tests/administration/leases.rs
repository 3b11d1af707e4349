//! Who may attempt a delivery, and whose outcome is recorded.

use crate::fixtures::{some_policy, some_request};
use engine::ids::RequestId;
use std::collections::BTreeSet;
use std::time::Duration;
use store::deliveries::{Attempt, Destination, Leased, Next};
use store::testing::{TestDb, count, database, execute, publish_all};
use time::OffsetDateTime;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(60);
const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// Makes requests with `each` due deliveries to `url`, of sequences 1, 2, ...; the caller is `caller`.
async fn owe(db: &TestDb, policy: Uuid, url: &str, requests: usize, each: i32) -> Vec<Uuid> {
    owe_to(db, policy, Destination::new("caller", url), requests, each).await
}

/// The same for any destination, whose `endpoint` is a URL here.
async fn owe_to(db: &TestDb, policy: Uuid, to: Destination, requests: usize, each: i32) -> Vec<Uuid> {
    let mut made = Vec::new();
    for _ in 0..requests {
        let request = some_request(db, policy, OffsetDateTime::now_utc()).await;
        sqlx::query(
            "with events as (
                 insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
                 select gen_random_uuid(), $1, n, 'stage_started', 'in_review', 'amina', '{}', now()
                 from generate_series(1, $3) n returning id, sequence)
             insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
                 next_attempt_at, created_at, updated_at)
             select id, id, $1, sequence, 'stage_started', $4, $2, now(), now(), now() from events",
        )
        .bind(request)
        .bind(&to.endpoint)
        .bind(each)
        .bind(&to.caller_service)
        .execute(db.pool())
        .await
        .unwrap();
        made.push(request);
    }
    made
}

async fn lease(db: &TestDb, endpoint: &str, limit: i64) -> Vec<Leased> {
    db.lease_due(&to(endpoint), limit, LEASE, None).await.unwrap()
}

fn to(endpoint: &str) -> Destination {
    Destination::new("caller", endpoint)
}

/// The destinations with a due delivery, of all callers.
async fn due(db: &TestDb) -> Vec<Destination> {
    let waiting = db.waiting_destinations(None, 10, 10, &[]).await.unwrap();
    waiting.destinations.into_iter().filter_map(|(to, due)| due.then_some(to)).collect()
}

fn outcome(of: &Leased, next: Next) -> Attempt {
    let failed = next != Next::Delivered;
    Attempt {
        delivery_id: of.id,
        token: of.token,
        started_at: OffsetDateTime::now_utc(),
        latency_ms: 12,
        status_code: Some(if failed { 503 } else { 200 }),
        error: failed.then(|| "answered 503".to_owned()),
        failed_by: failed.then_some("receiver"),
        response_headers: Some(serde_json::json!({"server": "x"})),
        response_excerpt: Some("later".to_owned()),
        next,
    }
}

fn later() -> Next {
    Next::RetryAt(OffsetDateTime::now_utc() + time::Duration::hours(1))
}

fn ids(leased: &[Leased]) -> BTreeSet<Uuid> {
    leased.iter().map(|l| l.id).collect()
}

#[tokio::test]
async fn an_endpoint_is_scheme_host_and_port() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    for (url, endpoint) in [
        ("https://Hooks.Example.org/a/b?c=d", "https://hooks.example.org"),
        ("https://hooks.example.org:443/x", "https://hooks.example.org"),
        ("http://hooks.example.org:80", "http://hooks.example.org"),
        ("http://hooks.example.org:443/x", "http://hooks.example.org:443"),
        ("https://hooks.example.org:8443?x", "https://hooks.example.org:8443"),
        ("http://[2606:4700::1111]:8080/x", "http://[2606:4700::1111]:8080"),
        ("nonsense", ""),
    ] {
        owe(&db, policy, url, 1, 1).await;
        let found: String = sqlx::query_scalar("select endpoint from webhook_delivery where url = $1")
            .bind(url)
            .fetch_one(db.pool())
            .await
            .unwrap();
        assert_eq!(found, endpoint, "{url}");
    }
}

#[tokio::test]
async fn destinations_with_something_due_are_found() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let to_a = owe(&db, policy, "https://a.example/x", 3, 2).await;
    owe(&db, policy, "https://a.example/y", 1, 1).await;
    owe(&db, policy, "https://b.example/x", 1, 1).await;
    owe(&db, policy, "https://c.example/x", 1, 1).await;
    execute(
        &db,
        "update webhook_delivery set next_attempt_at = now() + interval '1 h' where endpoint ~ 'c.ex'",
    )
    .await;
    assert_eq!(due(&db).await, [to(A), to(B)]);
    assert_eq!(db.destinations_of(&to_a).await.unwrap(), [to(A)]);
    lease(&db, B, 9).await;
    assert_eq!(due(&db).await, [to(A)], "what is leased is not due");
}

#[tokio::test]
async fn a_caller_with_many_endpoints_is_looked_through_in_turns_and_keeps_none_from_others() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    for n in 0..5 {
        owe(&db, policy, &format!("https://many-{n}.example/x"), 1, 1).await;
    }
    owe_to(&db, policy, Destination::new("modest", B), 1, 1).await;
    let endpoints = async |after: Option<&str>, seen: &[Destination]| {
        let waiting = db.waiting_destinations(after, 1, 2, seen).await.unwrap();
        let found: Vec<_> = waiting.destinations.into_iter().map(|(to, _)| to.endpoint).collect();
        (found.join(" "), waiting.last_caller)
    };
    let first = ("https://many-0.example https://many-1.example".to_owned(), Some("caller".to_owned()));
    assert_eq!(endpoints(None, &[]).await, first);
    assert_eq!(endpoints(Some("caller"), &[]).await, (B.to_owned(), Some("modest".to_owned())));
    assert_eq!(endpoints(Some("modest"), &[]).await, (String::new(), None));
    let seen = |n| [to(&format!("https://many-{n}.example"))];
    assert_eq!(endpoints(None, &seen(1)).await.0, "https://many-2.example https://many-3.example");
    let end = (String::new(), Some("caller".to_owned()));
    assert_eq!(endpoints(None, &seen(4)).await, end, "the caller after it is still asked for");
}

#[tokio::test]
async fn a_lease_takes_the_webhooks_of_its_caller_and_reads_those_of_no_other() {
    let mut db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, B, 25, 2).await;
    execute(&db, "update webhook_delivery set status = 'delivered'").await;
    execute(&db, "vacuum analyze webhook_delivery").await;
    owe_to(&db, policy, Destination::new("loud", A), 300, 2).await;
    owe(&db, policy, A, 2, 1).await;
    db.reconnect().await;
    let before = db.index_reads().await;
    let leased = lease(&db, A, 20).await;
    assert_eq!(leased.len(), 2);
    assert!(leased.iter().all(|leased| leased.caller_service == "caller"));
    db.reconnect().await;
    let read = db.index_reads().await - before;
    assert!(read < 40, "{read} entries were read, and 600 of another caller wait");
}

fn sequences(leased: &[Leased]) -> Vec<i64> {
    leased.iter().map(|l| l.event.sequence).collect()
}

#[tokio::test]
async fn a_lease_takes_no_more_than_asked_and_first_the_first_of_each_request() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 5, 3).await;
    owe(&db, policy, B, 1, 1).await;
    let first = lease(&db, A, 2).await;
    assert_eq!(sequences(&first), [1, 1]);
    let rest = lease(&db, A, 7).await;
    assert_eq!(rest.len(), 7, "three first ones, and as many behind them as there is room for");
    assert_eq!(sequences(&rest).iter().filter(|sequence| **sequence == 1).count(), 3);
    assert!(first.iter().chain(&rest).all(|l| l.url == A));
    assert!(lease(&db, A, 9).await.is_empty(), "later ones wait for the first");
    // One delivery has succeeded, one has failed once; in both cases the next ones of its request may be leased.
    let outcomes = [outcome(&first[0], Next::Delivered), outcome(&first[1], later())];
    assert_eq!(db.record_attempts(&outcomes).await.unwrap().len(), 2);
    assert_eq!(sequences(&lease(&db, A, 9).await), [2, 3, 2, 3]);
}

#[tokio::test]
async fn untried_deliveries_of_a_request_come_with_its_first_in_their_order() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 1, 6).await;
    let leased = lease(&db, A, 9).await;
    assert_eq!(sequences(&leased), [1, 2, 3, 4]);
    assert!(lease(&db, A, 9).await.is_empty(), "the others wait for these");
    db.record_attempts(&[outcome(&leased[0], Next::RetryAt(OffsetDateTime::now_utc()))]).await.unwrap();
    assert_eq!(sequences(&lease(&db, A, 9).await), [1], "nothing follows a retry");
    let all: Vec<_> = leased[1..].iter().map(|one| outcome(one, Next::Delivered)).collect();
    db.record_attempts(&all).await.unwrap();
    assert_eq!(sequences(&lease(&db, A, 9).await), [5, 6]);
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_due_again_and_only_its_holder_can_give_it_back() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 1, 3).await;
    let leased = lease(&db, A, 9).await;
    let ids: Vec<_> = leased.iter().map(|one| one.id).collect();
    let tokens = [leased[0].token; 3];
    db.give_back(&ids, &[Uuid::now_v7(); 3], None).await.unwrap();
    assert!(lease(&db, A, 9).await.is_empty(), "somebody else's token gives nothing back");
    db.give_back(&ids[1..], &tokens[1..], Some("it rests")).await.unwrap();
    assert!(lease(&db, A, 9).await.is_empty(), "the first is still under way");
    let told = "select count(*) from webhook_delivery where last_error = 'it rests'";
    assert_eq!(count(&db, told).await, 2);
    db.record_attempts(&[outcome(&leased[0], Next::Delivered)]).await.unwrap();
    let again = lease(&db, A, 9).await;
    assert_eq!(sequences(&again), [2, 3]);
    assert!(again.iter().all(|one| one.attempt == 0), "giving back is no attempt");
    assert_eq!(db.asked_delivery(&to(A), LEASE).await.unwrap(), None, "and nobody asked for one");
}

#[tokio::test]
async fn workers_that_lease_at_once_never_share_a_delivery() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 60, 1).await;
    let mut leased = Vec::new();
    for _ in 0..60 {
        let (one, two, three) = tokio::join!(lease(&db, A, 4), lease(&db, A, 4), lease(&db, A, 4));
        leased.extend(one.into_iter().chain(two).chain(three));
        if leased.len() >= 60 {
            break;
        }
    }
    assert_eq!((leased.len(), ids(&leased).len()), (60, 60));
}

#[tokio::test]
async fn an_expired_lease_is_taken_by_another_and_the_late_recorder_loses() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 1, 1).await;
    let slow = lease(&db, A, 1).await.remove(0);
    execute(&db, "update webhook_delivery set leased_until = now() - interval '1 s'").await;
    let other = lease(&db, A, 1).await.remove(0);
    assert_eq!(slow.id, other.id);
    assert!(db.record_attempts(&[outcome(&slow, Next::Exhausted)]).await.unwrap().is_empty());
    assert_eq!(count(&db, "select count(*) from webhook_attempt").await, 0, "nothing of it is kept");
    assert_eq!(db.record_attempts(&[outcome(&other, Next::Delivered)]).await.unwrap(), [other.id]);
    assert!(db.record_attempts(&[outcome(&other, later())]).await.unwrap().is_empty(), "once is enough");
    let state = "select count(*) from webhook_delivery where status = 'delivered' and attempt = 1";
    assert_eq!(count(&db, state).await, 1);
}

#[tokio::test]
async fn outcomes_of_the_same_lease_told_at_once_count_once() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 1, 1).await;
    let leased = lease(&db, A, 1).await.remove(0);
    let outcomes = [outcome(&leased, later())];
    let (one, two) = tokio::join!(db.record_attempts(&outcomes), db.record_attempts(&outcomes));
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 1);
    assert_eq!(count(&db, "select count(*) from webhook_attempt").await, 1);
}

#[tokio::test]
async fn an_attempt_keeps_what_the_receiver_said_and_whose_fault_it_was() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 1, 1).await;
    let leased = lease(&db, A, 1).await.remove(0);
    db.record_attempts(&[outcome(&leased, later())]).await.unwrap();
    let kept = db.list_attempts(leased.id).await.unwrap().remove(0);
    assert_eq!(kept.failed_by.as_deref(), Some("receiver"));
    assert_eq!(kept.response_headers, Some(serde_json::json!({"server": "x"})));
    assert_eq!(kept.response_excerpt.as_deref(), Some("later"));
    assert_eq!((kept.status_code, kept.latency_ms, kept.attempt), (Some(503), 12, 1));
}

#[tokio::test]
async fn who_asks_for_a_retry_while_an_attempt_is_under_way_gets_one_more() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 2, 1).await;
    let leased = lease(&db, A, 2).await;
    execute(&db, "update webhook_delivery set next_attempt_at = now()").await;
    let outcomes = [outcome(&leased[0], Next::Exhausted), outcome(&leased[1], Next::Delivered)];
    assert_eq!(db.record_attempts(&outcomes).await.unwrap().len(), 2);
    let again = lease(&db, A, 9).await;
    assert_eq!(ids(&again), BTreeSet::from([leased[0].id]), "what was delivered needs no more");
}

#[tokio::test]
async fn only_what_a_person_touched_counts_as_asked_for() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 3, 1).await;
    let since = Duration::from_secs(60);
    let leased = lease(&db, A, 2).await;
    db.record_attempts(&[outcome(&leased[0], later()), outcome(&leased[1], Next::Exhausted)]).await.unwrap();
    assert_eq!(
        db.asked_delivery(&to(A), since).await.unwrap(),
        None,
        "leasing and recording ask for nothing"
    );
    for sql in ["next_attempt_at = now()", "status = 'pending', attempt = 0"] {
        let id = if sql.starts_with("next") { leased[0].id } else { leased[1].id };
        execute(&db, &format!("update webhook_delivery set {sql} where id = '{id}'")).await;
        assert_eq!(db.asked_delivery(&to(A), since).await.unwrap(), Some(id), "{sql}");
        let only = db.lease_due(&to(A), 9, LEASE, Some(id)).await.unwrap();
        assert_eq!(ids(&only), BTreeSet::from([id]));
        assert_eq!(db.asked_delivery(&to(A), since).await.unwrap(), None, "leasing answers it");
    }
}

#[tokio::test]
async fn what_waits_for_an_endpoint_is_told_why_and_is_not_attempted_by_it() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, A, 3, 1).await;
    let failed = lease(&db, A, 1).await.remove(0);
    db.record_attempts(&[outcome(&failed, Next::RetryAt(OffsetDateTime::now_utc()))]).await.unwrap();
    let seen = db.explain_wait(&to(A), "it rests", OffsetDateTime::UNIX_EPOCH, 10).await.unwrap();
    assert_eq!(db.explain_wait(&to(A), "it still rests", seen, 10).await.unwrap(), seen, "once is enough");
    let told = "select count(*) from webhook_delivery where attempt = 0 and last_error = 'it rests'";
    assert_eq!(count(&db, told).await, 2);
    let kept = "select count(*) from webhook_delivery where attempt = 1 and last_error = 'answered 503'";
    assert_eq!(count(&db, kept).await, 1);
}

#[tokio::test]
async fn what_is_owed_to_one_endpoint_is_not_read_for_another() {
    let mut db = database().await;
    let policy = some_policy(&db, "key").await;
    owe(&db, policy, B, 25, 2).await;
    // The statistics of the planner say that nothing waits, as after a quiet time.
    execute(&db, "update webhook_delivery set status = 'delivered'").await;
    publish_all(&db).await;
    for table in ["webhook_delivery", "approval_event", "approval_request"] {
        execute(&db, &format!("vacuum analyze {table}")).await;
    }
    owe(&db, policy, A, 300, 2).await;
    let request = owe(&db, policy, B, 1, 1).await[0];
    db.reconnect().await;
    let before = db.index_reads().await;
    assert_eq!(db.destinations_of(&[request]).await.unwrap(), [to(B)]);
    let leased = lease(&db, B, 20).await;
    assert_eq!(leased.len(), 1);
    db.record_attempts(&[outcome(&leased[0], Next::Delivered)]).await.unwrap();
    let comparison = db.begin_comparison().await.unwrap().number;
    let position = count(&db, "select max(position) from approval_event").await;
    assert!(db.note_published(comparison, position - 1, &[(position, 1)]).await.unwrap());
    assert!(db.resolution_owed(RequestId(request)).await.unwrap().is_none());
    assert!(!db.lease_resolution(RequestId(request), LEASE).await.unwrap());
    db.reconnect().await;
    let read = db.index_reads().await - before;
    assert!(read < 60, "{read} entries were read, and 602 wait");
}

#[tokio::test]
async fn a_url_leads_to_the_destination_that_its_deliveries_are_leased_by() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let long = format!("https://{}.example/hook", "a".repeat(400));
    let urls = [
        "https://a.example/hook",
        "https://a.example:443/hook?x=1",
        "https://A.Example:8443",
        "http://a.example:80",
        "http://a.example:443/",
        "https://a.example:80#part",
        "https://user:secret@a.example/h",
        "https://[::1]:443/hook",
        "HTTPS://a.example:443/",
        "https://a.example?to=http://b.example/",
        "mailto:somebody",
        "a/b//c",
        "no-scheme?//x",
        "//a.example:443/x",
        "",
        &long,
    ];
    for (sequence, url) in urls.iter().enumerate() {
        let request = owe(&db, policy, url, 1, 1).await[0];
        let stored = db.destinations_of(&[request]).await.unwrap();
        assert_eq!(stored, [Destination::of("caller", url)], "{sequence}: {url}");
    }
}
