//! Endpoints of axum, over sockets.

use crate::{SECRET, signed};
use awe_client::axum::{Signed, webhook};
use awe_client::{AnyEvent, MOST_BYTES, Receiver};
use axum::Router;
use axum::routing::post;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn deliver(url: &str, body: Vec<u8>, headers: Vec<(&'static str, String)>) -> (u16, String) {
    let mut request = reqwest::Client::new().post(url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_route_hands_each_event_on_once_and_fails_with_its_handler() {
    static HANDLED: AtomicUsize = AtomicUsize::new(0);
    async fn handler(_event: AnyEvent) -> Result<(), &'static str> {
        let before = HANDLED.fetch_add(1, Ordering::SeqCst);
        if before == 0 { Err("on purpose") } else { Ok(()) }
    }
    let url = serve(Router::new().route("/hooks", webhook(Receiver::new([SECRET]), handler))).await;
    let (body, headers) = signed("e-1");
    assert_eq!(deliver(&url, body.clone(), headers.clone()).await.0, 500);
    for text in ["ok", "seen before"] {
        assert_eq!(deliver(&url, body.clone(), headers.clone()).await, (200, text.to_owned()));
    }
    assert_eq!(HANDLED.load(Ordering::SeqCst), 2);
    assert_eq!(deliver(&url, b"{}".to_vec(), headers).await, (401, "no_match".to_owned()));
    assert_eq!(deliver(&url, body, Vec::new()).await, (400, "missing_header".to_owned()));
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_not_read() {
    let url = serve(
        Router::new()
            .route("/hooks", webhook(Receiver::new([SECRET]), |_| async { Ok::<(), Infallible>(()) })),
    )
    .await;
    let sent = reqwest::Client::new().post(&url).body(vec![b' '; MOST_BYTES + 1]).send().await;
    // The connection may be closed while the rest is still on its way.
    assert!(sent.map_or(true, |answer| answer.status().as_u16() == 413));
}

#[tokio::test]
async fn a_handler_goes_on_when_the_connection_is_closed() {
    let (begun, go_on, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go_on, ended) = (begun.clone(), go_on.clone(), ended.clone());
        move |_event: AnyEvent| {
            let (begun, go_on, ended) = (begun.clone(), go_on.clone(), ended.clone());
            async move {
                begun.notify_one();
                go_on.notified().await;
                ended.notify_one();
                Ok::<(), Infallible>(())
            }
        }
    };
    let url = serve(Router::new().route("/hooks", webhook(Receiver::new([SECRET]), handler))).await;
    let (body, headers) = signed("e-1");
    let delivery = tokio::spawn(async move { deliver(&url, body, headers).await });
    begun.notified().await;
    delivery.abort();
    assert!(delivery.await.unwrap_err().is_cancelled());
    go_on.notify_one();
    tokio::time::timeout(Duration::from_secs(10), ended.notified()).await.expect("the handler goes on");
}

#[tokio::test]
async fn the_extractor_lets_in_what_is_signed() {
    async fn hook(Signed(event): Signed) -> String {
        event.event_id().to_owned()
    }
    let app = Router::new().route("/hooks", post(hook)).with_state(Arc::new(Receiver::new([SECRET])));
    let url = serve(app).await;
    let (body, headers) = signed("e-7");
    assert_eq!(deliver(&url, body.clone(), headers.clone()).await, (200, "e-7".to_owned()));
    assert_eq!(deliver(&url, [body, b"\n".to_vec()].concat(), headers).await.0, 401);
}
