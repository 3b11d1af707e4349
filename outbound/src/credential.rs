//! How AWE makes itself known to a service that it calls. The operator configures credentials by name; whoever writes
//! a URL names one, and never sees it.

use crate::client::Call;
use crate::directory::DirectoryError;
use crate::oauth2::{AccessToken, ClientCredentials, TokenError, TokenProvider};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is sent along.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing.
    None,
    /// A key in a header of the operator's choice.
    ApiKey {
        /// Name of the header.
        header: String,
        /// The key.
        key: SecretString,
    },
    /// `Authorization: Bearer` with a token that does not change.
    Bearer(SecretString),
    /// `Authorization: Bearer` with a token by client credentials.
    OAuth2(ClientCredentials),
}

/// Credentials by name, and the tokens that were got with them. Cheap to clone; clones share the tokens.
#[derive(Debug, Clone)]
pub struct Credentials {
    named: Arc<BTreeMap<String, Credential>>,
    tokens: TokenProvider,
}

impl Credentials {
    /// These credentials, whose tokens come from `tokens`.
    #[must_use]
    pub fn new(named: BTreeMap<String, Credential>, tokens: TokenProvider) -> Self {
        Self { named: Arc::new(named), tokens }
    }

    /// The credential of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Credential> {
        self.named.get(name)
    }

    /// Where its tokens come from.
    #[must_use]
    pub const fn tokens(&self) -> &TokenProvider {
        &self.tokens
    }
}

/// Why a credential gives nothing to send. Says no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What is configured cannot be a header.
    #[error("{0:?} and its value cannot be an HTTP header")]
    Header(String),
}

impl From<CredentialError> for DirectoryError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Token(error) => error.into(),
            CredentialError::Header(_) => Self::Unknown(error.to_string()),
        }
    }
}

/// The header that a credential comes to.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) name: HeaderName,
    /// Marked as sensitive: no debug output shows it.
    pub(crate) value: HeaderValue,
    /// What in the value nobody may see.
    pub(crate) secret: SecretString,
    /// The token that may have to be replaced.
    token: Option<AccessToken>,
}

impl Authorization {
    fn new(name: HeaderName, scheme: &str, secret: SecretString) -> Result<Self, CredentialError> {
        let value = HeaderValue::from_str(&format!("{scheme}{}", secret.expose_secret()));
        let mut value = value.map_err(|_| CredentialError::Header(name.to_string()))?;
        value.set_sensitive(true);
        Ok(Self { name, value, secret, token: None })
    }
}

/// A call that is ready, and what may have to be replaced in it.
pub(crate) struct Prepared {
    pub(crate) call: Call,
    pub(crate) authorization: Option<Authorization>,
}

impl Credential {
    /// The word for it in configuration and policies.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey { .. } => "api_key",
            Self::Bearer(_) => "bearer",
            Self::OAuth2(_) => "oauth2_client_credentials",
        }
    }

    /// The header to send; none when nothing is sent along.
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
                let token = tokens.cached(credentials).await?;
                let made = Authorization::new(AUTHORIZATION, "Bearer ", token.secret().clone())?;
                Ok(Some(Authorization { token: Some(token), ..made }))
            }
        }
    }

    /// Puts the header into a call, which its other headers replace where they have the same name.
    pub(crate) async fn prepare(
        &self,
        call: Call,
        tokens: &TokenProvider,
    ) -> Result<Prepared, DirectoryError> {
        let authorization = self.authorize(tokens).await?;
        Ok(Prepared { call: call.authorized(authorization.as_ref()), authorization })
    }

    /// Makes the next call ask for another token than the one that was refused. False: there is no other.
    pub(crate) async fn renew(&self, refused: Option<&Authorization>, tokens: &TokenProvider) -> bool {
        match (self, refused.and_then(|refused| refused.token.as_ref())) {
            (Self::OAuth2(credentials), Some(token)) => {
                tokens.invalidate(credentials, token).await;
                true
            }
            _ => false,
        }
    }
}
