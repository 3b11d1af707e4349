//! Streams and pulled pages have every event once, in order, whoever commits it.

use super::fixtures::{Node, World, approve, caller, world};
use crate::{Cut, Error, Follower, FollowerOptions, Start, Step, Told};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use store::feed::{FeedFilter, Place};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> FollowerOptions {
    FollowerOptions { stop: CancellationToken::new(), until: None, beat: PATIENCE }
}

async fn follow(node: &Node, filter: FeedFilter, start: Start) -> Follower {
    node.system.feed().follow(filter, start, options()).await.expect("follows")
}

async fn step(follower: &mut Follower) -> Step {
    timeout(PATIENCE, follower.next()).await.expect("something comes")
}

/// The next events; signs of life are passed over.
async fn told(follower: &mut Follower, many: usize) -> Vec<Arc<Told>> {
    let mut found = Vec::new();
    while found.len() < many {
        match step(follower).await {
            Step::Told(told) => found.push(told),
            Step::Quiet(_) => {}
            Step::Cut(why, _) => panic!("cut: {}", why.as_str()),
        }
    }
    found
}

/// Follows until it is at the head and waits there: what comes then comes by batch.
async fn live(node: &Node, filter: FeedFilter) -> Follower {
    let mut follower = follow(node, filter, Start::Now).await;
    assert!(matches!(step(&mut follower).await, Step::Quiet(_)), "it says where it begins");
    let waits = timeout(Duration::from_millis(200), follower.next()).await;
    assert!(waits.is_err(), "nothing has happened: {waits:?}");
    follower
}

async fn lifecycle(node: &Node, artifact: &str) -> Uuid {
    let created = node.create(artifact, None).await;
    node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
    created.request_id
}

async fn without_bus(world: &World) -> Node {
    world.node_with(|options| options.bus = None).await
}

fn events(told: &[Arc<Told>]) -> Vec<Value> {
    told.iter().map(|told| serde_json::from_str(&told.json).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_every_event_of_every_process_in_order_without_nats() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let (one, other) = (without_bus(&world).await, without_bus(&world).await);
    let before = lifecycle(&one, "CR-0").await;
    let mut followers = [
        live(&one, FeedFilter::default()).await,
        follow(&one, FeedFilter::default(), Start::Beginning).await,
        follow(&other, FeedFilter::default(), Start::Beginning).await,
    ];
    let lives = (1..=20).map(|n| lifecycle(if n % 2 == 0 { &one } else { &other }, "CR"));
    let made = futures::future::join_all(lives).await;
    let wanted = world.count("select count(*) from approval_event").await as usize;
    let from_now = wanted - world.db.list_events(before, 0).await.expect("exists").0.len();
    for (follower, many) in followers.iter_mut().zip([from_now, wanted, wanted]) {
        let found = told(follower, many).await;
        assert!(found.is_sorted_by_key(|told| told.position));
        let found = events(&found);
        for request in &made {
            let of: Vec<i64> = found
                .iter()
                .filter(|event| event["request_id"] == request.to_string())
                .filter_map(|event| event["sequence"].as_i64())
                .collect();
            assert!(!of.is_empty() && of.iter().copied().eq(1..=of.len() as i64), "{of:?}");
        }
        assert!(timeout(Duration::from_millis(100), follower.next()).await.is_err(), "nothing comes twice");
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_ones_own_work_has_the_requests_in_which_one_has_a_task() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let of = |person: &str| FeedFilter { assignee: Some(person.to_owned()), ..FeedFilter::default() };
    let (mut ann, mut bob) = (live(&node, of("ann")).await, live(&node, of("bob")).await);
    let request = lifecycle(&node, "CR-1").await;
    let wanted = world.db.list_events(request, 0).await.expect("exists").0.len();
    assert_eq!(told(&mut ann, wanted).await.len(), wanted);
    // Somebody who comes while the reader already follows for others.
    let mut late = follow(&node, of("ann"), Start::Beginning).await;
    lifecycle(&node, "CR-2").await;
    assert_eq!(told(&mut late, 2 * wanted).await.len(), 2 * wanted);
    assert!(timeout(Duration::from_millis(300), bob.next()).await.is_err(), "none of it is bob's");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_too_slow_is_cut_and_misses_nothing_by_going_on_from_where_it_was() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let request = node.create("CR-1", None).await.request_id;
    let (mut slow, mut quick) =
        (live(&node, FeedFilter::default()).await, live(&node, FeedFilter::default()).await);
    let many = 400_usize;
    world
        .execute(&format!(
            "insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             select gen_random_uuid(), '{request}', 100 + n, 'task_claimed', 'in_review', 'ann',
                jsonb_build_object('fill', repeat('x', 140000)), now() from generate_series(1, {many}) n"
        ))
        .await;
    assert_eq!(told(&mut quick, many).await.len(), many, "nobody waits for the slow one");
    let mut found = Vec::new();
    let place = loop {
        match step(&mut slow).await {
            Step::Told(told) => found.push(told.position),
            Step::Quiet(_) => {}
            Step::Cut(why, place) => {
                assert_eq!(why, Cut::Slow);
                break place;
            }
        }
    };
    let mut again = follow(&node, FeedFilter::default(), Start::After(place)).await;
    let rest = told(&mut again, many - found.len()).await;
    found.extend(rest.iter().map(|told| told.position));
    assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] < pair[1]));
    node.stop().await;
}

#[tokio::test]
async fn a_stream_ends_when_it_is_told_to_or_its_time_is_over_and_says_where_it_was() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    lifecycle(&node, "CR-1").await;
    let last = world.count("select max(position) from approval_event").await;
    let soon = Instant::now() + Duration::from_millis(300);
    for (until, why) in [(Some(soon), Cut::Expired), (None, Cut::Stopping)] {
        let given = FollowerOptions { until, ..options() };
        let stop = given.stop.clone();
        let followed = node.system.feed().follow(FeedFilter::default(), Start::Now, given).await;
        let mut follower = followed.expect("follows");
        assert_eq!(step(&mut follower).await, Step::Quiet(Place(last)));
        if until.is_none() {
            stop.cancel();
        }
        assert_eq!(step(&mut follower).await, Step::Cut(why, Place(last)));
    }
    node.stop().await;
}

#[tokio::test]
async fn a_place_that_is_gone_or_of_another_database_is_told_apart_from_one_that_waits() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    lifecycle(&node, "CR-1").await;
    let (feed, all) = (node.system.feed(), FeedFilter::default());
    let last = world.count("select max(position) from approval_event").await;
    let page = feed.page(&all, Start::After(Place(last)), 10).await.expect("waits");
    assert_eq!((page.events.len(), page.looked_to), (0, last));
    let foreign = feed.page(&all, Start::After(Place(last + 1)), 10).await;
    assert!(matches!(foreign, Err(Error::FeedUnreached)), "{foreign:?}");
    world.execute("update event_feed set beginning = 2").await;
    let gone = feed.page(&all, Start::After(Place(1)), 10).await;
    assert!(matches!(gone, Err(Error::FeedGone(Place(2)))), "{gone:?}");
    let gone = feed.follow(all.clone(), Start::After(Place(1)), options()).await.map(drop);
    assert!(matches!(gone, Err(Error::FeedGone(Place(2)))), "{gone:?}");
    let page = feed.page(&all, Start::Beginning, 10).await.expect("begins where nothing is missing");
    assert_eq!(page.events.first().map(|event| event.position), Some(3));
    node.stop().await;
}
