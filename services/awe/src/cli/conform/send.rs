//! Sends the webhooks of a case.

use super::answers::{Answers, gathered};
use super::cases::{Case, How, Send, Signer};
use anyhow::Context as _;
use futures::future::join_all;
use outbound::{Call, Client, Method};
use schemas::event::WebhookEvent;
use schemas::webhook::headers;
use serde_json::{Value, json};
use std::collections::HashMap;
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
/// Pieces of the slow body, and the pause between them.
const PIECES: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// A receiver, the secret that it verifies with, and one that it does not know.
pub(super) struct Receiver {
    client: Client,
    url: Url,
    secret: String,
    other: String,
}

/// One webhook as it goes over the wire.
struct Webhook {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Receiver {
    pub(super) fn new(url: &str, secret: &str, other: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).with_context(|| format!("{url} is no URL"))?;
        Ok(Self {
            client: Client::trusted()?,
            url,
            secret: secret.trim().to_owned(),
            other: other.to_owned(),
        })
    }

    pub(super) async fn play(&self, case: &Case) -> Answers {
        let began = Instant::now();
        let mut answers = self.played(case).await;
        answers.took = began.elapsed();
        answers
    }

    async fn played(&self, case: &Case) -> Answers {
        let request = Uuid::now_v7();
        let mut events: HashMap<&str, Uuid> = HashMap::new();
        let mut webhooks = Vec::with_capacity(case.sends.len());
        for send in &case.sends {
            let id = *events.entry(&send.event).or_insert_with(Uuid::now_v7);
            webhooks.push(self.webhook(send, event(request, id, send.sequence)));
        }
        match case.how {
            How::Slowly if self.url.scheme() != "http" => Answers { untried: true, ..Answers::default() },
            How::Slowly => gathered(join_all(webhooks.iter().map(|one| self.send_slowly(one))).await),
            How::AtOnce => gathered(join_all(webhooks.iter().map(|one| self.send(one))).await),
            How::OneAfterTheOther => {
                let mut answers = Vec::with_capacity(webhooks.len());
                for one in &webhooks {
                    answers.push(self.send(one).await);
                }
                gathered(answers)
            }
        }
    }

    fn webhook(&self, send: &Send, mut told: Value) -> Webhook {
        for (name, value) in &send.fields {
            told[name] = value.clone();
        }
        if send.filler > 0 {
            told["payload"] = json!({"context": {"filler": "x".repeat(send.filler)}});
        }
        let id = told["event_id"].as_str().unwrap_or_default().to_owned();
        let mut body = send.raw.clone().unwrap_or_else(|| told.to_string()).into_bytes();
        let secrets: Vec<&str> = send
            .signed_by
            .iter()
            .map(|signer| match signer {
                Signer::Own => self.secret.as_str(),
                Signer::Other => self.other.as_str(),
            })
            .collect();
        let at = OffsetDateTime::now_utc().unix_timestamp() + send.offset;
        let headers = headers(&secrets, &id, at, &body);
        if let Some(sent) = &send.sent {
            body = sent.clone().into_bytes();
        }
        Webhook { headers, body }
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

/// An event of a request that does not exist.
fn event(request: Uuid, id: Uuid, sequence: i64) -> Value {
    let event = WebhookEvent {
        event_type: "request_created".to_owned(),
        request_id: request,
        sequence,
        artifact_type: "conformance".to_owned(),
        artifact_id: format!("conform-{request}"),
        policy_key: "conformance".to_owned(),
        policy_version: 1,
        status: "in_review".to_owned(),
        ..schemas::event::ping(id, Uuid::nil(), "awe-conform", OffsetDateTime::now_utc())
    };
    serde_json::to_value(event).unwrap_or_default()
}
