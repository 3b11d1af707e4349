//! Webhooks to a real receiver.

use super::fixtures::{Node, World, approve, caller, world};
use crate::delivery::Room;
use crate::{Options, Role};
use axum::extract::{Json, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::deliveries::Destination;
use store::testing::count;
use tokio::net::TcpListener;

/// How a receiver fails: status, headers, body.
type Failure = (StatusCode, Vec<(&'static str, &'static str)>, &'static str);

/// A receiver that keeps what it got, fails the first posts on demand, and always those to the path `/fails`.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    got: Arc<Mutex<Vec<Value>>>,
    pub(super) failures: Arc<AtomicUsize>,
    failure: Failure,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        Self::failing((StatusCode::INTERNAL_SERVER_ERROR, vec![], "no")).await
    }

    async fn failing(failure: Failure) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}/hook", listener.local_addr().expect("has an address"));
        let receiver = Self { url, got: Arc::default(), failures: Arc::default(), failure };
        let router = axum::Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn fails(&self, path: &str) -> bool {
        let fewer = |failures: usize| failures.checked_sub(1);
        path == "/fails" || self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()
    }

    /// Those of each request, in the order in which they came.
    pub(super) fn sequences_of_requests(&self) -> Vec<Vec<i64>> {
        let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for body in &*self.got.lock().expect("no panic") {
            let of_one = found.entry(body["request_id"].to_string()).or_default();
            of_one.extend(body["sequence"].as_i64());
        }
        found.into_values().collect()
    }

    pub(super) fn sequences(&self) -> Vec<i64> {
        let got = self.got.lock().expect("no panic");
        got.iter().filter_map(|body| body["sequence"].as_i64()).collect()
    }
}

async fn receive(State(receiver): State<Receiver>, path: Uri, Json(body): Json<Value>) -> Response {
    if !receiver.fails(path.path()) {
        receiver.got.lock().expect("no panic").push(body);
        return StatusCode::OK.into_response();
    }
    let (status, headers, text) = receiver.failure;
    let mut answer = (status, text).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().expect("a header"));
    }
    answer
}

#[tokio::test]
async fn webhooks_arrive_in_order_of_sequence() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
    // 3 is decision_recorded, which is no webhook.
    world.until("four webhooks have arrived", || receiver.sequences().len() == 4).await;
    assert_eq!(receiver.sequences(), [1, 2, 4, 5]);
    node.stop().await;
}

#[tokio::test]
async fn a_failing_head_is_overtaken_and_tried_again() {
    let receiver = Receiver::start().await;
    receiver.failures.store(1, Ordering::SeqCst);
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world.node().await;
    node.create("CR-1", None).await;
    world.until("both webhooks have arrived", || receiver.sequences().len() == 2).await;
    assert_eq!(receiver.sequences(), [2, 1], "the head failed once and was overtaken");
    node.stop().await;
}

#[tokio::test]
async fn without_a_bus_webhooks_of_other_processes_go_out_by_the_poll() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let decides = world.node_with(|o| (o.bus, o.roles) = (None, o.roles - Role::Delivery)).await;
    let delivers = world.node_with(|o| o.bus = None).await;
    decides.create("CR-1", None).await;
    world.until("both webhooks have arrived", || receiver.sequences() == [1, 2]).await;
    decides.stop().await;
    delivers.stop().await;
}

#[tokio::test]
async fn webhooks_of_the_own_process_wait_neither_for_the_bus_nor_for_the_poll() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let patient = |o: &mut Options| (o.bus, o.webhook.poll_interval) = (None, Duration::from_secs(3600));
    let node = world.node_with(patient).await;
    let created = node.create("CR-1", None).await;
    node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
    world.until("four webhooks have arrived", || receiver.sequences() == [1, 2, 4, 5]).await;
    node.stop().await;
}

/// A node whose lane to the receiver lives, as it does after a first webhook.
async fn node_that_delivers(world: &World, receiver: &Receiver, change: impl FnOnce(&mut Options)) -> Node {
    let node =
        world.node_with(|o| (o.webhook.poll_interval, _) = (Duration::from_secs(3600), change(o))).await;
    let before = receiver.sequences().len();
    node.create("first", None).await;
    world.until("the first webhooks have arrived", || receiver.sequences().len() == before + 2).await;
    let pending = "select count(*) from webhook_delivery where status = 'pending'";
    world
        .until_some("they are recorded", async || (count(&world.db, pending).await == 0).then_some(()))
        .await;
    node
}

/// Lets nobody find later webhooks in the database: what is sent of them was handed over.
async fn never_due(world: &World) {
    world
        .execute(
            "create function far() returns trigger language plpgsql as
             $$ begin new.next_attempt_at = now() + interval '1 hour'; return new; end $$",
        )
        .await;
    let trigger = "create trigger far before insert on webhook_delivery for each row execute function far()";
    world.execute(trigger).await;
}

#[tokio::test]
async fn webhooks_leave_with_their_commit_and_follow_each_other() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = node_that_delivers(&world, &receiver, |o| o.bus = None).await;
    never_due(&world).await;
    for n in 0..20 {
        let created = node.create(&format!("CR-{n}"), None).await;
        node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
        // A lane that is busy has no room, and leaves them to the database.
        world.until("all have arrived", || receiver.sequences().len() == 2 + 4 * (n + 1)).await;
    }
    let told = receiver.sequences_of_requests();
    assert!(told.iter().all(|of_one| [1, 2, 4, 5].starts_with(of_one)), "{told:?}");
    node.stop().await;
    let left = "select count(*) from webhook_delivery where status = 'pending' or lease_token is not null";
    assert_eq!(count(&world.db, left).await, 0);
}

#[tokio::test]
async fn what_was_handed_over_behind_a_webhook_whose_endpoint_fails_is_given_back_untried() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = node_that_delivers(&world, &receiver, |o| {
        o.webhook.backoff = vec![Duration::from_secs(3600)];
        o.webhook.endpoint.open_after_failures = 1;
        o.webhook.endpoint.open = Duration::from_secs(3600);
    })
    .await;
    receiver.failures.store(usize::MAX, Ordering::SeqCst);
    never_due(&world).await;
    node.create("CR-1", None).await;
    let held = "select count(*) from webhook_delivery
                where attempt = 0 and status = 'pending' and leased_until is null and last_error like 'held back%'";
    world
        .until_some("the second is held back", async || (count(&world.db, held).await == 1).then_some(()))
        .await;
    assert_eq!(count(&world.db, "select count(*) from webhook_attempt where status_code = 500").await, 1);
    node.stop().await;
}

#[tokio::test]
async fn a_process_that_stops_gives_back_what_was_handed_over_and_not_begun() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = node_that_delivers(&world, &receiver, |_| {}).await;
    let rooms = node.system.shared().rooms.get().expect("it delivers").clone();
    let to = Destination::of("caller", &receiver.url);
    rooms.find(&to).expect("the lane is free").unused();
    // Nothing begins while nobody can read what signs it.
    let secrets = world.db.hold_from_readers("callback_secret").await;
    for n in 0..3 {
        node.create(&format!("CR-{n}"), None).await;
    }
    let leased = "select count(*) from webhook_delivery where status = 'pending' and leased_until > now()";
    assert_eq!(count(&world.db, leased).await, 6, "they were handed over");
    let stopping = tokio::spawn(node.stop_unseen());
    world.until("the lane takes nothing more", || rooms.find(&to).map(Room::unused).is_none()).await;
    drop(secrets);
    stopping.await.expect("it stops");
    assert_eq!(count(&world.db, leased).await, 0, "others can send them at once");
    assert_eq!(receiver.sequences().len(), 2, "and none was sent here");
}

#[tokio::test]
async fn a_receiver_that_never_answers_well_exhausts_the_delivery() {
    let receiver = Receiver::start().await;
    receiver.failures.store(usize::MAX, Ordering::SeqCst);
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    let sql = format!(
        "select count(*) from webhook_delivery where request_id = '{}' and status = 'exhausted'
         and attempt = 3 and last_status_code = 500 and last_error is not null",
        created.request_id
    );
    world.until_some("both are exhausted", async || (count(&world.db, &sql).await == 2).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn a_secret_under_a_missing_master_key_fails_the_attempts_of_its_caller_alone_and_says_so() {
    let receiver = Receiver::start().await;
    let world = world(json!([{"users": ["ann"]}])).await;
    let actor = store::audit::Actor { subject: "admin".to_owned(), email: None, once: None };
    let other_key = store::vault::Vault::new(&[9; 32]);
    world
        .db
        .create_secret(&store::secrets::NewSecret::of("locked"), &actor, &other_key)
        .await
        .expect("created");
    let node = world.node_with(|o| o.webhook.backoff = vec![Duration::from_secs(3600)]).await;
    node.create_as("locked", &receiver.url, "CR-1").await;
    node.create_as("open", &receiver.url, "CR-2").await;
    world.until("the other caller is told everything", || receiver.sequences().len() == 2).await;
    let failed = "select count(*) from webhook_delivery d join webhook_attempt a on a.delivery_id = d.id
                  where d.caller_service = 'locked' and d.attempt = 1 and a.failed_by = 'us'
                    and d.last_error like '%cannot be opened%master key%' and d.next_attempt_at > now()";
    world
        .until_some("both attempts are recorded", async || {
            (count(&world.db, failed).await == 2).then_some(())
        })
        .await;
    assert_eq!(receiver.sequences(), [1, 2], "nothing is sent that could not be signed");
    node.stop().await;
}

/// Fails a request's two webhooks once, and gives the seconds that the first of them then waits.
async fn wait_after(failure: Failure) -> (World, i64) {
    let receiver = Receiver::failing(failure).await;
    receiver.failures.store(usize::MAX, Ordering::SeqCst);
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world.node_with(|o| o.webhook.backoff = vec![Duration::from_secs(60)]).await;
    node.create("CR-1", None).await;
    let failed = "select count(*) from webhook_attempt where failed_by = 'receiver'";
    world.until_some("both have failed", async || (count(&world.db, failed).await == 2).then_some(())).await;
    node.stop().await;
    let wait = "select extract(epoch from next_attempt_at - last_attempt_at)::bigint
                from webhook_delivery order by sequence limit 1";
    let wait = count(&world.db, wait).await;
    (world, wait)
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_gets_it_and_its_answer_is_kept_without_secrets() {
    let headers = vec![("retry-after", "600"), ("set-cookie", "session=abc"), ("server", "x")];
    let (world, wait) = wait_after((StatusCode::SERVICE_UNAVAILABLE, headers, "busy")).await;
    assert!((600..660).contains(&wait), "{wait}");
    let kept = "select count(*) from webhook_attempt where status_code = 503 and response_excerpt = 'busy'
                and response_headers @> '{\"server\": \"x\", \"set-cookie\": \"[redacted]\"}'";
    assert_eq!(count(&world.db, kept).await, 2);
}

#[tokio::test]
async fn a_date_far_away_is_waited_for_up_to_two_hours_beyond_the_schedule() {
    let headers = vec![("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")];
    let (_world, wait) = wait_after((StatusCode::TOO_MANY_REQUESTS, headers, "")).await;
    assert!((7260..7320).contains(&wait), "{wait}");
}

#[tokio::test]
async fn only_429_and_503_may_ask_for_patience() {
    let headers = vec![("retry-after", "600")];
    let (_world, wait) = wait_after((StatusCode::INTERNAL_SERVER_ERROR, headers, "")).await;
    assert!((54..120).contains(&wait), "{wait}");
}

#[tokio::test]
async fn two_processes_deliver_each_webhook_once_in_normal_running() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let (one, two) = (world.node().await, world.node().await);
    for n in 0..20 {
        one.create(&format!("CR-{n}"), None).await;
    }
    world.until("forty webhooks have arrived", || receiver.sequences().len() >= 40).await;
    let sql = "select count(*) from webhook_delivery where status <> 'delivered' or attempt <> 1";
    world.until_some("all are recorded", async || (count(&world.db, sql).await == 0).then_some(())).await;
    assert_eq!(receiver.sequences().len(), 40);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent_and_the_attempt_says_that_it_is_our_fault() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world
        .node_with(|o| {
            o.webhook.allow_unsigned = false;
            o.webhook.endpoint.open_after_failures = 1;
        })
        .await;
    node.create("CR-1", None).await;
    let kept = "select count(*) from webhook_attempt
                where failed_by = 'us' and status_code is null and error like '%no active callback secret%'";
    // Three attempts each: what never reached the endpoint opens no circuit.
    world.until_some("both are exhausted", async || (count(&world.db, kept).await == 6).then_some(())).await;
    assert!(receiver.sequences().is_empty());
    node.stop().await;
}

#[tokio::test]
async fn no_decision_reads_a_table_from_end_to_end() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"], "sla_hours": 1}])).await;
    world.callback = Some(receiver.url.clone());
    world.db.reconnect().await;
    let before = world.db.whole_table_reads().await;
    // The plans are made now, on empty tables, and kept: this is when a whole table looks cheapest.
    let node = world.node().await;
    let created = node.create("CR-1", Some("key")).await;
    let replayed = node.create("CR-1", Some("key")).await;
    assert_eq!(replayed.request_id, created.request_id);
    node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
    world.until("four webhooks have arrived", || receiver.sequences().len() == 4).await;
    node.stop_unseen().await;
    world.db.reconnect().await;
    assert_eq!(world.db.whole_table_reads().await, before);
}
