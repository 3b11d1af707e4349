//! Delegations in the memory of a process: never a wrong seat, and nobody waits for whoever changes their own. And
//! people of whom the directory says that they are nobody.

use super::fixtures::{Node, World, world};
use crate::{Directory, Question};
use futures::FutureExt;
use futures::future::BoxFuture;
use outbound::DirectoryError;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::testing::execute_on;

/// Knows everybody but `ghost`; or hangs.
#[derive(Debug, Default)]
struct House {
    hangs: bool,
    asked: AtomicUsize,
}

impl Directory for House {
    fn users<'a>(&'a self, _: Question<'a>) -> BoxFuture<'a, Result<Vec<String>, DirectoryError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn knows_people(&self) -> bool {
        true
    }

    fn may_sit<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Option<bool>, DirectoryError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        async move {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Ok(Some(user != "ghost"))
        }
        .boxed()
    }
}

async fn started(world: &World, request: uuid::Uuid) -> Value {
    let (events, _) = world.db.list_events(request, 0).await.expect("exists");
    events.into_iter().find(|event| event.event_type == "stage_started").expect("started").payload
}

async fn seated(node: &Node, artifact: &str) -> String {
    node.create(artifact, None).await.tasks[0].assignee.clone()
}

async fn nobody_is_away(world: &World) {
    world.execute("delete from user_delegation").await;
}

#[tokio::test]
async fn every_create_follows_the_delegations_of_its_moment_in_whatever_process_it_runs() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let nodes = [world.node().await, world.node().await];
    for round in 0..20 {
        let node = &nodes[round % 2];
        assert_eq!(seated(node, &format!("A-{round}")).await, "ann");
        world.delegate("ann", "bob").await;
        assert_eq!(seated(node, &format!("B-{round}")).await, "bob");
        assert_eq!(seated(&nodes[(round + 1) % 2], &format!("C-{round}")).await, "bob");
        // The end of the chain changes, and nothing of whoever is named by the policy.
        world.delegate("bob", "cy").await;
        assert_eq!(seated(node, &format!("D-{round}")).await, "cy");
        nobody_is_away(&world).await;
    }
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_chain_that_is_too_long_is_not_followed_and_costs_no_more_than_the_longest() {
    let world = world(json!([{"users": ["u0"]}])).await;
    let node = world.node().await;
    world
        .execute(
            "insert into user_delegation (id, user_id, delegate_to, starts_at, ends_at)
             select gen_random_uuid(), 'u' || n, 'u' || n + 1, now() - interval '1 h', now() + interval '1 h'
             from generate_series(0, 20000) n",
        )
        .await;
    let begun = Instant::now();
    assert_eq!(seated(&node, "CR-1").await, "u0");
    assert!(begun.elapsed() < Duration::from_secs(10), "a hundred people are read, and not twenty thousand");
    world.execute("delete from user_delegation where user_id = 'u90'").await;
    assert_eq!(seated(&node, "CR-2").await, "u90");
    node.stop().await;
}

#[tokio::test]
async fn a_stage_that_starts_later_follows_the_delegations_of_then() {
    let world = world(json!([{"users": ["ann"]}, {"users": ["ann"]}])).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    world.delegate("ann", "bob").await;
    let approve = super::fixtures::approve();
    let ann = super::fixtures::caller("ann");
    node.requests().decide(ann, created.tasks[0].id, approve).await.expect("decided");
    let sql = "select count(*) from approval_task
               where stage_order = 2 and assignee = 'bob' and delegated_from = 'ann'";
    assert_eq!(world.count(sql).await, 1);
    node.stop().await;
}

#[tokio::test]
async fn whoever_changes_their_delegations_without_a_pause_holds_up_nobody_else() {
    let world = world(json!([{"users": ["ann", "dan"]}])).await;
    let node = world.node().await;
    let stop = Arc::new(AtomicBool::new(false));
    let churn = (0..4).map(|n| {
        let (pool, stop) = (world.db.pool().clone(), Arc::clone(&stop));
        let change = format!(
            "insert into user_delegation (id, user_id, delegate_to, starts_at, ends_at)
             values (gen_random_uuid(), 'mallory-{n}', 'x', now(), now() + interval '1 h');
             delete from user_delegation where user_id = 'mallory-{n}'"
        );
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                execute_on(&pool, &change).await;
            }
        })
    });
    let churn: Vec<_> = churn.collect();
    for n in 0..100 {
        node.try_create(&format!("CR-{n}"), None).await.expect("nobody stands in its way");
    }
    stop.store(true, Ordering::Relaxed);
    for task in churn {
        task.await.expect("ends");
    }
    node.stop().await;
}

#[tokio::test]
async fn whoever_the_directory_does_not_know_is_not_waited_for_and_is_told() {
    let world = world(json!([{"users": ["ann", "ghost"]}])).await;
    let house = Arc::new(House::default());
    let directory: Arc<dyn Directory> = house.clone();
    let node = world.node_with(|o| o.directory = directory).await;
    world.delegate("ann", "ghost").await;
    for n in 0..3 {
        let created = node.create(&format!("CR-{n}"), None).await;
        let seated: Vec<_> = created.tasks.iter().map(|task| task.assignee.as_str()).collect();
        assert_eq!(seated, ["ann"], "neither named by a rule nor by a delegation");
        assert_eq!(started(&world, created.request_id).await["unknown_users"], json!(["ghost"]));
        let ann = super::fixtures::caller("ann");
        let decided = node.requests().decide(ann, created.tasks[0].id, super::fixtures::approve()).await;
        decided.expect("decided");
        world.until_status(created.request_id, "approved").await;
    }
    assert_eq!(house.asked.load(Ordering::SeqCst), 2, "what it said is remembered");
    assert_eq!(node.requests().may_sit("ghost").await, Some(false));
    node.stop().await;
}

#[tokio::test]
async fn nobody_waits_long_for_a_directory_that_hangs() {
    let world = world(json!([{"users": ["ann", "ghost"]}])).await;
    let directory: Arc<dyn Directory> = Arc::new(House { hangs: true, ..House::default() });
    let node = world.node_with(|o| o.directory = directory).await;
    let begun = Instant::now();
    for n in 0..20 {
        let created = node.create(&format!("CR-{n}"), None).await;
        assert_eq!(created.tasks.len(), 2, "people are seated unchecked");
        assert_eq!(started(&world, created.request_id).await.get("unknown_users"), None);
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "one of them waited, and the others not");
    assert_eq!(node.requests().may_sit("ghost").await, None);
    // The directory still hangs, so the resolver does not end by itself.
    node.stop_unseen().await;
}
