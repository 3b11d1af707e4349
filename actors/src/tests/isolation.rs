//! Endpoints do not wait for each other, and one that fails is left alone.

use super::delivery::Receiver;
use super::fixtures::{World, world};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::testing::{count, execute};
use tokio::net::TcpListener;

const PENDING_THERE: &str =
    "select count(*) from webhook_delivery where status = 'pending' and url like '%/hang'";

/// Takes connections and never answers.
async fn hanging() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/hang", listener.local_addr().expect("has an address"));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    url
}

async fn attempts(world: &World) -> i64 {
    count(&world.db, "select count(*) from webhook_attempt").await
}

#[tokio::test]
async fn an_endpoint_that_hangs_and_is_owed_much_delays_no_other() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(hanging().await);
    let caller = world.node_with(|o| o.roles -= crate::Role::Delivery).await;
    for n in 0..100 {
        caller.create(&format!("CR-{n}"), None).await;
    }
    world.callback = Some(receiver.url.clone());
    let node = world.node_with(|o| o.webhook.timeout = Duration::from_secs(60)).await;
    for n in 0..20 {
        node.create(&format!("CR-{n}"), None).await;
    }
    world.until("the other endpoint has everything", || receiver.sequences().len() == 40).await;
    assert_eq!(count(&world.db, PENDING_THERE).await, 200, "no attempt at the hanging endpoint has ended");
    let leased = format!("{PENDING_THERE} and lease_token is not null");
    assert_eq!(count(&world.db, &leased).await, 8, "as many as may be under way, and no more");
    // Attempts at the hanging endpoint would keep it.
    tokio::time::timeout(Duration::from_secs(1), node.stop()).await.unwrap_or_default();
    caller.stop().await;
}

#[tokio::test]
async fn a_caller_whose_path_of_a_host_fails_holds_up_nobody_else_s_webhooks_to_that_host() {
    let receiver = Receiver::start().await;
    let failing = receiver.url.replace("/hook", "/fails");
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world
        .node_with(|o| {
            o.webhook.backoff = vec![Duration::from_secs(3600)];
            o.webhook.endpoint.open_after_failures = 3;
            o.webhook.endpoint.open = Duration::from_secs(3600);
        })
        .await;
    for n in 0..20 {
        node.create_as("hostile", &failing, &format!("CR-{n}")).await;
    }
    let held = "select count(*) from webhook_delivery where last_error like 'held back%hostile%'";
    world.until_some("the circuit is open", async || (count(&world.db, held).await > 10).then_some(())).await;
    for n in 0..5 {
        node.create_as("modest", &receiver.url, &format!("OK-{n}")).await;
    }
    world.until("the other caller is told everything", || receiver.sequences().len() == 10).await;
    // What the one finds alive is no probe for the other.
    assert!(count(&world.db, held).await > 10);
    node.stop().await;
}

#[tokio::test]
async fn a_caller_with_many_hanging_endpoints_leaves_room_for_others() {
    let receiver = Receiver::start().await;
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node_with(|o| o.webhook.timeout = Duration::from_secs(60)).await;
    // More endpoints than the process may have attempts under way.
    for n in 0..20 {
        node.create_as("hostile", &hanging().await, &format!("CR-{n}")).await;
    }
    // The second webhook of a request is leased with its first, and is no attempt before that one ended.
    let leased = format!("{PENDING_THERE} and lease_token is not null and sequence = 1");
    world
        .until_some("it has its share", async || (count(&world.db, &leased).await == 12).then_some(()))
        .await;
    for n in 0..5 {
        node.create_as("modest", &receiver.url, &format!("OK-{n}")).await;
    }
    world.until("the other caller is told everything", || receiver.sequences().len() == 10).await;
    assert_eq!(count(&world.db, &leased).await, 12);
    tokio::time::timeout(Duration::from_secs(1), node.stop()).await.unwrap_or_default();
}

#[tokio::test]
async fn an_endpoint_that_has_answered_has_room_again_while_so_many_outcomes_wait_to_be_recorded() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world
        .node_with(|o| {
            o.webhook.concurrency = 3;
            o.webhook.endpoint.concurrency = 1;
        })
        .await;
    let recording = world.db.hold("webhook_attempt").await;
    for n in 0..6 {
        node.create(&format!("CR-{n}"), None).await;
    }
    world.until("three webhooks have arrived", || receiver.sequences().len() == 3).await;
    let fourth = world.until("a fourth arrives", || receiver.sequences().len() > 3);
    let arrived = tokio::time::timeout(Duration::from_millis(300), fourth).await;
    arrived.expect_err("the process may have no more");
    let told = receiver.sequences_of_requests();
    assert!(
        told.iter().all(|of_one| [1, 2].starts_with(of_one)),
        "no request is told out of order: {told:?}"
    );
    drop(recording);
    world.until("all have arrived", || receiver.sequences().len() == 12).await;
    world.until_some("all are recorded", async || (attempts(&world).await == 12).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_alone_until_somebody_asks_and_loses_no_attempt_meanwhile() {
    let receiver = Receiver::start().await;
    receiver.failures.store(usize::MAX, Ordering::SeqCst);
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world
        .node_with(|o| {
            o.webhook.backoff = vec![Duration::from_secs(3600)];
            o.webhook.endpoint.concurrency = 1;
            o.webhook.endpoint.open_after_failures = 3;
            o.webhook.endpoint.open = Duration::from_secs(3600);
        })
        .await;
    for n in 0..10 {
        node.create(&format!("CR-{n}"), None).await;
    }
    let held = "select count(*) from webhook_delivery
                where attempt = 0 and status = 'pending' and last_error like 'held back%'";
    world
        .until_some("all others are held back", async || (count(&world.db, held).await == 17).then_some(()))
        .await;
    assert_eq!(attempts(&world).await, 3);

    // All are asked for while it still fails: one is tried, the others are not.
    let ask = "update webhook_delivery set next_attempt_at = now() where status = 'pending'";
    execute(&world.db, ask).await;
    world.until_some("one was tried", async || (attempts(&world).await == 4).then_some(())).await;
    let asked = "select count(*) from webhook_delivery where asked_at is not null";
    world
        .until_some("its outcome is recorded", async || (count(&world.db, asked).await == 19).then_some(()))
        .await;
    let tried = "select count(*) from webhook_delivery where attempt > 0 and next_attempt_at > now()";
    assert_eq!(count(&world.db, tried).await, 1, "the schedule goes on from there");

    // It is mended, and one is asked for: all go out.
    receiver.failures.store(0, Ordering::SeqCst);
    execute(
        &world.db,
        "update webhook_delivery set next_attempt_at = now() - interval '1 s'
         where id = (select id from webhook_delivery where attempt = 0 order by sequence limit 1)",
    )
    .await;
    world.until("all that was due has arrived", || receiver.sequences().len() >= 19).await;
    node.stop().await;
}

#[tokio::test]
async fn what_was_leased_behind_a_webhook_whose_endpoint_fails_is_given_back_untried() {
    let receiver = Receiver::start().await;
    receiver.failures.store(usize::MAX, Ordering::SeqCst);
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let caller = world.node_with(|o| o.roles -= crate::Role::Delivery).await;
    caller.create("CR-1", None).await;
    let node = world
        .node_with(|o| {
            o.webhook.backoff = vec![Duration::from_secs(3600)];
            o.webhook.endpoint.open_after_failures = 1;
            o.webhook.endpoint.open = Duration::from_secs(3600);
        })
        .await;
    let held = "select count(*) from webhook_delivery
                where attempt = 0 and status = 'pending' and leased_until is null and last_error like 'held back%'";
    world
        .until_some("the second is held back", async || (count(&world.db, held).await == 1).then_some(()))
        .await;
    assert_eq!(attempts(&world).await, 1);
    node.stop().await;
    caller.stop().await;
}
