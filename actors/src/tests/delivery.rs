//! Webhooks to a real receiver.

use super::fixtures::{approve, caller, world};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A receiver that keeps what it got and fails the first posts on demand.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    got: Arc<Mutex<Vec<Value>>>,
    pub(super) failures: Arc<AtomicUsize>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}/hook", listener.local_addr().expect("has an address"));
        let receiver = Self { url, got: Arc::default(), failures: Arc::default() };
        let this = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(this.clone().serve(stream));
            }
        });
        receiver
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Ok(n) = stream.read_buf(&mut buffer).await {
            let Some(head) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
                if n == 0 {
                    return;
                }
                continue;
            };
            let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
            let length = text.lines().find_map(|l| l.strip_prefix("content-length: "));
            let length: usize = length.and_then(|l| l.trim().parse().ok()).unwrap_or(0);
            if buffer.len() < head + 4 + length {
                continue;
            }
            let body = &buffer[head + 4..head + 4 + length];
            let fail =
                self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
            let answer: &[u8] = if fail {
                b"HTTP/1.1 500 no\r\ncontent-length: 2\r\n\r\nno"
            } else {
                self.got.lock().expect("no panic").push(serde_json::from_slice(body).expect("JSON"));
                b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            };
            if stream.write_all(answer).await.is_err() {
                return;
            }
            buffer.clear();
        }
    }

    pub(super) fn sequences(&self) -> Vec<i64> {
        let got = self.got.lock().expect("no panic");
        got.iter().filter_map(|body| body["sequence"].as_i64()).collect()
    }
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
async fn without_a_bus_webhooks_go_out_by_the_poll() {
    let receiver = Receiver::start().await;
    let mut world = world(json!([{"users": ["ann"]}])).await;
    world.callback = Some(receiver.url.clone());
    let node = world.node_with(|o| o.bus = None).await;
    node.create("CR-1", None).await;
    world.until("both webhooks have arrived", || receiver.sequences() == [1, 2]).await;
    node.stop().await;
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
    world
        .until_some("both are exhausted", async || {
            (store::testing::count(&world.db, &sql).await == 2).then_some(())
        })
        .await;
    node.stop().await;
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
    world
        .until_some("all are recorded", async || {
            (store::testing::count(&world.db, sql).await == 0).then_some(())
        })
        .await;
    assert_eq!(receiver.sequences().len(), 40);
    one.stop().await;
    two.stop().await;
}
