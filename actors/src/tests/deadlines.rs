//! Deadlines: once each, on time, by the row, and in nobody's way.

use super::fixtures::{Node, World, approve, caller, world};
use crate::Options;
use schemas::api::request::CreateRequestOut;
use serde_json::{Value, json};
use uuid::Uuid;

fn due(on_breach: &str) -> Value {
    json!([{"users": ["ann"], "sla_hours": 1, "on_breach": on_breach}])
}

fn without_sla(options: &mut Options) {
    options.roles -= crate::Role::Sla;
}

async fn create_many(node: &Node, many: usize) -> Vec<CreateRequestOut> {
    let creates = (0..many).map(|n| async move { node.create(&format!("CR-{n}"), None).await });
    futures::future::join_all(creates).await
}

/// Open tasks whose deadline has passed.
const OVERDUE: &str =
    "select count(*) from approval_task where due_at <= now() and status in ('open', 'claimed')";

async fn until_caught_up(world: &World) {
    world.until_some("nothing is overdue", async || (world.count(OVERDUE).await == 0).then_some(())).await;
}

async fn late(node: &Node, task: Uuid) -> bool {
    node.requests().decide(caller("ann"), task, approve()).await.expect("decided").late
}

#[tokio::test]
async fn of_many_deadlines_each_is_acted_on_once_by_two_processes() {
    let world = world(due("auto_approve")).await;
    let (one, two) = (world.node_with(without_sla).await, world.node_with(without_sla).await);
    let created = create_many(&one, 250).await;
    world.move_deadlines("now() - interval '1 s'").await;
    one.stop().await;
    two.stop().await;
    let (one, two) = (world.node().await, world.node().await);
    until_caught_up(&world).await;
    for request in created {
        world.until_status(request.request_id, "approved").await;
        assert_eq!(world.count_events(request.request_id, "task_expired").await, 1);
        assert_eq!(world.count_events(request.request_id, "stage_completed").await, 1);
        world.assert_gapless(request.request_id).await;
    }
    assert_eq!(world.count("select count(*) from approval_decision where actor = 'system:sla'").await, 250);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_deadline_moved_into_the_past_by_sql_is_acted_on_at_once() {
    let world = world(due("auto_reject")).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    // Nobody hints, and the next look by itself is five minutes away: the database tells.
    world.move_deadlines("now() - interval '1 s'").await;
    world.until_status(created.request_id, "rejected").await;
    node.stop().await;
}

#[tokio::test]
async fn whoever_waits_wakes_when_the_next_deadline_comes_and_not_before() {
    let world = world(due("auto_approve")).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    world.move_deadlines("now() + interval '700 ms'").await;
    world.until_status(created.request_id, "approved").await;
    let late = "select (extract(epoch from e.created_at - t.due_at) * 1000000)::bigint
                from approval_event e join approval_task t using (request_id) where e.event_type = 'task_expired'";
    let microseconds = world.count(late).await;
    assert!((0..60_000_000).contains(&microseconds), "acted on {microseconds} µs after the deadline");
    node.stop().await;
}

#[tokio::test]
async fn a_request_expires_at_a_moment_that_is_nearer_than_all_others() {
    let world = world(due("auto_approve")).await;
    let node = world.node().await;
    node.create("CR-1", None).await;
    let soon = crate::clock::now() + time::Duration::milliseconds(500);
    let created = node.create_until("CR-2", soon).await;
    world.until_status(created.request_id, "expired").await;
    node.stop().await;
}

#[tokio::test]
async fn an_expiry_moved_by_sql_is_acted_on_at_once() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    world.execute("update approval_request set expires_at = now()").await;
    world.until_status(created.request_id, "expired").await;
    node.stop().await;
}

#[tokio::test]
async fn a_live_request_judges_by_the_row_and_not_by_its_memory() {
    let world = world(due("notify")).await;
    let node = world.node_with(without_sla).await;
    let created = node.create("CR-1", None).await;
    world.move_deadlines("now() - interval '1 s'").await;
    assert!(late(&node, created.tasks[0].id).await, "the deadline in the row has passed");

    let created = node.create("CR-2", None).await;
    let task = created.tasks[0].id;
    world.move_deadlines("now() - interval '1 s'").await;
    let claimed = node.requests().claim(caller("ann"), task).await.expect("claimed");
    assert!(claimed.due_at.expect("a deadline") < created.tasks[0].due_at.expect("a deadline"));
    world.move_deadlines("now() + interval '1 h'").await;
    assert!(!late(&node, task).await, "the deadline in the row has been put off");
    node.stop().await;
}

#[tokio::test]
async fn a_deadline_that_was_put_off_is_not_breached_with_its_neighbours() {
    let world = world(json!([{"users": ["ann", "bob"], "sla_hours": 1, "on_breach": "notify"}])).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    world.execute("update approval_task set due_at = now() + interval '2 h' where assignee = 'bob'").await;
    world.execute("update approval_task set due_at = now() where assignee = 'ann'").await;
    world.until_event(created.request_id, "task_expired").await;
    until_caught_up(&world).await;
    assert_eq!(world.count("select count(*) from approval_task where status = 'open'").await, 1);
    node.stop().await;
}

#[tokio::test]
async fn requests_that_fail_stand_in_nobodys_way() {
    let world = world(due("auto_approve")).await;
    let node = world.node_with(without_sla).await;
    let created = create_many(&node, 130).await;
    node.stop().await;
    world.move_deadlines("now() - interval '1 h'").await;
    // More than one batch of those that are overdue for longest can never be loaded again.
    let broken = "update approval_request set stages = '[{\"state\": \"broken\"}]'
                  where id in (select request_id from approval_task order by due_at, request_id limit 110)";
    world.execute("update approval_task set due_at = due_at + ordinal * interval '1 ms'").await;
    world.execute(broken).await;
    let node = world.node().await;
    let healthy = "select count(*) from approval_request where status = 'approved'";
    world
        .until_some("all that can be are approved", async || (world.count(healthy).await == 20).then_some(()))
        .await;
    assert_eq!(world.count(OVERDUE).await, 110);
    // And when somebody has repaired them, they follow by themselves.
    let sound = "update approval_request r set stages = jsonb_build_array(jsonb_build_object(
                    'stage_id', s.id, 'order', s.stage_order, 'state', 'active', 'escalated', false))
                 from approval_stage s where s.policy_id = r.policy_id and r.status = 'in_review'";
    world.execute(sound).await;
    world
        .until_some("all are approved", async || {
            (world.count(healthy).await == i64::try_from(created.len()).expect("small")).then_some(())
        })
        .await;
    node.stop().await;
}

#[tokio::test]
async fn a_backlog_is_caught_up_while_decisions_find_room() {
    let world = world(due("notify")).await;
    let before = world.node_with(without_sla).await;
    create_many(&before, 400).await;
    world.move_deadlines("now() - interval '1 day'").await;
    let fresh = create_many(&before, 40).await;
    before.stop().await;
    // Room for twelve commands: eight for the backlog at most, so four deciders always find some.
    let node = world.node_with(|options| options.requests.max_in_flight = 12).await;
    let node = &node;
    let deciders = fresh.chunks(10).map(|mine| async move {
        for request in mine {
            let decided = node.requests().decide(caller("ann"), request.tasks[0].id, approve()).await;
            decided.expect("there is room");
        }
    });
    tokio::join!(futures::future::join_all(deciders), until_caught_up(&world));
    assert_eq!(
        world.count("select count(*) from approval_event where event_type = 'task_expired'").await,
        400
    );
}
