//! Events that a running server publishes on NATS.

use crate::support::{World, nats_url, server_url, token, until};
use awe_client::nats::{ConnectionClosed, Consumer, async_nats};
use awe_client::{AnyEvent, AweClient, EventType, MemorySeenStore, SeenStore, WebhookEvent};
use futures_util::TryStreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

/// A world with a consumer of its own.
struct Subscriber {
    world: World,
    connection: async_nats::Client,
    durable: String,
}

impl Subscriber {
    async fn new() -> Self {
        let world = World::new().await;
        let connection = async_nats::connect(nats_url()).await.unwrap();
        let durable = format!("test-{}", world.name);
        Self { world, connection, durable }
    }

    fn consumer(&self) -> Consumer {
        Consumer::new(self.connection.clone(), &self.durable).artifact_type(&self.world.kind)
    }

    async fn make(&self, artifact_id: &str) -> String {
        let made = self.world.create(artifact_id).await;
        self.world.approve(&made.request_id).await;
        made.request_id.clone()
    }

    /// Consumes until `handler` says that it has enough; its errors make events come again.
    async fn until<S: SeenStore>(
        &self,
        consumer: &Consumer<S>,
        mut handler: impl FnMut(AnyEvent) -> Result<bool, &'static str>,
    ) {
        let (enough, stop) = oneshot::channel();
        let mut enough = Some(enough);
        let stop = async move {
            let _ = stop.await;
        };
        let running = consumer.run_until(stop, |event| {
            let handled = handler(event);
            if let (Ok(true), Some(enough)) = (handled, enough.take_if(|_| handled == Ok(true))) {
                let _ = enough.send(());
            }
            std::future::ready(handled.map(|_| ()))
        });
        timeout(LONG, running).await.expect("enough events within 20 s").unwrap();
    }

    /// Waits until every message is acknowledged.
    async fn settled(&self) {
        let stream =
            async_nats::jetstream::new(self.connection.clone()).get_stream("AWE_EVENTS").await.unwrap();
        until("all is acknowledged", async || {
            let info = stream.consumer_info(&self.durable).await.unwrap();
            (info.num_ack_pending == 0 && info.num_pending == 0).then_some(())
        })
        .await;
    }

    async fn delete(&self) {
        let stream =
            async_nats::jetstream::new(self.connection.clone()).get_stream("AWE_EVENTS").await.unwrap();
        stream.delete_consumer(&self.durable).await.unwrap();
    }
}

fn known(event: AnyEvent) -> WebhookEvent {
    event.known().expect("a type of today").clone()
}

#[tokio::test]
async fn events_come_in_order_and_the_place_is_kept() {
    let all = Subscriber::new().await;
    let first = all.make("first").await;
    let mut found = Vec::new();
    all.until(&all.consumer(), |event| {
        found.push(known(event));
        Ok(found.last().is_some_and(WebhookEvent::is_final))
    })
    .await;
    let history: Vec<_> = all.world.client().events(&first, 0).try_collect().await.unwrap();
    let told: Vec<_> = history.iter().map(|one| (one.sequence, one.id.as_str())).collect();
    assert_eq!(found.iter().map(|one| (one.sequence, one.event_id.as_str())).collect::<Vec<_>>(), told);
    let second = all.make("second").await;
    all.until(&all.consumer(), |event| {
        assert_eq!(known(event.clone()).request_id, second);
        Ok(known(event).is_final())
    })
    .await;
    all.delete().await;
}

#[tokio::test]
async fn an_event_says_to_which_trace_it_belongs() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let all = Subscriber::new().await;
    let traced = all.world.builder(server_url()).trace(|carrier| {
        carrier.insert("traceparent".to_owned(), PARENT.to_owned());
        carrier.insert("tracestate".to_owned(), "vendor=1".to_owned());
    });
    traced.build().unwrap().create(&all.world.request("traced")).await.unwrap();
    let mut found = None;
    all.until(&all.consumer().event_types(["request_created"]), |event| {
        found = Some(known(event).carrier);
        Ok(true)
    })
    .await;
    let found = found.unwrap();
    assert_eq!((&*found["traceparent"], &*found["tracestate"], found.len()), (PARENT, "vendor=1", 2));
    all.delete().await;
}

#[tokio::test]
async fn types_can_be_chosen() {
    let all = Subscriber::new().await;
    all.make("chosen").await;
    let mut found = Vec::new();
    let consumer = all.consumer().event_types(["request_created", "request_approved"]);
    all.until(&consumer, |event| {
        found.push(known(event).event_type);
        Ok(found.len() == 2)
    })
    .await;
    assert_eq!(found, [EventType::RequestCreated, EventType::RequestApproved]);
    all.delete().await;
}

#[tokio::test]
async fn an_event_whose_handler_fails_comes_again() {
    let all = Subscriber::new().await;
    all.make("failing").await;
    let mut tried = Vec::new();
    all.until(&all.consumer().event_types(["request_approved"]), |event| {
        tried.push(event.event_id().to_owned());
        if tried.len() == 1 { Err("on purpose") } else { Ok(true) }
    })
    .await;
    assert_eq!((tried.len(), &tried[0]), (2, &tried[1]));
    all.settled().await;
    all.delete().await;
}

#[tokio::test]
async fn what_was_seen_is_not_handled_again() {
    let all = Subscriber::new().await;
    let request_id = all.make("seen").await;
    let store = Arc::new(MemorySeenStore::default());
    let history: Vec<_> = all.world.client().events(&request_id, 0).try_collect().await.unwrap();
    for event in &history[..history.len() - 1] {
        store.begin(&event.id).await.unwrap();
        store.done(&event.id).await.unwrap();
    }
    let mut found = Vec::new();
    all.until(&all.consumer().seen(store), |event| {
        found.push(known(event).event_type);
        Ok(true)
    })
    .await;
    assert_eq!(found, [EventType::RequestApproved]);
    all.delete().await;
}

#[tokio::test]
async fn an_event_is_held_while_its_handler_runs() {
    let all = Subscriber::new().await;
    all.make("slow").await;
    let handled = AtomicUsize::new(0);
    let (enough, _) = tokio::sync::broadcast::channel(2);
    // Two processes, of which neither knows what the other has seen.
    let process = || {
        let consumer = all.consumer().event_types(["request_created"]).ack_wait(Duration::from_secs(1));
        let (mut stop, enough, handled) = (enough.subscribe(), enough.clone(), &handled);
        async move {
            let stop = async {
                let _ = stop.recv().await;
            };
            let handler = |_event| async {
                handled.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(3_500)).await;
                enough.send(()).map(|_| ())
            };
            consumer.run_until(stop, handler).await.unwrap();
        }
    };
    timeout(LONG, futures_util::future::join(process(), process())).await.expect("both end");
    assert_eq!(handled.into_inner(), 1);
    all.settled().await;
    all.delete().await;
}

#[tokio::test]
async fn what_is_no_event_of_this_type_is_not_handed_on() {
    let all = Subscriber::new().await;
    let subject = |id: &str| format!("awe.events.request_created.{}.{id}", all.world.kind);
    let event = |artifact_type: &str, event_id: &str| {
        let value = serde_json::json!({
            "event_id": event_id, "event_type": "request_created", "request_id": "r", "sequence": 1,
            "artifact_type": artifact_type, "artifact_id": "a", "policy_key": "p", "policy_version": 1,
            "status": "pending", "occurred_at": "2026-01-31T10:00:00Z", "payload": {},
        });
        async_nats::jetstream::message::PublishMessage::build().payload(value.to_string().into())
    };
    // Another type of artifact whose events have the same subject.
    let other = all.world.kind.replacen('_', ".", 1);
    let forged = format!("forged-{}", all.world.name);
    let messages = [
        async_nats::jetstream::message::PublishMessage::build().payload("not json".into()),
        event(&other, "other"),
        event(&all.world.kind, "e").message_id(&forged),
    ];
    let context = async_nats::jetstream::new(all.connection.clone());
    for (number, message) in messages.into_iter().enumerate() {
        context.send_publish(subject(&number.to_string()), message).await.unwrap().await.unwrap();
    }
    let made = all.make("after").await;
    let mut found = Vec::new();
    all.until(&all.consumer().event_types(["request_created"]), |event| {
        found.push(known(event).request_id);
        Ok(found.last() == Some(&made))
    })
    .await;
    assert_eq!(found, [made.as_str()]);
    all.settled().await;
    all.delete().await;
}

#[tokio::test]
async fn a_consumer_that_was_deleted_is_made_anew() {
    let all = Subscriber::new().await;
    all.make("first").await;
    let (sent, mut came) = tokio::sync::mpsc::unbounded_channel();
    let consumer = all.consumer().event_types(["request_approved"]);
    let running = consumer.run(|event| {
        sent.send(known(event).request_id).unwrap();
        std::future::ready(Ok::<(), std::convert::Infallible>(()))
    });
    let deleting = async {
        came.recv().await.unwrap();
        all.delete().await;
        let second = all.make("second").await;
        while came.recv().await.unwrap() != second {}
    };
    // A consumer that is gone may be told by nothing but silence, of which half a minute is enough.
    timeout(Duration::from_secs(50), async {
        tokio::select! {
            _ = running => panic!("it ended"),
            () = deleting => {}
        }
    })
    .await
    .expect("the consumer was made anew");
    all.delete().await;
}

#[tokio::test]
async fn a_closed_connection_ends_it() {
    let all = Subscriber::new().await;
    let other = async_nats::connect(nats_url()).await.unwrap();
    let consumer = Consumer::new(other.clone(), &all.durable).only_new();
    let running = consumer.run(|_| std::future::ready(Ok::<(), std::convert::Infallible>(())));
    let closing = async {
        until("the consumer is there", async || {
            let stream =
                async_nats::jetstream::new(all.connection.clone()).get_stream("AWE_EVENTS").await.unwrap();
            stream.consumer_info(&all.durable).await.ok()
        })
        .await;
        other.drain().await.unwrap();
    };
    let (ended, ()) = timeout(LONG, async { tokio::join!(running, closing) }).await.expect("it ends");
    assert_eq!(ended, Err(ConnectionClosed));
    all.delete().await;
}

#[tokio::test]
async fn a_forged_event_is_not_confirmed() {
    let all = Subscriber::new().await;
    all.make("real").await;
    let mut last = None;
    all.until(&all.consumer(), |event| {
        last = Some(known(event));
        Ok(last.as_ref().is_some_and(WebhookEvent::is_final))
    })
    .await;
    let real = last.unwrap();
    let anybody = AweClient::new(server_url(), token("anybody", &[])).unwrap();
    assert!(anybody.confirm(&real).await.unwrap());
    for (name, value) in [("event_id", uuid::Uuid::new_v4().to_string().into()), ("sequence", 99.into())] {
        let mut data = real.data.clone();
        data.insert(name.to_owned(), value);
        let forged = AnyEvent::parse(&serde_json::to_vec(&data).unwrap()).unwrap();
        assert!(!anybody.confirm(&known(forged)).await.unwrap(), "{name}");
    }
    all.delete().await;
}
