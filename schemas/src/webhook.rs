//! Signs webhooks. Time and secrets are arguments, so the same arguments give the same headers.
//!
//! Every webhook is signed in two forms: that of AWE's own contract (`X-Approval-*`, hex, by the active secret) and
//! that of Standard Webhooks (`webhook-*`, base64, one signature for each live secret).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Id of the event, the same in every attempt.
pub const EVENT_ID: &str = "X-Approval-Event-Id";
/// Unix seconds of this attempt.
pub const TIMESTAMP: &str = "X-Approval-Timestamp";
/// `sha256=` and the hex HMAC-SHA256 of `<timestamp>.<body>`, keyed with the secret as it was shown.
pub const SIGNATURE: &str = "X-Approval-Signature";
/// Standard Webhooks: id of the event.
pub const STANDARD_ID: &str = "webhook-id";
/// Standard Webhooks: unix seconds of this attempt.
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
/// Standard Webhooks: `v1,<base64>` per live secret, separated by spaces.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";

/// Prefix of a secret as it is shown.
pub const SECRET_PREFIX: &str = "whsec_";
/// Fewest bytes in a secret.
pub const SECRET_MIN_BYTES: usize = 24;

/// A secret as it is shown: `whsec_` and the base64 of its bytes.
#[must_use]
pub fn show_secret(bytes: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes))
}

/// Returns the headers of one attempt. `keys` are the live secrets as they were shown, the active one first. Without
/// any, the attempt carries ids and timestamps but no signature.
#[must_use]
pub fn headers(
    keys: &[&str],
    event_id: &str,
    timestamp_unix: i64,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let timestamp = timestamp_unix.to_string();
    let mut headers = vec![
        (EVENT_ID, event_id.to_owned()),
        (TIMESTAMP, timestamp.clone()),
        (STANDARD_ID, event_id.to_owned()),
        (STANDARD_TIMESTAMP, timestamp.clone()),
    ];
    if let Some(active) = keys.first() {
        headers.push((SIGNATURE, signature(active, timestamp_unix, body)));
        let all: Vec<String> = keys
            .iter()
            .map(|key| {
                let mac = mac(&standard_key(key), &[event_id.as_bytes(), timestamp.as_bytes(), body]);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            })
            .collect();
        headers.push((STANDARD_SIGNATURE, all.join(" ")));
    }
    headers
}

/// Returns the value of [`SIGNATURE`] by one secret as it was shown.
#[must_use]
pub fn signature(key: &str, timestamp_unix: i64, body: &[u8]) -> String {
    let mac = mac(key.as_bytes(), &[timestamp_unix.to_string().as_bytes(), body]);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Returns the key for Standard Webhooks: the bytes that are encoded after `whsec_`. A secret of another form, which
/// AWE never creates, signs with its own bytes.
fn standard_key(shown: &str) -> Vec<u8> {
    shown
        .strip_prefix(SECRET_PREFIX)
        .and_then(|coded| STANDARD.decode(coded).ok())
        .unwrap_or_else(|| shown.as_bytes().to_vec())
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
