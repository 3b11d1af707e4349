//! One odd value never stops the others: not in its batch, not after it.

use super::fixtures::{Node, World, approve, caller, world};
use crate::{Created, Error};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

/// A moment that no column can hold: it lies in year 10000 of UTC.
const BEYOND: OffsetDateTime = datetime!(9999-12-31 23:59:59 -12:00);

/// Good creates beside `poisoned`, all of them in one batch: they queue up while a first one cannot be written yet.
async fn in_one_batch(
    world: &World,
    node: &Node,
    poisoned: impl Future<Output = Result<Created, Error>>,
) -> (Result<Created, Error>, Vec<Result<Created, Error>>) {
    let held = world.db.hold("approval_request").await;
    let first = node.try_create("CR-first", None);
    let good = futures::future::join_all((0..10).map(|n| async move {
        // The first one is under way alone.
        world.until_some("the writer is busy", async || world.waits_for_lock().await.then_some(())).await;
        node.try_create(&format!("CR-{n}"), None).await
    }));
    let poisoned = async {
        world.until_some("the writer is busy", async || world.waits_for_lock().await.then_some(())).await;
        poisoned.await
    };
    let release = async {
        world.until_some("all are queued", async || (node.system.live_requests() >= 12).then_some(())).await;
        drop(held);
    };
    let (first, good, poisoned, ()) = tokio::join!(first, good, poisoned, release);
    first.expect("created");
    (poisoned, good)
}

#[tokio::test]
async fn a_transition_that_the_database_refuses_does_not_fail_its_neighbours() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    // The HTTP layer refuses NUL; Postgres does so too, and for the whole statement.
    let (poisoned, good) = in_one_batch(&world, &node, node.try_create("CR-\u{0}", None)).await;
    assert!(matches!(poisoned, Err(Error::Internal(_))), "{poisoned:?}");
    assert!(good.iter().all(Result::is_ok), "{good:?}");
    node.stop().await;
}

#[tokio::test]
async fn a_transition_that_cannot_even_be_encoded_fails_alone_and_the_writer_lives() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    // The HTTP layer refuses such a time; encoding it panics.
    let (poisoned, good) = in_one_batch(&world, &node, node.try_create_until("CR-beyond", BEYOND)).await;
    assert!(matches!(poisoned, Err(Error::Internal(_))), "{poisoned:?}");
    assert!(good.iter().all(Result::is_ok), "{good:?}");
    let task = node.create("CR-after", None).await.tasks[0].id;
    node.requests().decide(caller("ann"), task, approve()).await.expect("decided");
    assert_eq!(node.system.loops().troubles(), Vec::new());
    assert_eq!(node.system.loops().restarts(), 0);
    node.stop().await;
}

#[tokio::test]
async fn an_event_that_the_stream_refuses_is_set_aside_and_the_others_go_on() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let first = {
        let node = world.node_with(|options| options.roles -= crate::Role::Relay).await;
        let first = node.create("CR-1", None).await.request_id;
        node.create("CR-2", None).await;
        node.system.stop(std::time::Duration::from_secs(5)).await;
        first
    };
    // Larger than what a server takes by default; the API lets none become so large.
    world
        .execute(&format!(
            "insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             values (gen_random_uuid(), '{first}', 100, 'stage_started', 'in_review', 'ann',
                 jsonb_build_object('filler', repeat('x', 1200000)), now())"
        ))
        .await;
    let node = world.node().await;
    let last = node.create("CR-3", None).await.request_id;
    world.until_published().await;
    assert_eq!(world.stream_sequences(last).await, [1, 2]);
    assert_eq!(world.stream_sequences(first).await, [1, 2], "the large one was not taken");
    let status = world.db.outbox_status().await.expect("reads");
    assert_eq!(status.refused, 1);
    assert!(status.refused_because.is_some_and(|why| why.contains("payload")), "the reason is told");
    assert!(world.db.outbox_health(std::time::Duration::from_secs(10)).await.expect("reads").refuses);
    node.stop().await;
}

#[tokio::test]
async fn an_odd_deadline_is_refused_by_the_database_and_stops_nobody_should_it_be_there_all_the_same() {
    let world = world(json!([{"users": ["ann"], "sla_hours": 1}])).await;
    let node = world.node().await;
    let mut tasks = Vec::new();
    for odd in ["'-infinity'", "'infinity'", "'20000-01-01'", "'4000-01-01 BC'"] {
        let created = node.create(&format!("CR {odd}"), None).await;
        let move_it = format!("update approval_task set due_at = {odd} where id = '{}'", created.tasks[0].id);
        let refused = store::testing::try_execute(&world.db, &move_it).await.expect_err("out of bounds");
        assert!(refused.contains("approval_task_due_at_is_moment"), "{refused}");
        tasks.push((created.tasks[0].id, move_it));
    }
    for table in ["approval_task", "open_task"] {
        world.execute(&format!("alter table {table} drop constraint {table}_due_at_is_moment")).await;
    }
    for (_, move_it) in &tasks {
        world.execute(move_it).await;
    }
    let due = node.create("CR-due", None).await;
    world
        .execute(&format!(
            "update approval_task set due_at = now() - interval '1 h' where id = '{}'",
            due.tasks[0].id
        ))
        .await;
    world.until_event(due.request_id, "task_expired").await;
    let filter = store::tasks::TaskFilter { page: 1, page_size: 50, ..Default::default() };
    assert_eq!(world.db.list_tasks(&filter).await.expect("reads").0.total, 5);
    for (task, _) in tasks {
        node.requests().decide(caller("ann"), task, approve()).await.expect("decided");
    }
    node.stop().await;
}
