//! How AWE authenticates to a service that it calls. The operator configures credentials by name; whoever writes a URL
//! refers to one by that name and never sees it.

use crate::client::Call;
use crate::oauth2::{AccessToken, ClientCredentials, TokenError, TokenProvider};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A credential, and the header that carries it.
#[derive(Debug, Clone)]
pub enum Credential {
    /// No header is sent.
    None,
    /// A key in a header of the operator's choice.
    ApiKey {
        /// Name of the header.
        header: String,
        /// Value of the header.
        key: SecretString,
    },
    /// `Authorization: Bearer` with a token that does not change.
    Bearer(SecretString),
    /// `Authorization: Bearer` with an access token of the client credentials grant.
    OAuth2(ClientCredentials),
}

/// Credentials by name, and where their access tokens come from. Cheap to clone; clones share the token cache.
#[derive(Debug, Clone)]
pub struct Credentials {
    named: Arc<BTreeMap<String, Credential>>,
    tokens: TokenProvider,
}

impl Credentials {
    /// Credentials whose access tokens `tokens` provides.
    #[must_use]
    pub fn new(named: BTreeMap<String, Credential>, tokens: TokenProvider) -> Self {
        Self { named: Arc::new(named), tokens }
    }

    /// The credential of this name, if one is configured.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Credential> {
        self.named.get(name)
    }

    /// The provider of their access tokens.
    #[must_use]
    pub const fn tokens(&self) -> &TokenProvider {
        &self.tokens
    }
}

/// Why a credential gives no header. The text holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// No access token was issued.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The configured name or value cannot be a header.
    #[error("{0:?} and its value cannot be an HTTP header")]
    Header(String),
}

/// The header of a credential.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) name: HeaderName,
    /// Marked as sensitive: no debug output shows it.
    pub(crate) value: HeaderValue,
    /// The part of the value that must not be shown or stored.
    pub(crate) secret: SecretString,
    /// The access token in the value, kept so that it can be invalidated when it is refused.
    token: Option<AccessToken>,
}

impl Authorization {
    fn new(name: HeaderName, scheme: &str, secret: SecretString) -> Result<Self, CredentialError> {
        let value = HeaderValue::from_str(&format!("{scheme}{}", secret.expose_secret()));
        let mut value = value.map_err(|_| CredentialError::Header(name.to_string()))?;
        value.set_sensitive(true);
        Ok(Self { name, value, secret, token: None })
    }

    /// Adds the header to a call, unless the call has one of this name.
    pub(crate) fn put_on(&self, call: Call) -> Call {
        call.default_header(&self.name, &self.value)
    }
}

impl Credential {
    /// Its type as configuration, policies and logs write it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey { .. } => "api_key",
            Self::Bearer(_) => "bearer",
            Self::OAuth2(_) => "oauth2_client_credentials",
        }
    }

    /// The header to send, if the credential has one.
    pub(crate) async fn authorize(
        &self,
        tokens: &TokenProvider,
    ) -> Result<Option<Authorization>, CredentialError> {
        match self {
            Self::None => Ok(None),
            Self::ApiKey { header, key } => {
                let name = HeaderName::from_bytes(header.as_bytes());
                let name = name.map_err(|_| CredentialError::Header(header.clone()))?;
                Authorization::new(name, "", key.clone()).map(Some)
            }
            Self::Bearer(token) => Authorization::new(AUTHORIZATION, "Bearer ", token.clone()).map(Some),
            Self::OAuth2(credentials) => {
                let token = tokens.token(credentials).await?;
                let made = Authorization::new(AUTHORIZATION, "Bearer ", token.secret().clone())?;
                Ok(Some(Authorization { token: Some(token), ..made }))
            }
        }
    }

    /// Invalidates the access token that was refused with 401. Returns whether the next [`Credential::authorize`] will
    /// give another one: not for a credential without tokens, nor when the provider does not cache them.
    pub(crate) async fn renew(&self, refused: Option<&Authorization>, tokens: &TokenProvider) -> bool {
        match (self, refused.and_then(|refused| refused.token.as_ref())) {
            (Self::OAuth2(credentials), Some(token)) if tokens.is_caching() => {
                tokens.invalidate(credentials, token).await;
                true
            }
            _ => false,
        }
    }
}
