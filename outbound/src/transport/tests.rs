//! The guard at work: what matters is where connections go.

use super::*;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

/// Counts connections and answers each with the same bytes.
struct Listener {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Listener {
    async fn answering(answer: &'static str) -> Self {
        Self::start(answer, true).await
    }

    /// Resets each connection after its answer.
    async fn answering_once(answer: &'static str) -> Self {
        Self::start(answer, false).await
    }

    async fn start(answer: &'static str, hold: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let connections = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if hold {
                    held.push(stream);
                }
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

fn post(url: String) -> Post {
    Post { url, headers: Vec::new(), body: b"{}".to_vec() }
}

fn loopback() -> Egress {
    Egress { allow_loopback: true, allow_cidrs: Vec::new() }
}

/// A resolver that gives these answers one after the other, and the last one for ever.
fn answers(answers: Vec<Vec<IpAddr>>) -> Lookup {
    let left = Arc::new(Mutex::new(answers));
    Arc::new(move |_| {
        let mut left = left.lock().expect("no panic");
        let next = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
        let found = next.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
        Box::pin(async move { Ok(found) })
    })
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[tokio::test]
async fn a_name_that_leads_to_loopback_is_refused_before_anything_is_connected() {
    let inside = Listener::answering(OK).await;
    let transport = Transport::new(Egress::default(), PATIENCE).expect("TLS");
    for host in ["localhost", "LOCALHOST"] {
        let sent = transport.post(post(format!("http://{host}:{}/", inside.address.port()))).await;
        assert!(matches!(sent, Err(Failure::Refused(_))), "{host}: {sent:?}");
    }
    // Not every system resolves the name with its last dot: that is a failure too.
    let sent = transport.post(post(format!("http://localhost.:{}/", inside.address.port()))).await;
    assert!(sent.is_err(), "{sent:?}");
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_name_rebound_to_loopback_after_it_was_checked_is_refused_when_connecting() {
    let inside = Listener::answering(OK).await;
    let lookup = answers(vec![vec![ip("8.8.8.8")], vec![ip("127.0.0.1")]]);
    // The check before: the first answer is harmless.
    let first = lookup("rebound.example".to_owned()).await.expect("resolves");
    assert!(first.iter().all(|address| Egress::default().allows(address.ip())));
    let transport = Transport::with_lookup(Egress::default(), PATIENCE, lookup).expect("TLS");
    let sent = transport.post(post(format!("http://rebound.example:{}/", inside.address.port()))).await;
    assert_eq!(
        sent.expect_err("refused"),
        Failure::Refused("rebound.example resolves to no allowed address".to_owned())
    );
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_allowed_ones_are_connected_to() {
    let inside = Listener::answering(OK).await;
    let lookup =
        answers(vec![vec![ip("10.0.0.1"), ip("169.254.169.254"), ip("::ffff:10.0.0.1"), ip("127.0.0.1")]]);
    let transport = Transport::with_lookup(loopback(), PATIENCE, lookup).expect("TLS");
    let sent = transport.post(post(format!("http://mixed.example:{}/", inside.address.port()))).await;
    assert_eq!(sent.expect("the allowed one answers").status, 200);
    assert_eq!(inside.connections(), 1);
}

#[tokio::test]
async fn a_network_that_is_listed_is_reached_by_name() {
    let inside = Listener::answering(OK).await;
    let lookup = answers(vec![vec![ip("127.0.0.1")]]);
    let listed =
        Egress { allow_loopback: false, allow_cidrs: vec!["127.0.0.0/8".parse().expect("a network")] };
    let transport = Transport::with_lookup(listed, PATIENCE, lookup).expect("TLS");
    let sent = transport.post(post(format!("http://inside.example:{}/", inside.address.port()))).await;
    assert_eq!(sent.expect("answers").excerpt, "ok");
}

#[tokio::test]
async fn an_answer_whose_head_has_come_counts_whatever_becomes_of_its_body() {
    for (rest, excerpt) in [
        ("content-length: 100\r\nconnection: close\r\n\r\ncut off", "cut off"),
        ("content-length: 5\r\n\r\n", ""),
        ("transfer-encoding: chunked\r\n\r\n3\r\nyes\r\nnonsense\r\n", "yes"),
        ("transfer-encoding: chunked\r\n\r\nzzz\r\n", ""),
        ("transfer-encoding: chunked\r\n\r\n3\r\nyes\r\n", "yes"),
    ] {
        for status in [200, 201, 404, 429, 503] {
            let answer = format!("HTTP/1.1 {status} So\r\n{rest}");
            let broken = Listener::answering_once(String::leak(answer)).await;
            let transport = Transport::new(loopback(), PATIENCE).expect("TLS");
            let answer = transport.post(post(format!("http://{}/", broken.address))).await;
            let answer = answer.unwrap_or_else(|failure| panic!("{status} {rest:?}: {failure}"));
            assert_eq!((answer.status, answer.excerpt.as_str()), (status, excerpt), "{rest:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_waited_for_no_longer_than_a_moment() {
    let begun = std::time::Instant::now();
    let stalling = Listener::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nstalls").await;
    let transport = Transport::new(loopback(), Duration::from_secs(60)).expect("TLS");
    let answer = transport.post(post(format!("http://{}/", stalling.address))).await.expect("answers");
    assert_eq!((answer.status, answer.excerpt.as_str()), (200, "stalls"));
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn what_failed_is_told_without_the_query_of_the_url() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("has an address");
    let transport = Transport::new(loopback(), PATIENCE).expect("TLS");
    let failure = transport.post(post(format!("http://{nobody}/?token=s3cret"))).await.unwrap_err();
    let Failure::Connection(why) = &failure else { panic!("{failure:?}") };
    assert!(why.contains("refused") && !why.contains("s3cret") && !why.contains("token"), "{why}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Listener::answering(OK).await;
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        target.address
    );
    let redirecting = Listener::answering(String::leak(location)).await;
    let transport = Transport::new(loopback(), PATIENCE).expect("TLS");
    let answer = transport.post(post(format!("http://{}/", redirecting.address))).await.expect("answers");
    assert_eq!(answer.status, 307);
    assert!(!answer.is_success());
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn of_a_long_answer_only_the_first_kibibyte_is_kept() {
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let talkative = Listener::answering(String::leak(long)).await;
    let transport = Transport::new(loopback(), PATIENCE).expect("TLS");
    let answer = transport.post(post(format!("http://{}/", talkative.address))).await.expect("answers");
    assert_eq!(answer.excerpt.len(), 1024);
}
