//! Verifies webhooks. Needs no HTTP client: `awe-client` without its default features is enough.
//!
//! The body must be the bytes as they came: one that was parsed and written again has another signature.

mod error;
mod key;
mod mistake;
mod signed;

pub use error::{Hint, VerificationError, VerificationKind};

use crate::event::AnyEvent;
use key::Key;
use signed::Signed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a timestamp may lie before or after now, unless told otherwise: five minutes.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// What decides whether a webhook is accepted, beside its secrets.
#[derive(Debug, Clone, Copy)]
pub struct VerifyOptions {
    /// How far the timestamp may lie off, either way; [`TOLERANCE`] by default.
    pub tolerance: Duration,
    /// The time that it is compared with; the clock's when `None`.
    pub now: Option<SystemTime>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { tolerance: TOLERANCE, now: None }
    }
}

/// The event of a webhook that one of the secrets signed, within [`TOLERANCE`] of now.
///
/// `raw`: the body as it came. `headers`: those of the request, as `&HeaderMap` or pairs of name and value; names count in
/// any case. `secrets`: one, or several while one is rotated, each as it was shown (`whsec_...`) or as it was brought along.
/// `webhook-signature` decides when it is there, else `X-Approval-Signature`.
///
/// # Errors
/// [`VerificationError`].
pub fn verify<N, V>(
    raw: &[u8],
    headers: impl IntoIterator<Item = (N, V)>,
    secrets: &[impl AsRef<str>],
) -> Result<AnyEvent, VerificationError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    verify_with(raw, headers, secrets, VerifyOptions::default())
}

/// Like [`verify`], with another tolerance or clock.
///
/// # Errors
/// [`VerificationError`].
pub fn verify_with<N, V>(
    raw: &[u8],
    headers: impl IntoIterator<Item = (N, V)>,
    secrets: &[impl AsRef<str>],
    options: VerifyOptions,
) -> Result<AnyEvent, VerificationError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    let keys = keys(secrets)?;
    let signed = Signed::read(headers)?;
    if !signed.is_by_any(&keys, raw) {
        let text = "no signature of the webhook is by a secret given here";
        return Err(VerificationError::with_hint(
            VerificationKind::NoMatch,
            text,
            mistake::find(&signed, &keys, raw),
        ));
    }
    in_time(signed.timestamp(), options)?;
    AnyEvent::parse(raw).map_err(|fault| {
        let text = format!("the webhook is signed right, but {fault}");
        VerificationError::new(VerificationKind::BadPayload, text)
    })
}

/// The headers of a webhook as AWE would sign it: for tests of receivers. Names are in lower case.
///
/// `secrets`: the active one first. `event_id`: what `webhook-id` says. `at`: when it is signed; what is before 1970 counts
/// as 1970.
///
/// # Errors
/// [`VerificationError`] of kind `bad_secret`.
pub fn sign_for_test(
    body: &[u8],
    secrets: &[impl AsRef<str>],
    event_id: &str,
    at: SystemTime,
) -> Result<Vec<(&'static str, String)>, VerificationError> {
    let keys = keys(secrets)?;
    let at = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).to_string();
    let standard: Vec<String> = keys.iter().map(|key| key.standard_signature(event_id, &at, body)).collect();
    let approval = keys.first().map(|key| key.approval_signature(&at, body)).unwrap_or_default();
    Ok(vec![
        ("x-approval-event-id", event_id.to_owned()),
        ("x-approval-timestamp", at.clone()),
        ("x-approval-signature", approval),
        ("webhook-id", event_id.to_owned()),
        ("webhook-timestamp", at),
        ("webhook-signature", standard.join(" ")),
        ("content-type", "application/json".to_owned()),
    ])
}

fn keys(secrets: &[impl AsRef<str>]) -> Result<Vec<Key>, VerificationError> {
    if secrets.is_empty() {
        return Err(VerificationError::new(VerificationKind::BadSecret, "no secret was given"));
    }
    secrets.iter().map(|secret| Key::read(secret.as_ref())).collect()
}

/// `timestamp`: Unix seconds.
fn in_time(timestamp: u64, options: VerifyOptions) -> Result<(), VerificationError> {
    let VerifyOptions { tolerance, now } = options;
    let most = tolerance.as_secs();
    let now = now.unwrap_or_else(SystemTime::now);
    let signed = UNIX_EPOCH.checked_add(Duration::from_secs(timestamp));
    match signed.map(|signed| now.duration_since(signed)) {
        Some(Ok(late)) if late > tolerance => {
            let text =
                format!("the webhook was signed {} s ago, at most {most} s are accepted", late.as_secs());
            Err(VerificationError::new(VerificationKind::TooOld, text))
        }
        Some(Err(ahead)) if ahead.duration() > tolerance => {
            let ahead = ahead.duration().as_secs();
            let text = format!(
                "the webhook was signed {ahead} s ahead of this clock, at most {most} s are accepted"
            );
            Err(VerificationError::new(VerificationKind::TooNew, text))
        }
        None => {
            let text = "the webhook was signed at a time that this system's clock cannot tell";
            Err(VerificationError::new(VerificationKind::TooNew, text))
        }
        Some(_) => Ok(()),
    }
}
