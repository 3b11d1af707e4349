//! What a request rests on, in a form that can be compared years later.

use schemas::canonical::canonical;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// A context as canonical JSON: names sorted, no white space, each number written in one way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// In hexadecimal.
    pub(super) sha256: String,
    /// Length of what was hashed.
    pub(super) bytes: usize,
}

impl Evidence {
    pub(super) fn of(context: &Value) -> Self {
        let text = canonical(context.clone()).to_string();
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            // Writing to a string does not fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Self { sha256, bytes: text.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_the_sorted_text_and_the_same_however_the_context_was_written() {
        let evidence = |text: &str| Evidence::of(&serde_json::from_str(text).expect("JSON"));
        let written = evidence(r#"{ "b": [1e2, "ä"], "a": null }"#);
        // printf '{"a":null,"b":[100,"ä"]}' | sha256sum
        let expected = "217a1c9654e676eee6c6ec9c302794c85391507d2ac2e5725f853369e6d13065";
        assert_eq!((written.sha256.as_str(), written.bytes), (expected, 25));
        assert_eq!(written, evidence(r#"{"a":null,"b":[100.0,"\u00e4"]}"#));
        assert_ne!(written, evidence(r#"{"a":null,"b":[100,"a"]}"#));
    }
}
