//! A server that is not there, or not any more.

use crate::cable::Cable;
use crate::fixtures::{World, event, places, soon, until, url};
use bus::{Bus, Error, Options};
use std::time::Duration;

/// A bus whose server refuses connections.
async fn without_server() -> Bus {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    drop(listener);
    let options = Options { ack_timeout: Duration::from_millis(200), ..Options::new(url) };
    soon("connecting returns", Bus::connect(options)).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_away_delays_the_start_of_nobody() {
    let bus = without_server().await;
    assert!(!bus.is_connected());
    assert!(matches!(bus.server_facts().await, Err(Error::NotConnected)));
    soon("a hint is given up", bus.hint()).await;
    soon("closing returns", bus.close()).await;
}

#[tokio::test]
async fn what_a_server_that_is_away_is_asked_ends_with_an_error() {
    let bus = without_server().await;
    let asked = async {
        assert!(bus.ensure_streams().await.is_err());
        assert!(bus.events_state().await.is_err());
        assert!(bus.publish_events(0, &[event(), event()]).await.is_err());
        assert!(bus.publish(vec![bus.event(&event())]).await.remove(0).is_err());
        assert!(bus.delivery_queue().await.is_err());
    };
    soon("everything is given up", asked).await;
}

#[tokio::test]
async fn an_address_that_is_none_is_an_error_at_once() {
    let connected = Bus::connect(Options::new("nats://[nonsense")).await;
    assert!(matches!(connected, Err(Error::Connect(_))), "{connected:?}");
}

#[tokio::test]
async fn a_connection_that_broke_is_made_again_and_counted() {
    let world = World::new().await;
    let cable = Cable::to(&url()).await;
    let bus = world.process_behind(&cable).await;
    assert_eq!(bus.connection(), 1);
    let events = [event(), event()];
    bus.publish_events(0, &events[..1]).await.unwrap();
    cable.cut();
    until("it is connected again", async || bus.connection() == 2 && bus.is_connected()).await;
    assert_eq!(bus.publish_events(1, &events[1..]).await.unwrap(), 2);
    assert_eq!(world.ids_from(1).await, places(1, &events));
    world.end().await;
}
