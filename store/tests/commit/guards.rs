//! A transition is written only while everything that it was decided on still holds.

use crate::world::{key, meta, world};
use schemas::event::WebhookEvent;
use store::commit::{Audit, Meta};
use store::testing::{count, execute};
use store::{Clash, Error};

#[tokio::test]
async fn a_transition_is_written_once_with_all_that_belongs_to_it() {
    let world = world().await;
    let before = world.request("A-1").await;
    let commit = world.approval(&before);
    let expected = commit.transition.request.clone();
    assert_eq!(world.commit(commit).await.unwrap(), before.row_version + 1);
    let after = world.load(before.request.id).await;
    assert_eq!(after.request, expected, "what is read is what was decided");
    assert_eq!(after.row_version, before.row_version + 1);
    assert_eq!(count(&world.db, "select count(*) from approval_decision").await, 1);
    let gapless = "select count(*) from approval_event where sequence > 0";
    assert_eq!(count(&world.db, gapless).await, expected.last_sequence);
}

#[tokio::test]
async fn a_transition_that_was_decided_on_an_older_state_is_stale_and_writes_nothing() {
    let world = world().await;
    let before = world.request("A-1").await;
    world.commit(world.approval(&before)).await.unwrap();
    let after_first = world.load(before.request.id).await;
    let again = world.commit(world.approval(&before)).await;
    assert!(matches!(again, Err(Error::Stale)), "{again:?}");
    let now = world.load(before.request.id).await;
    assert_eq!((now.request, now.row_version), (after_first.request, after_first.row_version));
    assert_eq!(count(&world.db, "select count(*) from approval_decision").await, 1);
}

#[tokio::test]
async fn a_create_is_stale_when_another_policy_version_was_activated_meanwhile() {
    let world = world().await;
    let mut commit = world.new_request("A-1");
    commit.epoch = Some(world.epoch().await);
    let id = commit.transition.request.id;
    world.activate_another().await;
    let outcome = world.commit(commit).await;
    assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
    assert!(!world.is_written(id).await);

    let mut commit = world.new_request("A-2");
    commit.epoch = Some(world.epoch().await);
    world.commit(commit).await.unwrap();
}

#[tokio::test]
async fn a_transition_is_stale_when_delegations_that_it_relied_on_have_changed() {
    let world = world().await;
    let mut commit = world.new_request("A-1");
    commit.relied = vec![("ann".to_owned(), 0), ("bob".to_owned(), 0)];
    let id = commit.transition.request.id;
    execute(
        &world.db,
        "insert into user_delegation (id, user_id, delegate_to, starts_at, ends_at)
         values (gen_random_uuid(), 'bob', 'carl', now(), now() + interval '1 h')",
    )
    .await;
    let outcome = world.commit(commit).await;
    assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
    assert!(!world.is_written(id).await);

    let mut commit = world.new_request("A-2");
    commit.relied = vec![("ann".to_owned(), 0)];
    assert!(world.commit(commit).await.is_ok(), "whoever does not rely on bob is not stopped");
}

#[tokio::test]
async fn an_idempotency_key_is_taken_once_and_the_second_create_writes_nothing() {
    let world = world().await;
    let (mut first, mut second) = (world.new_request("A-1"), world.new_request("A-1"));
    (first.idempotency, second.idempotency) = (key("k"), key("k"));
    let id = second.transition.request.id;
    world.commit(first).await.unwrap();
    let outcome = world.commit(second).await;
    assert!(matches!(outcome, Err(Error::Conflict(Clash::KeyTaken, _))), "{outcome:?}");
    assert!(!world.is_written(id).await);
}

#[tokio::test]
async fn an_audit_row_stands_or_falls_with_its_transition() {
    let world = world().await;
    let before = world.request("A-1").await;
    let audited = |actor: &str| {
        let mut commit = world.approval(&before);
        commit.audit = Some(Audit {
            actor: actor.to_owned(),
            action: "task.decide_override",
            resource_type: "task",
            resource_id: before.request.tasks[0].id.to_string(),
            summary: "approve instead of ann".to_owned(),
            before: None,
            after: None,
        });
        commit
    };
    let rows = "select count(*) from audit_action where action = 'task.decide_override'";
    world.commit(audited("root")).await.unwrap();
    assert_eq!(count(&world.db, rows).await, 1);
    world.commit(audited("late")).await.unwrap_err();
    assert_eq!(count(&world.db, rows).await, 1);
}

#[tokio::test]
async fn what_is_handed_to_the_relay_is_what_it_would_read_and_every_webhook_has_its_delivery() {
    let world = world().await;
    let wanted = Meta {
        callback_url: Some("https://a.example/hook".to_owned()),
        callback_events: Some(vec!["request_created".to_owned()]),
        ..meta("A-1")
    };
    let commit = world.new_request_of(wanted);
    let commit = std::sync::Arc::new(commit);
    let committed = world.committer.commit(std::sync::Arc::clone(&commit)).await.unwrap();
    let read = world.db.all_unpublished(100).await.unwrap();
    assert_eq!(commit.outgoing(&committed), read);
    let with_delivery: Vec<&WebhookEvent> =
        read.iter().filter(|out| out.delivery_id.is_some()).map(|out| &out.event).collect();
    assert_eq!(with_delivery.len(), 1, "one event of two is wanted");
    assert_eq!(with_delivery[0].event_type, "request_created");
    assert_eq!(count(&world.db, "select count(*) from webhook_delivery").await, 1);
}
