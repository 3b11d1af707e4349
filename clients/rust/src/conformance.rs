//! Tries a receiver of webhooks with what AWE sends, and with what only somebody else would send: feature `conformance`.
//!
//! In a test of your service, while it listens: `conform("http://127.0.0.1:8080/hooks", secret).await?.check()`. It plays
//! what `awe conform` plays, some twenty webhooks about requests that do not exist.

use crate::error::Error;
use crate::webhook::sign_for_test;
use futures_util::future::try_join_all;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

const KIT: &str = include_str!("generated/conformance.json");
/// As long as AWE waits by default.
const TIMEOUT: Duration = Duration::from_secs(10);
const PIECES: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);
const SIGNATURES: [&str; 2] = ["x-approval-signature", "webhook-signature"];

#[derive(Deserialize)]
struct Kit {
    other_secret: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    must: bool,
    expected: Expected,
    why: String,
    how: How,
    sends: Vec<Sent>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum How {
    OneAfterTheOther,
    AtOnce,
    Slowly,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Taken,
    Refused,
    TakenOnce,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Signer {
    Own,
    Other,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Sent {
    event: String,
    sequence: Option<i64>,
    offset: i64,
    signed_by: Option<Vec<Signer>>,
    fields: Map<String, Value>,
    filler: usize,
    raw: Option<String>,
    sent: Option<String>,
}

/// What a receiver makes of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It does what it must or should.
    Good,
    /// It does not do what it must: webhooks are lost, doubled or forged.
    Must,
    /// It could do better.
    Should,
    /// No answer came.
    Unreached,
}

/// A case that was played.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judged {
    /// What was played.
    pub name: String,
    /// What the receiver made of it.
    pub verdict: Verdict,
    /// What it answered.
    pub did: String,
    /// What it should answer.
    pub expected: &'static str,
    /// Why.
    pub why: String,
    /// Whether it has to.
    pub must: bool,
}

impl Judged {
    /// Whether the receiver fails by it.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.verdict == Verdict::Must || (self.must && self.verdict == Verdict::Unreached)
    }
}

/// What came of all cases, in the order in which they were played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conformance(pub Vec<Judged>);

impl Conformance {
    /// # Panics
    /// When the receiver does not do what it must; the message tells of each case.
    pub fn check(&self) {
        assert!(!self.0.iter().any(Judged::fails), "the receiver does not do what it must\n{self}");
    }
}

impl fmt::Display for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.0 {
            let verdict = format!("{:?}", one.verdict).to_lowercase();
            writeln!(f, "{verdict:<10} {:<42} {}", one.name, one.did)?;
            if one.verdict != Verdict::Good {
                writeln!(f, "{:<10} expected {}. {}", "", one.expected, one.why)?;
            }
        }
        Ok(())
    }
}

/// Plays every case at a URL. `secret`: what the receiver verifies with, as it was shown. Each webhook has 10 s.
///
/// # Errors
/// [`Error`] of kind `InvalidArgument` when the URL or the secret is none.
pub async fn conform(url: &str, secret: &str) -> Result<Conformance, Error> {
    let wrong = |cause| Error::invalid("what should be played cannot be read").because(cause);
    let kit: Kit = serde_json::from_str(KIT).map_err(|cause: serde_json::Error| wrong(cause))?;
    let url = reqwest::Url::parse(url).map_err(|cause| Error::invalid("the URL is none").because(cause))?;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(|cause| Error::invalid("there can be no HTTP client").because(cause))?;
    let player = Player { http, url, secret: secret.to_owned(), other: kit.other_secret };
    let mut judged = Vec::with_capacity(kit.cases.len());
    for case in kit.cases {
        judged.push(player.play(case).await?);
    }
    Ok(Conformance(judged))
}

struct Player {
    http: reqwest::Client,
    url: reqwest::Url,
    secret: String,
    other: String,
}

struct Webhook {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Player {
    async fn play(&self, case: Case) -> Result<Judged, Error> {
        let (began, request) = (Instant::now(), Uuid::new_v4());
        let mut events: HashMap<&str, Uuid> = HashMap::new();
        let mut webhooks = Vec::with_capacity(case.sends.len());
        for sent in &case.sends {
            let id = *events.entry(&sent.event).or_insert_with(Uuid::new_v4);
            webhooks.push(self.webhook(sent, event(request, id, sent.sequence.unwrap_or(1)))?);
        }
        let answers = match case.how {
            How::AtOnce => try_join_all(webhooks.iter().map(|one| self.send(one, false))).await,
            how => self.one_after_the_other(&webhooks, how == How::Slowly).await,
        };
        let (verdict, did) = match answers {
            Err(failure) => (Verdict::Unreached, format!("no answer: {}", failure.without_url())),
            Ok(statuses) => {
                let told: Vec<String> = statuses.iter().map(u16::to_string).collect();
                let verdict = match (case.expected.fits(&statuses), case.must) {
                    (true, _) => Verdict::Good,
                    (false, true) => Verdict::Must,
                    (false, false) => Verdict::Should,
                };
                (verdict, format!("{} in {} ms", told.join(", "), began.elapsed().as_millis()))
            }
        };
        let Case { name, why, must, expected, .. } = case;
        Ok(Judged { name, verdict, did, expected: expected.words(), why, must })
    }

    fn webhook(&self, sent: &Sent, mut told: Map<String, Value>) -> Result<Webhook, Error> {
        told.extend(sent.fields.clone());
        if sent.filler > 0 {
            told.insert("payload".to_owned(), json!({"context": {"filler": "x".repeat(sent.filler)}}));
        }
        let id = told["event_id"].as_str().unwrap_or_default().to_owned();
        let mut body = sent.raw.clone().unwrap_or_else(|| Value::Object(told).to_string()).into_bytes();
        let signers = sent.signed_by.as_deref().unwrap_or(&[Signer::Own]);
        let mut secrets: Vec<&str> = signers.iter().map(|signer| self.secret_of(*signer)).collect();
        if signers.is_empty() {
            secrets.push(&self.secret);
        }
        let off = Duration::from_secs(sent.offset.unsigned_abs());
        let at = if sent.offset < 0 { SystemTime::now() - off } else { SystemTime::now() + off };
        let signed = sign_for_test(&body, &secrets, &id, at);
        let mut headers = signed.map_err(|cause| Error::invalid("the secret is none").because(cause))?;
        headers.retain(|(name, _)| !signers.is_empty() || !SIGNATURES.contains(name));
        if let Some(other) = &sent.sent {
            body = other.clone().into_bytes();
        }
        Ok(Webhook { headers, body })
    }

    fn secret_of(&self, signer: Signer) -> &str {
        match signer {
            Signer::Own => &self.secret,
            Signer::Other => &self.other,
        }
    }

    async fn one_after_the_other(
        &self,
        webhooks: &[Webhook],
        slowly: bool,
    ) -> Result<Vec<u16>, reqwest::Error> {
        let mut answers = Vec::with_capacity(webhooks.len());
        for one in webhooks {
            answers.push(self.send(one, slowly).await?);
        }
        Ok(answers)
    }

    async fn send(&self, webhook: &Webhook, slowly: bool) -> Result<u16, reqwest::Error> {
        let mut call = self.http.post(self.url.clone());
        for (name, value) in &webhook.headers {
            call = call.header(*name, value);
        }
        let body = webhook.body.clone();
        let call = if slowly { call.body(in_pieces(body)) } else { call.body(body) };
        Ok(call.send().await?.status().as_u16())
    }
}

fn in_pieces(body: Vec<u8>) -> reqwest::Body {
    let size = body.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Vec<u8>> = body.chunks(size).map(<[u8]>::to_vec).collect();
    reqwest::Body::wrap_stream(stream::unfold(pieces.into_iter(), |mut left| async {
        let piece = left.next()?;
        tokio::time::sleep(PAUSE).await;
        Some((Ok::<_, Infallible>(piece), left))
    }))
}

impl Expected {
    const fn words(self) -> &'static str {
        match self {
            Self::Taken => "2xx",
            Self::Refused => "4xx",
            Self::TakenOnce => "2xx; of two, one may be 409, 429 or 503",
        }
    }

    fn fits(self, statuses: &[u16]) -> bool {
        let taken = |status: &u16| (200..300).contains(status);
        match self {
            Self::Taken => statuses.iter().all(taken),
            Self::Refused => statuses.iter().all(|status| (400..500).contains(status)),
            Self::TakenOnce => {
                let good = |status: &u16| taken(status) || matches!(status, 409 | 429 | 503);
                statuses.iter().any(taken) && statuses.iter().all(good)
            }
        }
    }
}

/// An event of a request that does not exist.
fn event(request: Uuid, id: Uuid, sequence: i64) -> Map<String, Value> {
    let facts = json!({
        "event_id": id.to_string(), "event_type": "request_created", "request_id": request.to_string(), "sequence": sequence,
        "artifact_type": "conformance", "artifact_id": format!("conform-{request}"),
        "policy_key": "conformance", "policy_version": 1, "status": "in_review",
        "occurred_at": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        "stage_order": null, "actor": "awe-conform", "payload": {},
    });
    facts.as_object().cloned().unwrap_or_default()
}
