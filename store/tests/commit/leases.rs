//! Webhooks that are leased by the commit that makes them.

use crate::world::{World, meta, world};
use std::sync::Arc;
use std::time::Duration;
use store::commit::{Commit, Committed, Meta};
use store::deliveries::{Attempt, Destination, Lease, Leased, Next};
use time::OffsetDateTime;
use uuid::Uuid;

const LASTS: Duration = Duration::from_secs(60);

/// Commits a transition that asks for a lease under the token.
async fn commit(world: &World, mut commit: Commit, token: Uuid) -> (Arc<Commit>, Committed) {
    commit.lease = Some(Lease { token, lasts: LASTS });
    let commit = Arc::new(commit);
    let committed = world.committer.commit(Arc::clone(&commit)).await.unwrap();
    (commit, committed)
}

/// Creates a request with webhooks that are leased under the token.
async fn create(world: &World, token: Uuid) -> Arc<Commit> {
    let with_webhooks = Meta { callback_url: Some("https://a.example/hook".to_owned()), ..meta("A-1") };
    let (created, committed) = commit(world, world.new_request_of(with_webhooks), token).await;
    assert!(committed.leased, "nobody else has one of this request");
    created
}

/// Commits the last approval, whose webhooks ask for a lease under the token.
async fn approve(world: &World, created: &Commit, token: Uuid) -> (Arc<Commit>, Committed) {
    // The first of two approvals is told to nobody.
    for _ in 0..2 {
        let before = world.db.load_request(created.transition.request.id).await.unwrap().unwrap();
        let (approval, committed) = commit(world, world.approval(&before), token).await;
        if !approval.leased().is_empty() {
            return (approval, committed);
        }
    }
    panic!("the request was not approved");
}

async fn due(world: &World) -> Vec<Leased> {
    let to = Destination::of("caller", "https://a.example/hook");
    world.db.lease_due(&to, 20, LASTS, None).await.unwrap()
}

async fn deliver(world: &World, leased: &[Leased]) {
    let made = |one: &Leased| Attempt {
        delivery_id: one.id,
        token: one.token,
        started_at: OffsetDateTime::now_utc(),
        latency_ms: 1,
        status_code: Some(200),
        error: None,
        failed_by: None,
        response_headers: None,
        response_excerpt: None,
        next: Next::Delivered,
    };
    let recorded = world.db.record_attempts(&leased.iter().map(made).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(recorded.len(), leased.len(), "the lease stands");
}

#[tokio::test]
async fn a_commit_leases_its_webhooks_and_knows_what_a_worker_would_read() {
    let world = world().await;
    let created = create(&world, Uuid::now_v7()).await;
    assert!(due(&world).await.is_empty(), "they are leased");
    let handed = created.leased();
    assert_eq!(handed.len(), 2, "request_created and stage_started");
    let (ids, tokens): (Vec<_>, Vec<_>) = handed.iter().map(|one| (one.id, one.token)).unzip();
    world.db.give_back(&ids, &tokens, None).await.unwrap();
    let read = due(&world).await;
    let but_tokens = |all: &[Leased]| {
        let words = all.iter().map(|one| format!("{:?}", Leased { token: Uuid::nil(), ..one.clone() }));
        words.collect::<Vec<_>>()
    };
    assert_eq!(but_tokens(&handed), but_tokens(&read));
}

#[tokio::test]
async fn a_lease_by_commit_is_given_behind_those_of_the_same_holder() {
    let world = world().await;
    let ours = Uuid::now_v7();
    let created = create(&world, ours).await;
    let (approved, committed) = approve(&world, &created, ours).await;
    assert!(committed.leased, "the earlier ones are in the same hands");
    assert!(approved.outgoing(&committed).iter().all(|out| out.delivery_id.is_none()), "nobody need be told");
    deliver(&world, &created.leased()).await;
    deliver(&world, &approved.leased()).await;
    assert!(due(&world).await.is_empty());
}

#[tokio::test]
async fn a_lease_by_commit_is_refused_behind_one_that_others_still_have_to_try() {
    let world = world().await;
    let created = create(&world, Uuid::now_v7()).await;
    let (approved, committed) = approve(&world, &created, Uuid::now_v7()).await;
    assert!(!committed.leased);
    assert!(due(&world).await.is_empty(), "and nobody may overtake it");
    let told = approved.outgoing(&committed).iter().filter(|out| out.delivery_id.is_some()).count();
    assert_eq!(told, approved.leased().len(), "everybody is told of those that nobody has");
    deliver(&world, &created.leased()).await;
    assert_eq!(due(&world).await.len(), told);
}

#[tokio::test]
async fn a_lease_by_commit_is_refused_behind_one_that_has_run_out() {
    let world = world().await;
    let ours = Uuid::now_v7();
    let created = create(&world, ours).await;
    let run_out = "update webhook_delivery set leased_until = now() - interval '1 second'";
    sqlx::query(run_out).execute(world.db.pool()).await.unwrap();
    let (approved, committed) = approve(&world, &created, ours).await;
    assert!(!committed.leased, "the holder may be about to lose the earlier ones to another");
    let all = created.leased().len() + approved.leased().len();
    assert_eq!(due(&world).await.len(), all, "the earlier ones, and those of the approval behind them");
}
