//! Changing a policy that somebody else changes too, and what else an administrator does.

use crate::support::{NOBODY, World, reason};
use awe_client::ApiErrorClass;
use awe_client::models::{CallbackSecretCreate, DecisionItemAction, DecisionItemIn};
use awe_client::parameters::{ActivatePolicyVersion, UpdatePolicyVersion};

#[tokio::test]
async fn whoever_comes_second_is_told_by_the_version_that_was_read() {
    let world = World::new().await;
    let draft = world.admin.add_policy_version(&world.policy, &world.body("Draft")).await.unwrap();
    let read = world.admin.get_policy_version(&world.policy, draft.version.into()).await.unwrap();
    assert!(read.etag.is_some());
    assert_eq!((&read.value, &read.etag), (&draft.value, &draft.etag));

    let mine = UpdatePolicyVersion { if_match: read.etag.clone() };
    let first =
        world.admin.update_policy_version(&world.policy, 2, &world.body("Theirs"), &mine).await.unwrap();
    assert_ne!(first.etag, read.etag);
    let late =
        world.admin.update_policy_version(&world.policy, 2, &world.body("Mine"), &mine).await.unwrap_err();
    assert_eq!(late.api().unwrap().class(), ApiErrorClass::PreconditionFailed);
    assert_eq!((late.status(), late.api().unwrap().code.as_str()), (Some(412), "AWE-013"));
    assert!(!late.is_retryable());

    let stale = ActivatePolicyVersion { if_match: read.etag.clone() };
    let late = world.admin.activate_policy_version(&world.policy, 2, &stale, None).await.unwrap_err();
    assert_eq!(late.api().unwrap().class(), ApiErrorClass::PreconditionFailed);
    let newest = ActivatePolicyVersion { if_match: first.etag.clone() };
    let active = world.admin.activate_policy_version(&world.policy, 2, &newest, None).await.unwrap();
    assert_eq!((active.status.as_str(), active.name.as_str()), ("active", "Theirs"));
}

#[tokio::test]
async fn several_tasks_are_decided_at_once_each_for_itself() {
    let world = World::new().await;
    let made = world.create("many").await;
    let item = |task: &str| DecisionItemIn {
        action: DecisionItemAction::Approve,
        artifact_digest: Some("sha256:9f86d0".to_owned()),
        attachments_ref: None,
        comment: None,
        task_id: task.to_owned(),
    };
    let approver = world.as_approver(crate::support::server_url());
    let told = approver.decide_many([item(&made.tasks[0].id), item(NOBODY)]).await.unwrap();
    assert_eq!(told.results.iter().map(|one| one.status).collect::<Vec<_>>(), [201, 404]);
    let error = approver.decide_many([]).await.unwrap_err();
    assert_eq!((error.status(), reason(&error).is_empty()), (Some(422), false));
}

#[tokio::test]
async fn debug_output_does_not_show_a_secret() {
    let world = World::new().await;
    let body = CallbackSecretCreate {
        caller_service: world.caller.clone(),
        secret: Some("a-canary-of-more-than-24-bytes".to_owned()),
        ..Default::default()
    };
    let made = world.admin.create_callback_secret(&body, None).await.unwrap();
    let shown = format!("{body:?} {made:?}");
    assert!(shown.contains(&made.id) && shown.contains(&world.caller), "{shown}");
    assert!(!shown.contains("canary") && !shown.contains("whsec_"), "{shown}");
}
