//! Delegations in the memory of a process: never a wrong seat, and nobody waits for whoever changes their own.

use super::fixtures::{Node, World, world};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::testing::execute;

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
        let (store, stop) = (world.db.store.clone(), Arc::clone(&stop));
        let change = format!(
            "insert into user_delegation (id, user_id, delegate_to, starts_at, ends_at)
             values (gen_random_uuid(), 'mallory-{n}', 'x', now(), now() + interval '1 h');
             delete from user_delegation where user_id = 'mallory-{n}'"
        );
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                execute(&store, &change).await;
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
