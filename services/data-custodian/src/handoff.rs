//! The signed hand-off: a token that carries state between the authorization server and us in a URL, and shows whether
//! somebody changed it. `token = P "." M`, where P is base64url of JSON and M base64url of HMAC-SHA256 over the *text* P.
//!
//! Pure: the clock is an argument. A token may be used once only, but that is for the receiver to see to
//! ([`crate::nonces`]), after it was decoded.

mod payload;

pub use payload::{Consent, Outbound, Return, VERSION};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use payload::{Payload, Wire};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use time::OffsetDateTime;

/// Characters (Unicode scalar values) that a key has at least.
pub const SHORTEST_KEY: usize = 32;

/// The key is shorter than [`SHORTEST_KEY`]: a fault of the configuration, not of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of hand-off tokens has fewer than {SHORTEST_KEY} characters")]
pub struct KeyTooShort;

/// The payload names another version than this codec writes: a fault of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("version {0} of hand-off tokens cannot be written")]
pub struct WrongVersion(pub i64);

/// Why a token is refused. For the audit log alone: whoever sent it is told the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is none.
    #[error("no token")]
    Missing,
    /// Not two parts with a dot between.
    #[error("no dot, or nothing after it")]
    NoDot,
    /// The MAC is not strict base64url.
    #[error("the MAC is not base64url")]
    MacUnreadable,
    /// Another key, or another payload.
    #[error("the MAC is another")]
    MacWrong,
    /// The payload is not base64url of such JSON.
    #[error("the payload cannot be read")]
    PayloadUnreadable,
    /// `v` is missing or not 1.
    #[error("another version")]
    Version,
    /// The token goes the other way.
    #[error("another direction")]
    Direction,
    /// `exp` is missing or over.
    #[error("expired")]
    Expired,
}

/// Writes and reads tokens with one key.
#[derive(Clone)]
pub struct Codec {
    key: SecretString,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codec")
    }
}

impl Codec {
    /// A codec; the UTF-8 bytes of `key` are the key.
    ///
    /// # Errors
    /// [`KeyTooShort`].
    pub fn new(key: &str) -> Result<Self, KeyTooShort> {
        if key.chars().count() < SHORTEST_KEY {
            return Err(KeyTooShort);
        }
        Ok(Self { key: key.into() })
    }

    /// The token of a message to us.
    ///
    /// # Errors
    /// [`WrongVersion`].
    pub fn encode_outbound(&self, payload: &Outbound) -> Result<String, WrongVersion> {
        self.encode(payload)
    }

    /// The token of our answer.
    ///
    /// # Errors
    /// [`WrongVersion`].
    pub fn encode_return(&self, payload: &Return) -> Result<String, WrongVersion> {
        self.encode(payload)
    }

    /// Reads a message to us.
    ///
    /// # Errors
    /// [`Rejection`], of the first check that fails.
    pub fn decode_outbound(&self, token: Option<&str>, now: OffsetDateTime) -> Result<Outbound, Rejection> {
        self.decode(token, now)
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`Rejection`], of the first check that fails.
    pub fn decode_return(&self, token: Option<&str>, now: OffsetDateTime) -> Result<Return, Rejection> {
        self.decode(token, now)
    }

    fn encode<P: Payload>(&self, payload: &P) -> Result<String, WrongVersion> {
        if payload.version() != VERSION {
            return Err(WrongVersion(payload.version()));
        }
        let encoded = URL_SAFE_NO_PAD.encode(payload.to_json());
        let mac = URL_SAFE_NO_PAD.encode(self.mac(encoded.as_bytes()).finalize().into_bytes());
        Ok(format!("{encoded}.{mac}"))
    }

    /// The order of the checks is part of the contract, though nobody outside can tell them apart.
    fn decode<P: Payload>(&self, token: Option<&str>, now: OffsetDateTime) -> Result<P, Rejection> {
        let token = token.filter(|text| !text.trim().is_empty()).ok_or(Rejection::Missing)?;
        let (encoded, mac) = token.split_once('.').ok_or(Rejection::NoDot)?;
        if mac.is_empty() || token.ends_with('.') {
            return Err(Rejection::NoDot);
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| Rejection::MacUnreadable)?;
        self.mac(encoded.as_bytes()).verify_slice(&mac).map_err(|_| Rejection::MacWrong)?;
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Rejection::PayloadUnreadable)?;
        let wire: Wire = serde_json::from_slice(&json).map_err(|_| Rejection::PayloadUnreadable)?;
        if wire.v != Some(VERSION) {
            return Err(Rejection::Version);
        }
        if wire.dir.as_deref() != Some(P::DIRECTION) {
            return Err(Rejection::Direction);
        }
        let expires = wire.exp.ok_or(Rejection::Expired)?.0;
        if now > expires {
            return Err(Rejection::Expired);
        }
        P::from_wire(wire, expires).ok_or(Rejection::PayloadUnreadable)
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        let key = self.key.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(message);
        mac
    }

    /// A MAC over something else than a token, under the same key. No token collides with it: the text of a payload has
    /// no colon.
    pub(crate) fn seal(&self, purpose: &str, parts: &[&str]) -> Vec<u8> {
        let mut mac = self.mac(purpose.as_bytes());
        mac.update(b":");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().to_vec()
    }
}
