//! The hash of a context, comparable years later.

use schemas::json::write_canonical;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io;

/// A context as canonical JSON (RFC 8785 style): names sorted, no white space, one way to write each number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// SHA-256, in hexadecimal.
    pub(super) sha256: String,
    /// Length of the canonical JSON, in bytes.
    pub(super) bytes: usize,
}

impl Evidence {
    pub(super) fn of(context: &Value) -> Self {
        let mut hashed = Hashed { hash: Sha256::new(), bytes: 0 };
        // Writing to a hash cannot fail.
        let _ = write_canonical(context, &mut hashed);
        Self { sha256: hex::encode(hashed.hash.finalize()), bytes: hashed.bytes }
    }
}

/// Hashes what is written without keeping it, because a context may be large.
struct Hashed {
    hash: Sha256,
    bytes: usize,
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
