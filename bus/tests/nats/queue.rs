//! Work that any process may take, and that goes to one of them at a time.

use crate::fixtures::{World, event_of, soon};
use async_nats::jetstream::consumer::pull;
use bus::{Bus, Work, WorkItem};
use futures::future::{Either, select};
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;
use uuid::Uuid;

async fn publish_delivery(bus: &Bus) -> Uuid {
    let request = Uuid::now_v7();
    bus.publish(vec![bus.delivery_work(request, Uuid::now_v7(), None)]).await.remove(0).unwrap();
    request
}

/// Items until there are some: a message that is none makes an empty list.
async fn take(work: &mut Work, most: usize) -> Vec<WorkItem> {
    loop {
        let items = soon("an item comes", work.next(most)).await.unwrap();
        if !items.is_empty() {
            return items;
        }
    }
}

async fn take_one(work: &mut Work) -> WorkItem {
    take(work, 1).await.remove(0)
}

#[tokio::test]
async fn an_item_that_is_acknowledged_leaves_the_queue() {
    let world = World::new().await;
    let mut work = world.bus.delivery_queue().await.unwrap();
    let requests = [publish_delivery(&world.bus).await, publish_delivery(&world.bus).await];
    assert_eq!(world.waiting_work().await, 2);
    for (request, left) in requests.into_iter().zip([1, 0]) {
        let item = take_one(&mut work).await;
        assert_eq!(item.request_id, request);
        item.done().await;
        world.until_work_is(left).await;
    }
    world.end().await;
}

#[tokio::test]
async fn an_item_that_is_rejected_is_delivered_again() {
    let world = World::new().await;
    let mut work = world.bus.delivery_queue().await.unwrap();
    let request = publish_delivery(&world.bus).await;
    take_one(&mut work).await.again(Duration::from_millis(1)).await;
    let again = take_one(&mut work).await;
    assert_eq!((again.request_id, world.waiting_work().await), (request, 1));
    again.done().await;
    world.until_work_is(0).await;
    world.end().await;
}

#[tokio::test]
async fn an_item_of_a_process_that_dies_goes_to_another() {
    let world = World::new().await;
    let (one, two) = (world.process().await, world.process().await);
    let (mut first, mut second) = (one.delivery_queue().await.unwrap(), two.delivery_queue().await.unwrap());
    let request = publish_delivery(&world.bus).await;
    let taken = {
        let (at_one, at_two) = (pin!(take_one(&mut first)), pin!(take_one(&mut second)));
        match select(at_one, at_two).await {
            Either::Left((item, _)) => (item, true),
            Either::Right((item, _)) => (item, false),
        }
    };
    // The survivor stays connected; the item, the pull and the connection of the other are gone.
    let (item, first_dies) = taken;
    drop(item);
    let (dead, mut survivor) = if first_dies { ((first, one), second) } else { ((second, two), first) };
    drop(dead);
    wait_less_for_acknowledgements(&world).await;
    let again = take_one(&mut survivor).await;
    assert_eq!(again.request_id, request);
    again.done().await;
    world.until_work_is(0).await;
    world.end().await;
}

/// The timeout is a minute, for which no test waits.
async fn wait_less_for_acknowledgements(world: &World) {
    let name = world.bus.subjects().work_stream();
    let stream = world.operator().await.get_stream(name).await.unwrap();
    let mut consumer = stream.get_consumer::<pull::Config>("delivery").await.unwrap();
    let config = consumer.info().await.unwrap().config.clone();
    let config = pull::Config {
        durable_name: config.durable_name,
        filter_subject: config.filter_subject,
        ack_policy: config.ack_policy,
        max_ack_pending: config.max_ack_pending,
        ack_wait: Duration::from_millis(100),
        ..pull::Config::default()
    };
    stream.update_consumer(config).await.unwrap();
}

#[tokio::test]
async fn each_item_goes_to_one_of_the_processes() {
    const ITEMS: usize = 200;
    let world = World::new().await;
    let (one, two) = (world.process().await, world.process().await);
    let (mut first, mut second) = (one.delivery_queue().await.unwrap(), two.delivery_queue().await.unwrap());
    let mut expected = BTreeSet::new();
    for _ in 0..ITEMS {
        expected.insert(publish_delivery(&world.bus).await);
    }
    let mut taken = Vec::new();
    while taken.len() < ITEMS {
        let items = {
            let (at_one, at_two) = (pin!(first.next(16)), pin!(second.next(16)));
            let items = soon("an item comes", select(at_one, at_two)).await;
            items.factor_first().0.unwrap()
        };
        for item in items {
            taken.push(item.request_id);
            item.done().await;
        }
    }
    world.until_work_is(0).await;
    assert_eq!((taken.len(), taken.into_iter().collect::<BTreeSet<_>>()), (ITEMS, expected));
    world.end().await;
}

#[tokio::test]
async fn no_more_items_are_taken_at_once_than_are_asked_for() {
    let world = World::new().await;
    let mut work = world.bus.delivery_queue().await.unwrap();
    for _ in 0..5 {
        publish_delivery(&world.bus).await;
    }
    let mut taken = 0;
    while taken < 5 {
        let items = take(&mut work, 2).await;
        assert!(items.len() <= 2, "{} items", items.len());
        taken += items.len();
    }
    world.end().await;
}

#[tokio::test]
async fn a_message_that_names_no_request_is_removed_and_holds_up_no_other() {
    let world = World::new().await;
    let mut work = world.bus.delivery_queue().await.unwrap();
    let operator = world.operator().await;
    operator.publish(world.bus.subjects().work_delivery(), "nonsense".into()).await.unwrap().await.unwrap();
    let request = publish_delivery(&world.bus).await;
    let item = take_one(&mut work).await;
    assert_eq!(item.request_id, request);
    item.done().await;
    world.until_work_is(0).await;
    world.end().await;
}

#[tokio::test]
async fn work_of_one_kind_does_not_reach_the_queue_of_the_other() {
    let world = World::new().await;
    let bus = &world.bus;
    let (deliver, resolve) = (Uuid::now_v7(), Uuid::now_v7());
    for message in [bus.delivery_work(deliver, Uuid::now_v7(), None), bus.resolve_work(resolve, 1)] {
        bus.publish(vec![message]).await.remove(0).unwrap();
    }
    let (mut deliveries, mut resolutions) =
        (bus.delivery_queue().await.unwrap(), bus.resolve_queue().await.unwrap());
    assert_eq!(take_one(&mut resolutions).await.request_id, resolve);
    assert_eq!(take_one(&mut deliveries).await.request_id, deliver);
    world.end().await;
}

#[tokio::test]
async fn one_delivery_is_one_item_and_each_attempt_to_resolve_is_one() {
    let world = World::new().await;
    let bus = &world.bus;
    let (request, delivery) = (Uuid::now_v7(), Uuid::now_v7());
    let messages = vec![
        bus.delivery_work(request, delivery, None),
        bus.delivery_work(request, delivery, None),
        bus.resolve_work(request, 1),
        bus.resolve_work(request, 1),
        bus.resolve_work(request, 2),
    ];
    let sequences: Vec<u64> = bus.publish(messages).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((sequences, world.waiting_work().await), (vec![1, 1, 2, 2, 3], 3));
    world.end().await;
}

#[tokio::test]
async fn requests_in_which_a_task_was_assigned_are_found_by_their_events_even_by_earlier_ones() {
    let world = World::new().await;
    let [started, approved, escalated] = std::array::from_fn(|_| Uuid::now_v7());
    let events = [
        event_of("stage_started", started),
        event_of("request_approved", approved),
        event_of("stage_escalated", escalated),
    ];
    world.bus.publish_events(0, &events).await.unwrap();
    let mut work = world.bus.assignment_queue().await.unwrap();
    for request in [started, escalated] {
        let item = take_one(&mut work).await;
        assert_eq!(item.request_id, request);
        item.done().await;
    }
    // Acknowledged or not, the stream keeps its events.
    assert_eq!(world.bus.events_state().await.unwrap().messages, 3);
    world.end().await;
}
