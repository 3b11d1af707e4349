//! Bearer tokens of the public listener: which customer or which client calls.

mod issuer;

pub use issuer::{Issuer, IssuerError};

use crate::authorizations::Party;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Bytes of a token at most.
const LONGEST: usize = 16 * 1024;
/// How long a token lasts that is written for development.
const LASTS: i64 = 3600;

/// Why nobody is known to call. The text is for logs.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such token, or it is not trusted.
    #[error("{0}")]
    Untrusted(String),
    /// The issuer's keys cannot be fetched.
    #[error("the issuer is away: {0}")]
    Away(String),
}

/// What is read of a token.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    customer_id: Option<Value>,
    azp: Option<String>,
    client_id: Option<String>,
    exp: Option<i64>,
    /// Repeated by an id token, from the question that it answers.
    #[serde(default)]
    pub nonce: Option<String>,
}

impl Claims {
    /// The customer of the token; `None` when it names none.
    ///
    /// # Errors
    /// The claim is there and names nobody.
    pub fn customer(&self) -> Result<Option<i64>, IdentityError> {
        let id = match &self.customer_id {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok().filter(|id: &i64| id.to_string() == *text),
            Some(_) => None,
        };
        id.map(Some).ok_or_else(|| IdentityError::Untrusted("customer_id is no customer".to_owned()))
    }

    /// A customer's token was issued to some client too, but speaks for the customer alone: else everybody who uses an
    /// application could read what others agreed to give it.
    fn party(self) -> Result<Party, IdentityError> {
        if let Some(customer) = self.customer()? {
            return Ok(Party::Customer(customer));
        }
        let client = self.azp.or(self.client_id).filter(|client| !client.is_empty());
        client
            .map(Party::Client)
            .ok_or_else(|| IdentityError::Untrusted("names neither customer nor client".to_owned()))
    }
}

/// Reads tokens: of one issuer, or in development mode of anybody. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokens {
    issuer: Option<Issuer>,
}

impl Tokens {
    /// `None`: development mode.
    #[must_use]
    pub const fn new(issuer: Option<Issuer>) -> Self {
        Self { issuer }
    }

    /// Where customers sign in; `None` in development mode.
    #[must_use]
    pub const fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_ref()
    }

    /// Who sends this `Authorization` header.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn party(&self, header: Option<&str>) -> Result<Party, IdentityError> {
        let untrusted = |why: &str| IdentityError::Untrusted(why.to_owned());
        let (scheme, token) =
            header.and_then(|text| text.split_once(' ')).ok_or_else(|| untrusted("no token"))?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(untrusted("no bearer token"));
        }
        let token = token.trim();
        if token.len() > LONGEST {
            return Err(untrusted("a token that is too long"));
        }
        match &self.issuer {
            Some(issuer) => issuer.verify(token, None).await?.party(),
            None => read_unsigned(token)?.party(),
        }
    }
}

/// Development mode: what a token says is believed.
fn read_unsigned(token: &str) -> Result<Claims, IdentityError> {
    let untrusted = || IdentityError::Untrusted("no JWT".to_owned());
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else { return Err(untrusted()) };
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| untrusted())?;
    let claims: Claims = serde_json::from_slice(&bytes).map_err(|_| untrusted())?;
    if claims.exp.is_some_and(|end| end <= OffsetDateTime::now_utc().unix_timestamp()) {
        return Err(IdentityError::Untrusted("expired".to_owned()));
    }
    Ok(claims)
}

/// A token for AWE that its development mode accepts.
#[must_use]
pub fn unsigned(subject: &str) -> String {
    let exp = OffsetDateTime::now_utc().unix_timestamp() + LASTS;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(json!({"sub": subject, "exp": exp})))
}
