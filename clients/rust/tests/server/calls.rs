//! What a caller does, on a running server.

use crate::support::{World, reason, server_url, token};
use awe_client::models::{CallbackSecretCreate, CallbackSecretUpdate, DecisionAction, DecisionIn};
use awe_client::parameters::{ListAuditActions, ListDeliveries, ListRequests, ListTasks};
use awe_client::{AweClient, ErrorKind, Polling, Watch, Watcher, every};
use futures_util::TryStreamExt;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::macros::datetime;

#[tokio::test]
async fn a_request_is_created_read_decided_and_has_a_history() {
    let world = World::new().await;
    let caller = world.client();
    let made = world.create("whole").await;
    assert!(!made.replayed);
    assert_eq!(made.tasks.len(), 1);
    let found = caller.get(&made.request_id).await.unwrap();
    assert_eq!((found.status.as_str(), found.source_service.as_str()), ("in_review", world.caller.as_str()));
    let approver = world.as_approver(server_url());
    assert_eq!(approver.claim(&made.tasks[0].id).await.unwrap().status, "claimed");
    let decision = DecisionIn { comment: Some("fine".to_owned()), ..DecisionAction::Approve.into() };
    let decided = approver.decide(&made.tasks[0].id, decision).await.unwrap();
    assert_eq!((decided.action.as_str(), decided.comment.as_deref()), ("approve", Some("fine")));
    let history: Vec<_> = caller.events(&made.request_id, 0).try_collect().await.unwrap();
    let sequences: Vec<i64> = history.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=i64::try_from(history.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(history.last().unwrap().event_type, "request_approved");
    let later: Vec<_> = caller.events(&made.request_id, 2).try_collect().await.unwrap();
    assert_eq!(later, history[2..]);
}

#[tokio::test]
async fn a_body_says_all_that_it_can() {
    let world = World::new().await;
    let expires: OffsetDateTime = datetime!(2099-01-31 10:00:00 UTC);
    let mut request = world.request("body");
    request.context = json!({"n": 1, "deep": {"text": "é"}}).as_object().cloned();
    request.expires_at = Some(expires);
    let made = world.client().create(&request).await.unwrap();
    let found = world.client().get(&made.request_id).await.unwrap();
    assert_eq!((Some(found.context), found.expires_at), (request.context, Some(expires)));
}

#[tokio::test]
async fn the_same_key_finds_the_same_request() {
    let world = World::new().await;
    let key = format!("change-{}", world.name);
    let first = world.client().create_with_key(&world.request("key"), &key).await.unwrap();
    let second = world.client().create_with_key(&world.request("key"), &key).await.unwrap();
    assert_eq!((first.request_id.as_str(), first.replayed), (second.request_id.as_str(), false));
    assert_eq!((second.idempotency_key.as_str(), second.replayed), (key.as_str(), true));
    let error = world.client().create_with_key(&world.request("another"), &key).await.unwrap_err();
    assert_eq!((reason(&error), error.idempotency_key()), ("idempotency_key_reused", Some(key.as_str())));
}

#[tokio::test]
async fn a_cancelled_request_says_so() {
    let world = World::new().await;
    let made = world.create("cancel").await;
    let found = world.client().cancel(&made.request_id, Some("withdrawn")).await.unwrap();
    assert_eq!(found.status, "cancelled");
    let error = world.client().cancel(&made.request_id, None).await.unwrap_err();
    assert_eq!((reason(&error), error.status()), ("request_finished", Some(409)));
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let world = World::new().await;
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(world.create("many").await.request_id.clone());
    }
    let filters = ListRequests { limit: Some(2), ..world.filters("many") };
    let first = world.client().list(&filters).await.unwrap();
    assert_eq!(first.len(), 2);
    assert!(first.next_cursor.is_some());
    let all: Vec<_> = world.client().iterate(filters).map_ok(|one| one.id).try_collect().await.unwrap();
    assert_eq!((all.len(), all.into_iter().collect::<BTreeSet<_>>()), (5, made.clone()));
    let filters =
        ListTasks { page_size: Some(2), artifact_type: Some(world.kind.clone()), ..Default::default() };
    let approver = world.as_approver(server_url());
    let tasks: Vec<_> = approver.tasks(filters).map_ok(|task| task.request_id).try_collect().await.unwrap();
    assert_eq!((tasks.len(), tasks.into_iter().collect::<BTreeSet<_>>()), (5, made));
}

#[tokio::test]
async fn any_list_can_be_followed() {
    let world = World::new().await;
    let mut request = world.request("lists");
    request.callback_url = Some("http://127.0.0.1:9/".to_owned());
    let made = world.client().create(&request).await.unwrap();
    world.client().cancel(&made.request_id, None).await.unwrap();
    let found: Vec<String> = every(None, |cursor| {
        let request_id = Some(made.request_id.clone());
        let filters = ListDeliveries { request_id, limit: Some(1), cursor, ..Default::default() };
        let admin = &world.admin;
        async move { admin.list_deliveries(&filters).await }
    })
    .map_ok(|delivery| delivery.event_type)
    .try_collect()
    .await
    .unwrap();
    assert!(found.len() > 1 && found.contains(&"request_cancelled".to_owned()), "{found:?}");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
}

#[tokio::test]
async fn a_change_tells_null_from_nothing() {
    let world = World::new().await;
    let body = CallbackSecretCreate {
        caller_service: world.caller.clone(),
        clients: Some(vec!["registry-ui".to_owned()]),
        ..Default::default()
    };
    let made = world.admin.create_callback_secret(&body, None).await.unwrap();
    assert!(made.secret.starts_with("whsec_"));
    let without = CallbackSecretUpdate { credential: Some(None), ..Default::default() };
    assert_eq!(serde_json::to_value(&without).unwrap(), json!({"credential": null}));
    let kept = world.admin.update_callback_secret(&made.id, &without).await.unwrap();
    assert_eq!((kept.credential, kept.clients), (None, vec!["registry-ui".to_owned()]));
    let nobody = CallbackSecretUpdate { clients: Some(Some(Vec::new())), ..Default::default() };
    assert!(world.admin.update_callback_secret(&made.id, &nobody).await.unwrap().clients.is_empty());
    world.admin.revoke_callback_secret(&made.id).await.unwrap();
}

#[tokio::test]
async fn other_operations_of_the_contract_are_read() {
    let world = World::new().await;
    let nobody = AweClient::builder(format!("{}/v1/awe/", server_url())).build().unwrap();
    assert_eq!(nobody.health().await.unwrap().response.status, "UP");
    assert!(!nobody.version().await.unwrap().response.service_version.is_empty());
    assert!(world.admin.list_policies().await.unwrap().iter().any(|one| one.policy_key == world.policy));
    let made = world.create("evidence").await;
    let evidence = world.admin.get_request_evidence(&made.request_id).await.unwrap();
    assert_eq!((evidence.policy.policy_key, evidence.tasks.len()), (world.policy, 1));
    let export = world.admin.export_system_config(&Default::default()).await.unwrap();
    assert!(export.contains('='), "{export}");
    assert!(world.admin.get_system_config().await.unwrap().total_groups > 1);
    let one = ListAuditActions { limit: Some(1), ..Default::default() };
    assert!(world.admin.list_audit_actions(&one).await.unwrap().next_cursor.is_some());
}

#[tokio::test]
async fn waiting_ends_when_somebody_decides() {
    let world = World::new().await;
    let made = world.create("wait").await;
    let polling = Polling { first: Duration::from_millis(50), most: Duration::from_millis(200) };
    let client = world.client();
    let began = Instant::now();
    let waiting = client.wait_with(&made.request_id, Duration::from_secs(20), &polling);
    // The decision comes only after the first look, which finds it open.
    let deciding = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.approve(&made.request_id).await;
    };
    let (ended, ()) = tokio::join!(waiting, deciding);
    assert_eq!(ended.unwrap().status, "approved");
    assert!((Duration::from_millis(100)..Duration::from_secs(10)).contains(&began.elapsed()));
}

#[tokio::test]
async fn waiting_gives_up_in_time() {
    let world = World::new().await;
    let made = world.create("patience").await;
    let began = Instant::now();
    let error =
        world.client().wait_until_terminal(&made.request_id, Duration::from_millis(400)).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WaitTimeout { status, .. } if status == "in_review"),
        "{error:?}"
    );
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(&began.elapsed()));
}

/// Approves when it is asked to wait.
struct Approving(Arc<World>);
struct ApprovingOne(Arc<World>, String);

impl Watcher for Approving {
    type Watch = ApprovingOne;

    fn watch(&self, request_id: &str) -> ApprovingOne {
        ApprovingOne(self.0.clone(), request_id.to_owned())
    }
}

impl Watch for ApprovingOne {
    async fn changed(&mut self, _at_most: Duration) {
        self.0.approve(&self.1).await;
    }
}

#[tokio::test]
async fn a_watcher_decides_when_to_look() {
    let world = Arc::new(World::new().await);
    let made = world.create("watcher").await;
    let watcher = Approving(world.clone());
    let ended = world.client().wait_with(&made.request_id, Duration::from_secs(10), &watcher).await.unwrap();
    assert_eq!(ended.status, "approved");
}

#[tokio::test]
async fn calls_can_be_made_in_tasks() {
    fn task<T: Send>(_: T) {}
    let client = AweClient::new("http://127.0.0.1:9", "token").unwrap();
    task(client.create(&Default::default()));
    task(client.decide("id", DecisionAction::Approve));
    task(client.cancel("id", Some("withdrawn")));
    task(client.iterate(Default::default()).try_collect::<Vec<_>>());
    task(client.events("id", 0).try_collect::<Vec<_>>());
    task(client.wait_until_terminal("id", Duration::ZERO));
    task(client.list_tasks(&Default::default()));
    let connection = awe_client::nats::async_nats::connect(crate::support::nats_url()).await.unwrap();
    let consumer = awe_client::nats::Consumer::new(connection, "tasks");
    task(consumer.run(|_| async { Ok::<(), std::convert::Infallible>(()) }));
}

#[tokio::test]
async fn the_token_of_a_user_is_forwarded() {
    let world = World::new().await;
    let user = world.client().with_token(token("user-1", &[]));
    let made = user.create(&world.request("user")).await.unwrap();
    assert_eq!(world.client().get(&made.request_id).await.unwrap().source_service, "user-1");
}
