//! Typical mistakes of receivers.

use super::error::Hint;
use super::key::{Key, PREFIX};
use super::signed::Signed;

/// Which mistake explains that nothing matched. The webhook is refused in any case.
pub(super) fn find(signed: &Signed, keys: &[Key], body: &[u8]) -> Option<Hint> {
    if body.is_empty() {
        return Some(Hint::EmptyBody);
    }
    let is_by_prefixed = |key: &Key| {
        let prefixed = Key::read(&format!("{PREFIX}{}", key.given));
        !key.given.starts_with(PREFIX) && prefixed.is_ok_and(|prefixed| signed.is_by(&prefixed, body))
    };
    if keys.iter().any(is_by_prefixed) {
        return Some(Hint::MissingPrefix);
    }
    let trimmed = body.trim_ascii_end();
    for end in [b"".as_slice(), b"\n", b"\r\n"] {
        if signed.is_by_any(keys, &[trimmed, end].concat()) {
            return Some(Hint::LineEnd);
        }
    }
    let again = compact(body)?;
    signed.is_by_any(keys, &again).then_some(Hint::ReserialisedBody)
}

/// The JSON as AWE writes it: without white space and escapes, in the same order.
fn compact(body: &[u8]) -> Option<Vec<u8>> {
    let mut from = serde_json::Deserializer::from_slice(body);
    let mut written = Vec::new();
    serde_transcode::transcode(&mut from, &mut serde_json::Serializer::new(&mut written)).ok()?;
    from.end().ok()?;
    Some(written)
}
