//! When a call is sent again, and when not.

use crate::proxy::{CREATE, Fault, Proxy};
use crate::support::{NOBODY, World, reason, server_url};
use awe_client::models::DecisionAction::Approve;
use awe_client::{ErrorKind, Retry, RetryPolicy, Token};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_lost_answer_of_a_create_makes_one_request() {
    let world = World::new().await;
    let proxy = Proxy::new([Fault::lost(CREATE, 2)]).await;
    let made = world.at(&proxy.url).create(&world.request("lost")).await.unwrap();
    let keys: BTreeSet<String> = proxy.values("idempotency-key").into_iter().collect();
    assert_eq!((proxy.asked().len(), keys), (3, BTreeSet::from([made.idempotency_key.clone()])));
    assert!(made.replayed);
    let found: Vec<String> = world.requests_of("lost").await.into_iter().map(|one| one.id).collect();
    assert_eq!(found, [made.request_id.as_str()]);
}

#[tokio::test]
async fn a_create_that_never_got_an_answer_tells_its_key() {
    let world = World::new().await;
    let proxy = Proxy::new([Fault::lost(CREATE, 9)]).await;
    let error = world.at(&proxy.url).create(&world.request("key")).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Transport { sent: true }, Retry::WithKey));
    assert_eq!(proxy.asked().len(), 4);
    let key = error.idempotency_key().unwrap();
    assert!(world.client().create_with_key(&world.request("key"), key).await.unwrap().replayed);
    assert_eq!(world.requests_of("key").await.len(), 1);
}

#[tokio::test]
async fn a_decision_whose_answer_was_lost_is_sent_again_and_made_once() {
    let world = World::new().await;
    let made = world.create("decision").await;
    let proxy = Proxy::new([Fault::lost("/decision", 1)]).await;
    let decided = world.as_approver(&proxy.url).decide(&made.tasks[0].id, Approve).await.unwrap();
    assert_eq!((decided.action.as_str(), proxy.asked().len()), ("approve", 2));
    assert_eq!(world.client().get(&made.request_id).await.unwrap().status, "approved");
}

#[tokio::test]
async fn a_decision_that_was_not_taken_is_sent_again() {
    let world = World::new().await;
    let made = world.create("busy").await;
    let proxy = Proxy::new([Fault::overloaded("/decision")]).await;
    let decided = world.as_approver(&proxy.url).decide(&made.tasks[0].id, Approve).await.unwrap();
    assert_eq!((decided.action.as_str(), proxy.asked().len()), ("approve", 2));
}

#[tokio::test]
async fn a_decision_after_which_the_state_is_not_known_is_sent_again_with_its_key() {
    let world = World::new().await;
    let proxy = Proxy::new([Fault::refused("/decision", 503, "AWE-006", "database_away")]).await;
    let error = world.at(&proxy.url).decide(NOBODY, Approve).await.unwrap_err();
    assert_eq!((reason(&error), error.retry(), proxy.asked().len()), ("unknown_task", Retry::No, 2));
}

#[tokio::test]
async fn a_refusal_that_time_does_not_mend_is_not_tried_again() {
    let world = World::new().await;
    let proxy = Proxy::new([Fault::refused("users", 503, "AWE-007", "no_directory")]).await;
    let error = world.at(&proxy.url).find_users(&Default::default()).await.unwrap_err();
    assert_eq!((reason(&error), proxy.asked().len()), ("no_directory", 1));
}

#[tokio::test]
async fn retry_after_is_kept() {
    let world = World::new().await;
    let slow = Fault::refused("GET", 429, "AWE-007", "too_many_requests");
    let proxy = Proxy::new([Fault { headers: vec!["retry-after: 1"], ..slow.clone() }]).await;
    let began = Instant::now();
    world.at(&proxy.url).list(&Default::default()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(proxy.asked().len(), 2);

    let proxy = Proxy::new([Fault { headers: vec!["retry-after: 3600"], ..slow }]).await;
    let error = world.at(&proxy.url).list(&Default::default()).await.unwrap_err();
    assert_eq!((error.api().unwrap().retry_after, proxy.asked().len()), (Some(Duration::from_secs(3600)), 1));
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout_and_a_read_is_tried_again() {
    let world = World::new().await;
    let slow = Fault { matches: "GET", stalls: Duration::from_secs(2), times: 1, ..Fault::default() };
    let proxy = Proxy::new([slow.clone()]).await;
    let patient = world.at(&proxy.url);
    patient.with_timeout(Duration::from_secs(1)).list(&Default::default()).await.unwrap();
    assert_eq!(proxy.asked().len(), 2);

    let proxy = Proxy::new([Fault { times: 9, ..slow }]).await;
    let once = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
    let hasty = world.builder(&proxy.url).timeout(Duration::from_millis(200)).retry(once).build().unwrap();
    let error = hasty.list(&Default::default()).await.unwrap_err();
    assert_eq!((error.kind(), proxy.asked().len()), (&ErrorKind::Timeout { sent: true }, 1));
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let world = World::new().await;
    let proxy = Proxy::new([Fault { times: 9, ..Fault::overloaded("GET") }]).await;
    let short = RetryPolicy {
        first: Duration::from_secs(5),
        total: Duration::from_secs(1),
        ..RetryPolicy::default()
    };
    let client = world.builder(&proxy.url).retry(short).build().unwrap();
    let began = Instant::now();
    assert_eq!(reason(&client.list(&Default::default()).await.unwrap_err()), "overloaded");
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn nobody_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let world = World::new().await;
    let error = world.at(url).decide(NOBODY, Approve).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Transport { sent: false }, Retry::Yes));
}

#[tokio::test]
async fn the_trace_is_passed_on_and_nothing_else() {
    let world = World::new().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let proxy = Proxy::new([Fault::overloaded(CREATE)]).await;
    let client = world.builder(&proxy.url).trace(move |carrier| {
        carrier.insert("traceparent".to_owned(), parent.to_owned());
        carrier.insert("baggage".to_owned(), "private=1".to_owned());
    });
    client.build().unwrap().create(&world.request("trace")).await.unwrap();
    assert_eq!(proxy.values("traceparent"), [parent, parent]);
    assert!(proxy.values("baggage").is_empty());
}

#[tokio::test]
async fn a_token_callback_is_asked_for_each_attempt() {
    let world = World::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::new([Fault::overloaded(CREATE)]).await;
    let (count, caller) = (asked.clone(), world.caller.clone());
    let token = Token::callback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok::<_, std::convert::Infallible>(crate::support::token(&caller, &[])))
    });
    world.at(&proxy.url).with_token(token).create(&world.request("callback")).await.unwrap();
    assert_eq!((asked.load(Ordering::SeqCst), proxy.asked().len()), (2, 2));
    let failing = Token::callback(|| std::future::ready(Err::<String, _>("no session")));
    let error = world.at(server_url()).with_token(failing).list(&Default::default()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Token(_)), "{error:?}");
}
