//! Sends the webhooks of a case.

use super::answers::{Answers, gathered};
use super::cases::Play;
use anyhow::Context as _;
use outbound::{Call, Client, Method};
use schemas::event::WebhookEvent;
use schemas::webhook::{headers, show_secret};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;
use uuid::Uuid;

/// As long as AWE waits by default.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MOST_ANSWER: usize = 64 * 1024;
/// Seconds by which a timestamp is off: receivers tolerate five minutes.
const OFF: i64 = 600;
/// Bytes of the large body.
const LARGE: usize = 64 * 1024;
/// Pieces of the slow body, and the pause between them.
const PIECES: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// A receiver, and the secret that it verifies with.
pub(super) struct Receiver {
    client: Client,
    url: Url,
    secret: String,
}

/// One webhook as it goes over the wire.
struct Webhook {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Receiver {
    pub(super) fn new(url: &str, secret: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).with_context(|| format!("{url} is no URL"))?;
        Ok(Self { client: Client::trusted()?, url, secret: secret.trim().to_owned() })
    }

    pub(super) async fn play(&self, play: Play) -> Answers {
        let began = Instant::now();
        let mut answers = self.played(play).await;
        answers.took = began.elapsed();
        answers
    }

    async fn played(&self, play: Play) -> Answers {
        let request = Uuid::now_v7();
        match play {
            Play::Twice => {
                let webhook = self.signed(&event(request, 1));
                self.one_after_the_other([&webhook, &webhook]).await
            }
            Play::OutOfOrder => {
                let (later, earlier) = (self.signed(&event(request, 3)), self.signed(&event(request, 2)));
                self.one_after_the_other([&later, &earlier]).await
            }
            Play::AtOnce => {
                let webhook = self.signed(&event(request, 1));
                let (one, other) = tokio::join!(self.send(&webhook), self.send(&webhook));
                gathered([one, other])
            }
            Play::Slow if self.url.scheme() != "http" => Answers { untried: true, ..Answers::default() },
            Play::Slow => gathered([self.send_slowly(&self.signed(&event(request, 1))).await]),
            _ => gathered([self.send(&self.single(play, request)).await]),
        }
    }

    /// The one webhook of a case.
    fn single(&self, play: Play, request: Uuid) -> Webhook {
        let (now, other) = (OffsetDateTime::now_utc().unix_timestamp(), show_secret(&[7; 32]));
        let told = event(request, 1);
        let own = self.secret.as_str();
        let id = told["event_id"].as_str().unwrap_or_default().to_owned();
        let webhook = |secrets: &[&str], timestamp, body| Webhook::new(&id, secrets, timestamp, body);
        match play {
            Play::Stale => webhook(&[own], now - OFF, body(&told)),
            Play::Future => webhook(&[own], now + OFF, body(&told)),
            Play::WrongSecret => webhook(&[&other], now, body(&told)),
            Play::Unsigned => webhook(&[], now, body(&told)),
            Play::Rotated => webhook(&[own, &other], now, body(&told)),
            Play::RotatedAway => webhook(&[&other, own], now, body(&told)),
            Play::ChangedBody => {
                let mut changed = webhook(&[own], now, body(&told));
                changed.body = body(&json!({"status": "approved", "changed": true}));
                changed
            }
            Play::UnknownType => {
                webhook(&[own], now, body(&with(&told, "event_type", json!("request_pondered"))))
            }
            Play::UnknownField => {
                webhook(&[own], now, body(&with(&told, "mood", json!({"of": ["the", "day"]}))))
            }
            Play::Large => {
                let filler = json!({"context": {"filler": "x".repeat(LARGE)}});
                webhook(&[own], now, body(&with(&told, "payload", filler)))
            }
            Play::NotJson => webhook(&[own], now, b"{\"event_id\": \"half an ev".to_vec()),
            _ => webhook(&[own], now, body(&told)),
        }
    }

    fn signed(&self, event: &Value) -> Webhook {
        let id = event["event_id"].as_str().unwrap_or_default();
        Webhook::new(id, &[&self.secret], OffsetDateTime::now_utc().unix_timestamp(), body(event))
    }

    async fn one_after_the_other(&self, webhooks: [&Webhook; 2]) -> Answers {
        let first = self.send(webhooks[0]).await;
        let second = self.send(webhooks[1]).await;
        gathered([first, second])
    }

    async fn send(&self, webhook: &Webhook) -> Result<u16, String> {
        let mut call = Call::new(Method::Post, self.url.as_str(), TIMEOUT, MOST_ANSWER)
            .body("application/json", webhook.body.clone());
        for (name, value) in &webhook.headers {
            call = call.header(name, value).map_err(|error| error.to_string())?;
        }
        let sent = self.client.send(call).await;
        sent.map(|reply| reply.status).map_err(|error| outbound::error_chain(&error))
    }

    /// Sends the body in pieces with pauses, which no HTTP client does of itself.
    async fn send_slowly(&self, webhook: &Webhook) -> Result<u16, String> {
        let slow = async {
            let host = self.url.host_str().unwrap_or_default();
            let port = self.url.port_or_known_default().unwrap_or(80);
            let mut stream = TcpStream::connect((host, port)).await?;
            stream.write_all(self.head(webhook, host, port).as_bytes()).await?;
            for piece in webhook.body.chunks(webhook.body.len().div_ceil(PIECES).max(1)) {
                tokio::time::sleep(PAUSE).await;
                stream.write_all(piece).await?;
            }
            // `HTTP/1.1 204`: as many bytes as the status needs.
            let mut line = [0; 12];
            stream.read_exact(&mut line).await?;
            std::io::Result::Ok(line)
        };
        let line = tokio::time::timeout(TIMEOUT, slow).await.map_err(|_| "no answer in 10 s".to_owned())?;
        let line = line.map_err(|error| error.to_string())?;
        let status = line.last_chunk::<3>().and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        status.ok_or_else(|| "no answer in HTTP".to_owned())
    }

    fn head(&self, webhook: &Webhook, host: &str, port: u16) -> String {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut head = format!("POST {}{query} HTTP/1.1\r\nhost: {host}:{port}\r\n", self.url.path());
        head.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            webhook.body.len()
        ));
        for (name, value) in &webhook.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + "connection: close\r\n\r\n"
    }
}

impl Webhook {
    fn new(event_id: &str, secrets: &[&str], timestamp: i64, body: Vec<u8>) -> Self {
        Self { headers: headers(secrets, event_id, timestamp, &body), body }
    }
}

fn body(event: &Value) -> Vec<u8> {
    event.to_string().into_bytes()
}

fn with(event: &Value, field: &str, value: Value) -> Value {
    let mut event = event.clone();
    event[field] = value;
    event
}

/// An event of a request that does not exist.
fn event(request: Uuid, sequence: i64) -> Value {
    let event = WebhookEvent {
        event_type: "request_created".to_owned(),
        request_id: request,
        sequence,
        artifact_type: "conformance".to_owned(),
        artifact_id: format!("conform-{request}"),
        policy_key: "conformance".to_owned(),
        policy_version: 1,
        status: "in_review".to_owned(),
        ..schemas::event::ping(Uuid::now_v7(), Uuid::nil(), "awe-conform", OffsetDateTime::now_utc())
    };
    serde_json::to_value(event).unwrap_or_default()
}
