//! The one credential of the back-channel, by HTTP Basic.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Kept as hashes, which have one length and are compared in constant time; both parts always are.
#[derive(Clone)]
pub struct Credential {
    user: [u8; 32],
    secret: [u8; 32],
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential")
    }
}

impl Credential {
    /// The credential that is let in.
    #[must_use]
    pub fn new(user: &str, secret: &SecretString) -> Self {
        Self { user: hash(user.as_bytes()), secret: hash(secret.expose_secret().as_bytes()) }
    }

    /// Whether exactly one `Authorization` header holds it. A wrong user and a wrong secret look the same.
    #[must_use]
    pub fn fits(&self, headers: &HeaderMap) -> bool {
        let (user, secret) = given(headers).unwrap_or_default();
        let same = hash(&user).ct_eq(&self.user) & hash(&secret).ct_eq(&self.secret);
        same.into()
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn given(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (only, None) = (all.next()?, all.next()) else { return None };
    let (scheme, encoded) = only.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((decoded[..colon].to_vec(), decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn fits(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Credential::new("as-backchannel", &"change-me-in-production".into()).fits(&headers)
    }

    const GOOD: &str = "Basic YXMtYmFja2NoYW5uZWw6Y2hhbmdlLW1lLWluLXByb2R1Y3Rpb24=";

    #[test]
    fn the_credential_is_let_in_whatever_the_case_of_the_scheme() {
        assert!(fits(&[GOOD]));
        assert!(fits(&[&GOOD.replace("Basic", "bAsIc")]));
    }

    #[test]
    fn anything_else_is_not() {
        let other = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for header in [
            other("as-backchannel:wrong"),
            other("wrong:change-me-in-production"),
            other("as-backchannel"),
            other(":"),
            other("as-backchannel:change-me-in-production "),
            GOOD.replace("Basic", "Bearer"),
            GOOD.replace("Basic ", ""),
            "Basic !".to_owned(),
        ] {
            assert!(!fits(&[&header]), "{header}");
        }
        assert!(!fits(&[]));
        assert!(!fits(&[GOOD, GOOD]), "two headers could be read as different ones");
    }
}
