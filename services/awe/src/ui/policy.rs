//! What the page may do, as its Content-Security-Policy says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use url::Url;

const NONCE_BYTES: usize = 16;

/// 128 random bits, anew for each answer.
pub(super) fn nonce() -> String {
    let bytes: [u8; NONCE_BYTES] = rand::rng().random();
    STANDARD.encode(bytes)
}

/// Nothing but our own files; calls to ourselves and to where people sign in.
pub(super) fn content_security(nonce: &str, issuer: &str) -> String {
    let calls = format!("'self' {issuer}");
    let calls = calls.trim_end();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self'; connect-src {calls}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}

/// Scheme, host and port of a URL.
pub(super) fn origin(url: &str) -> Option<String> {
    let origin = Url::parse(url).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_the_only_stranger() {
        let text = content_security("abc", "https://id.example.org");
        assert!(text.contains("style-src 'self' 'nonce-abc';"), "{text}");
        assert!(text.contains("connect-src 'self' https://id.example.org;"), "{text}");
        assert!(content_security("abc", "").contains("connect-src 'self';"));
        assert!(!text.contains("unsafe"), "{text}");
    }

    #[test]
    fn an_issuer_counts_by_its_origin() {
        assert_eq!(
            origin("https://id.example.org:8443/realms/staff").as_deref(),
            Some("https://id.example.org:8443")
        );
        assert_eq!(origin(""), None);
        assert_eq!(origin("data:x"), None);
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
    }
}
