//! A secret, and what it signs.

use super::error::{VerificationError, VerificationKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret as it is shown begins with.
pub(super) const PREFIX: &str = "whsec_";
/// Fewest bytes of a secret.
pub(super) const SHORTEST: usize = 24;

/// A secret that can sign.
pub(super) struct Key {
    /// As it was given, without the white space around it.
    pub(super) given: String,
    /// `whsec_` and base64: the key of `X-Approval-Signature`.
    shown: String,
    /// The key of Standard Webhooks.
    decoded: Vec<u8>,
}

impl Key {
    /// Takes a secret as it was shown, with or without `v1,` before it, or as it was brought along.
    pub(super) fn read(secret: &str) -> Result<Self, VerificationError> {
        let bad = |text: &str| VerificationError::new(VerificationKind::BadSecret, text);
        let given = secret.trim();
        let text = given.strip_prefix("v1,").filter(|rest| rest.starts_with(PREFIX)).unwrap_or(given);
        let decoded = match text.strip_prefix(PREFIX) {
            // Canonical base64 with its padding; anything else is a mistake in copying.
            Some(coded) => STANDARD
                .decode(coded)
                .map_err(|_| bad("a secret begins with `whsec_`, and what follows is not base64"))?,
            None => text.as_bytes().to_vec(),
        };
        if text.is_empty() {
            return Err(bad("a secret is empty"));
        }
        if decoded.len() < SHORTEST {
            return Err(bad(&format!("a secret has at least {SHORTEST} bytes")));
        }
        let shown = format!("{PREFIX}{}", STANDARD.encode(&decoded));
        Ok(Self { given: given.to_owned(), shown, decoded })
    }

    /// One entry of `webhook-signature`.
    pub(super) fn standard_signature(&self, event_id: &str, timestamp: &str, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.standard(event_id, timestamp, body).finalize().into_bytes()))
    }

    /// The value of `X-Approval-Signature`.
    pub(super) fn approval_signature(&self, timestamp: &str, body: &[u8]) -> String {
        format!("sha256={}", hex::encode(self.approval(timestamp, body).finalize().into_bytes()))
    }

    pub(super) fn standard(&self, event_id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        mac(&self.decoded, &[event_id.as_bytes(), timestamp.as_bytes(), body])
    }

    pub(super) fn approval(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        mac(self.shown.as_bytes(), &[timestamp.as_bytes(), body])
    }
}

/// HMAC over the parts, joined by dots.
fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            mac.update(b".");
        }
        mac.update(part);
    }
    mac
}
