//! Many transitions in one statement: each has the outcome that it would have alone.

use crate::world::{key, meta, world};
use store::commit::Meta;
use store::testing::count;
use store::{Clash, Error};

#[tokio::test]
async fn a_batch_is_written_by_one_transaction() {
    let world = world().await;
    let commits = (0..20).map(|n| world.new_request(&format!("A-{n}"))).collect();
    let outcomes = world.in_one_batch(commits).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(1))), "{outcomes:?}");
    assert_eq!(world.transactions_of("A-%").await, 1);
}

#[tokio::test]
async fn a_stale_transition_in_a_batch_fails_alone() {
    let world = world().await;
    let before = world.request("A-1").await;
    world.commit(world.approval(&before)).await.unwrap();
    let good = world.request("A-2").await;
    let outcomes = world
        .in_one_batch(vec![world.approval(&before), world.approval(&good), world.new_request("A-3")])
        .await;
    assert!(matches!(outcomes[0], Err(Error::Stale)), "{outcomes:?}");
    assert!(outcomes[1..].iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test]
async fn two_creates_with_one_key_in_a_batch_are_one_request() {
    let world = world().await;
    let (mut first, mut second) = (world.new_request("A-1"), world.new_request("A-1"));
    (first.idempotency, second.idempotency) = (key("k"), key("k"));
    let (one, other) = (first.transition.request.id, second.transition.request.id);
    let outcomes = world.in_one_batch(vec![first, second, world.new_request("A-2")]).await;
    let refused = outcomes.iter().filter(|o| matches!(o, Err(Error::Conflict(Clash::KeyTaken, _)))).count();
    assert_eq!(refused, 1, "{outcomes:?}");
    assert!(outcomes[2].is_ok());
    assert!(world.is_written(one).await != world.is_written(other).await, "exactly one is there");
}

#[tokio::test]
async fn two_transitions_of_one_request_in_a_batch_are_decided_by_the_row_version() {
    let world = world().await;
    let before = world.request("A-1").await;
    // Both were decided on the same state, as by an actor that was replaced while its commit was queued.
    let mut commits = vec![world.approval(&before), world.approval(&before)];
    commits.extend((2..10).map(|n| world.new_request(&format!("B-{n}"))));
    let outcomes = world.in_one_batch(commits).await;
    assert!(matches!(outcomes[..2], [Ok(2), Err(Error::Stale)]), "{outcomes:?}");
    let after = world.load(before.request.id).await;
    assert_eq!(after.request.decisions.len(), 1);
    assert_eq!(world.transactions_of("B-%").await, 1, "their neighbours are written together all the same");
}

#[tokio::test]
async fn a_transition_that_postgres_refuses_fails_alone_in_its_batch() {
    let world = world().await;
    // PostgreSQL cannot store NUL, so the whole statement fails.
    let poisoned = world.new_request_of(Meta { artifact_id: "A-\u{0}".to_owned(), ..meta("A-0") });
    let id = poisoned.transition.request.id;
    let outcomes =
        world.in_one_batch(vec![world.new_request("A-1"), poisoned, world.new_request("A-2")]).await;
    assert!(matches!(outcomes[..], [Ok(1), Err(Error::Internal(_)), Ok(1)]), "{outcomes:?}");
    assert!(!world.is_written(id).await);
    assert!(world.commit(world.new_request("A-3")).await.is_ok(), "the writer goes on");
}

#[tokio::test]
async fn two_decisions_with_one_key_in_a_batch_are_one_and_a_stale_one_takes_no_key() {
    let world = world().await;
    let (one, other) = (world.request("A-1").await, world.request("A-2").await);
    let (mut first, mut second) = (world.approval(&one), world.approval(&other));
    (first.idempotency, second.idempotency) = (key("k"), key("k"));
    let outcomes = world.in_one_batch(vec![first, second, world.new_request("A-3")]).await;
    let refused = outcomes[..2].iter().filter(|outcome| matches!(outcome, Err(Error::Stale))).count();
    assert!(refused == 1 && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(count(&world.db, "select count(*) from approval_decision").await, 1);

    let decided = if outcomes[0].is_ok() { one } else { other };
    let mut stale = world.approval(&decided);
    stale.idempotency = key("stale");
    assert!(matches!(world.commit(stale).await, Err(Error::Stale)));
    assert!(!world.db.is_answered("caller", "stale").await.unwrap());
}
