//! Waiting for the end of a request: told by a stream, and without one.

use crate::own_server::OwnServer;
use crate::proxy::{Fault, Proxy};
use crate::support::{NOBODY, World, server_url, until};
use awe_client::models::RequestOut;
use awe_client::{AweClient, Error, ErrorKind, Polling, RetryPolicy};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Whoever ends in time with this was told.
const NEVER: Polling = Polling { first: Duration::from_secs(600), most: Duration::from_secs(600) };
const OFTEN: Polling = Polling { first: Duration::from_millis(50), most: Duration::from_millis(50) };
const LONG: Duration = Duration::from_secs(60);

fn waiting(caller: &AweClient, id: &str, polling: Polling) -> JoinHandle<Result<RequestOut, Error>> {
    let (caller, id) = (caller.clone(), id.to_owned());
    tokio::spawn(async move { caller.wait_with(&id, LONG, &caller.streaming().polling(polling)).await })
}

/// Waits until a task has ended well; a task that is told of nothing never does.
async fn ended(waiting: JoinHandle<Result<RequestOut, Error>>) -> String {
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it was told")
        .unwrap()
        .unwrap()
        .status
}

/// Holds until the client has so many streams.
async fn streams(caller: &AweClient, wanted: usize) {
    until("so many streams", async || (caller.open_streams() == wanted).then_some(())).await;
}

#[tokio::test]
async fn the_end_is_told_by_a_stream() {
    let world = World::new().await;
    let made = world.create("told").await;
    let caller = world.client();
    let waiting = waiting(&caller, &made.request_id, NEVER);
    streams(&caller, 1).await;
    world.approve(&made.request_id).await;
    assert_eq!(ended(waiting).await, "approved");
    assert_eq!(caller.open_streams(), 0);
}

#[tokio::test]
async fn a_server_that_is_started_again_ends_no_wait() {
    let world = World::new().await;
    let made = world.create("again").await;
    let mut server = OwnServer::start(&[]).await;
    let caller =
        world.builder(&server.url).retry(RetryPolicy { attempts: 1, ..Default::default() }).build().unwrap();
    let waiting = waiting(&caller, &made.request_id, OFTEN);
    streams(&caller, 1).await;
    server.kill();
    streams(&caller, 0).await;
    server.start_again().await;
    streams(&caller, 1).await;
    assert!(!waiting.is_finished());
    world.approve(&made.request_id).await;
    assert_eq!(ended(waiting).await, "approved");
}

#[tokio::test]
async fn past_the_limit_of_streams_it_asks() {
    let world = World::new().await;
    let server = OwnServer::start(&[("SERVER__MAX_STREAMS", "1")]).await;
    let (first, second) = (world.create("first").await, world.create("second").await);
    let (holder, caller) = (world.at(&server.url), world.at(&server.url));
    let told = waiting(&holder, &first.request_id, NEVER);
    streams(&holder, 1).await;
    let asking = waiting(&caller, &second.request_id, OFTEN);
    world.approve(&second.request_id).await;
    assert_eq!(ended(asking).await, "approved");
    world.approve(&first.request_id).await;
    assert_eq!(ended(told).await, "approved");
}

#[tokio::test]
async fn retry_after_is_kept_and_the_request_is_asked_for_meanwhile() {
    let full = Fault {
        headers: vec!["retry-after: 60"],
        times: 9,
        ..Fault::refused("GET /v1/awe/stream", 503, "AWE-007", "too_many_streams")
    };
    assert_eq!(asked_for_streams("full", full).await, 1);
}

#[tokio::test]
async fn a_server_without_streams_is_asked_for_none_again() {
    let old = Fault { matches: "/stream", status: Some(404), times: 9, ..Default::default() };
    assert_eq!(asked_for_streams("old", old).await, 1);
    let page = Fault {
        matches: "/stream",
        status: Some(200),
        body: "<html>".to_owned(),
        times: 9,
        ..Default::default()
    };
    assert_eq!(asked_for_streams("page", page).await, 1);
}

/// How often a wait behind this fault asks for a stream; it ends by asking for the request.
async fn asked_for_streams(name: &str, fault: Fault) -> usize {
    let world = World::new().await;
    let made = world.create(name).await;
    let proxy = Proxy::new([fault]).await;
    let waiting = waiting(&world.at(&proxy.url), &made.request_id, OFTEN);
    until("it asks again and again", async || (proxy.asked().len() > 5).then_some(())).await;
    world.approve(&made.request_id).await;
    assert_eq!(ended(waiting).await, "approved");
    proxy.count("/v1/awe/stream")
}

#[tokio::test]
async fn it_gives_up_in_time_and_gives_back() {
    let world = World::new().await;
    let made = world.create("patience").await;
    let caller = world.client();
    for timeout in [Duration::ZERO, Duration::from_millis(300)] {
        let began = Instant::now();
        let error = caller.wait_until_terminal(&made.request_id, timeout).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WaitTimeout { .. }), "{error:?}");
        assert!(began.elapsed() < timeout + Duration::from_secs(3));
    }
    assert_eq!(caller.open_streams(), 0);
}

#[tokio::test]
async fn the_first_look_fails_at_once() {
    let world = World::new().await;
    let error = world.client().wait_until_terminal(NOBODY, LONG).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
}

#[tokio::test]
async fn more_waits_than_places_end_too() {
    let world = World::new().await;
    let made = world.create("crowd").await;
    let caller = world.at(server_url());
    let waits: Vec<_> = (0..40).map(|_| waiting(&caller, &made.request_id, OFTEN)).collect();
    streams(&caller, 32).await;
    world.approve(&made.request_id).await;
    for one in waits {
        assert_eq!(ended(one).await, "approved");
    }
    assert_eq!(caller.open_streams(), 0);
}
