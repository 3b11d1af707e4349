//! What handlers take from a request: a JSON body, query parameters, ids in the path. What does not fit is refused as the
//! contract says, with the place of the fault.
//!
//! The kind of a fault (`missing`, `extra_forbidden`) is read off serde's message, because `serde_json` keeps nothing else
//! of an error. The tests of [`words`] fail when serde changes its messages.

mod body;
mod key;
mod known;
mod numbers;
mod path;
mod query;
mod words;

pub use body::{Body, OptionalBody};
pub use key::Key;
pub(crate) use key::idempotency_key;
pub use known::{KnownQuery, refuse_unknown};
pub(crate) use numbers::first_inexact;
pub use path::{DelegationId, DeliveryId, PolicyKey, PolicyVersion, RequestId, SecretId, TaskId};
pub use query::Query;
pub(crate) use query::{check_word, unknown_word};

use schemas::api::{Location, ValidationDetail};
use serde_path_to_error::Segment;

/// Characters of a message that may repeat a caller's value.
const MESSAGE: usize = 300;

/// An error of serde as the contract's detail: `place` is `body` or `query`, `path` leads on from there.
fn detail(place: &str, path: &serde_path_to_error::Path, message: &str) -> ValidationDetail {
    let mut loc = vec![Location::Field(place.to_owned())];
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => loc.push(Location::Index(*index as u64)),
            Segment::Map { key } => loc.push(Location::Field(key.clone())),
            Segment::Enum { variant } => loc.push(Location::Field(variant.clone())),
            Segment::Unknown => {}
        }
    }
    let (kind, named) = if let Some(name) = quoted(message, "missing field `") {
        ("missing", Some(name))
    } else if let Some(name) = quoted(message, "unknown field `") {
        ("extra_forbidden", Some(name))
    } else if let Some(name) = quoted(message, "duplicate field `") {
        ("value_error", Some(name))
    } else {
        ("value_error", None)
    };
    if let Some(name) = named.map(|name| Location::Field(name.to_owned()))
        && (loc.last() != Some(&name) || loc.len() == 1)
    {
        loc.push(name);
    }
    let message = words::plain(message);
    let mut msg: String = message.chars().take(MESSAGE).collect();
    if msg.len() < message.len() {
        msg.push('…');
    }
    ValidationDetail { loc, msg, kind: kind.to_owned() }
}

/// The fault of a value, with the path from the value itself on.
pub(crate) fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> ValidationDetail {
    let mut detail = detail("", error.path(), &error.inner().to_string());
    detail.loc.remove(0);
    detail
}

/// The name that a message quotes after these words.
fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}
