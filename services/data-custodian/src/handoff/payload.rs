//! What hand-off tokens say.

use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The version of tokens that is written and read.
pub const VERSION: i64 = 1;

/// From the authorization server to us: a customer who is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// [`VERSION`].
    pub v: i64,
    /// The correlation id, which our answer repeats.
    pub cid: String,
    /// When it was written. It is never checked.
    pub iat: OffsetDateTime,
    /// The last moment at which it is accepted.
    pub exp: OffsetDateTime,
    /// Used once.
    pub nonce: String,
    /// Who asks for the data.
    pub client_id: String,
    /// What is asked for.
    pub scope: String,
    /// Where the browser goes afterwards.
    pub return_url: String,
}

/// What the customer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// From us to the authorization server: what the customer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// [`VERSION`].
    pub v: i64,
    /// The correlation id of the outbound token.
    pub cid: String,
    /// When it was written.
    pub iat: OffsetDateTime,
    /// The last moment at which it is accepted.
    pub exp: OffsetDateTime,
    /// Used once; another than the outbound's.
    pub nonce: String,
    /// The customer.
    pub sub: String,
    /// Usage points that were selected.
    pub up: Vec<Uuid>,
    /// Where data about the customer is, if it was granted.
    pub cust_uri: Option<String>,
    /// Yes or no.
    pub consent: Consent,
}

/// Any token as it was received. Everything may be missing, so that version, direction and age are judged before the rest.
#[derive(Debug, Deserialize)]
pub(super) struct Wire {
    pub(super) v: Option<i64>,
    pub(super) dir: Option<String>,
    cid: Option<String>,
    iat: Option<Instant>,
    pub(super) exp: Option<Instant>,
    nonce: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    return_url: Option<String>,
    sub: Option<String>,
    up: Option<Vec<String>>,
    cust_uri: Option<String>,
    consent: Option<Consent>,
}

/// RFC 3339 text; whole seconds since 1970 are read too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant(pub(super) OffsetDateTime);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Seconds(i64),
        }
        let read = match Form::deserialize(deserializer)? {
            Form::Text(text) => OffsetDateTime::parse(&text, &Rfc3339).ok(),
            Form::Seconds(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok(),
        };
        read.map(Self).ok_or_else(|| serde::de::Error::custom("no moment"))
    }
}

/// One direction of tokens.
pub(super) trait Payload: Sized {
    const DIRECTION: &'static str;

    fn version(&self) -> i64;

    /// The members in the order of the contract.
    fn to_json(&self) -> String;

    /// The payload, or nothing when a member is missing.
    fn from_wire(wire: Wire, exp: OffsetDateTime) -> Option<Self>;
}

fn text(moment: OffsetDateTime) -> String {
    // Only years beyond 9999 cannot be written; such a token is refused by whoever reads it.
    moment.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}

/// JSON of what has no key that is no text: that cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and lists can be written")
}

impl Payload for Outbound {
    const DIRECTION: &'static str = "outbound";

    fn version(&self) -> i64 {
        self.v
    }

    fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Members<'a> {
            v: i64,
            dir: &'a str,
            cid: &'a str,
            iat: String,
            exp: String,
            nonce: &'a str,
            client_id: &'a str,
            scope: &'a str,
            return_url: &'a str,
        }
        json(&Members {
            v: self.v,
            dir: Self::DIRECTION,
            cid: &self.cid,
            iat: text(self.iat),
            exp: text(self.exp),
            nonce: &self.nonce,
            client_id: &self.client_id,
            scope: &self.scope,
            return_url: &self.return_url,
        })
    }

    fn from_wire(wire: Wire, exp: OffsetDateTime) -> Option<Self> {
        Some(Self {
            v: wire.v?,
            cid: wire.cid?,
            iat: wire.iat?.0,
            exp,
            // A blank nonce is refused by the store of nonces, as it is for whoever sends none.
            nonce: wire.nonce.unwrap_or_default(),
            client_id: wire.client_id?,
            scope: wire.scope?,
            return_url: wire.return_url?,
        })
    }
}

impl Payload for Return {
    const DIRECTION: &'static str = "return";

    fn version(&self) -> i64 {
        self.v
    }

    fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Members<'a> {
            v: i64,
            dir: &'a str,
            cid: &'a str,
            iat: String,
            exp: String,
            nonce: &'a str,
            sub: &'a str,
            up: &'a [Uuid],
            #[serde(skip_serializing_if = "Option::is_none")]
            cust_uri: Option<&'a str>,
            consent: Consent,
        }
        json(&Members {
            v: self.v,
            dir: Self::DIRECTION,
            cid: &self.cid,
            iat: text(self.iat),
            exp: text(self.exp),
            nonce: &self.nonce,
            sub: &self.sub,
            up: &self.up,
            cust_uri: self.cust_uri.as_deref(),
            consent: self.consent,
        })
    }

    fn from_wire(wire: Wire, exp: OffsetDateTime) -> Option<Self> {
        let up = wire.up?.iter().map(|id| Uuid::parse_str(id).ok()).collect::<Option<Vec<_>>>()?;
        Some(Self {
            v: wire.v?,
            cid: wire.cid?,
            iat: wire.iat?.0,
            exp,
            nonce: wire.nonce.unwrap_or_default(),
            sub: wire.sub?,
            up,
            cust_uri: wire.cust_uri,
            consent: wire.consent?,
        })
    }
}
