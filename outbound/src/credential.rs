//! How AWE makes itself known to a service that it calls. The operator configures credentials by name; whoever writes
//! a URL names one, and never sees it.

use crate::client::Call;
use crate::directory::DirectoryError;
use crate::oauth2::{AccessToken, ClientCredentials, TokenProvider};
use secrecy::SecretString;

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

/// A call that is ready, and the token that may have to be replaced.
pub(crate) struct Prepared {
    pub(crate) call: Call,
    pub(crate) token: Option<AccessToken>,
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

    pub(crate) async fn prepare(
        &self,
        call: Call,
        tokens: &TokenProvider,
    ) -> Result<Prepared, DirectoryError> {
        Ok(match self {
            Self::None => Prepared { call, token: None },
            Self::ApiKey { header, key } => Prepared { call: call.secret_header(header, key)?, token: None },
            Self::Bearer(token) => Prepared { call: call.bearer(token)?, token: None },
            Self::OAuth2(credentials) => {
                let token = tokens.cached(credentials).await?;
                Prepared { call: call.bearer(token.secret())?, token: Some(token) }
            }
        })
    }

    /// Makes the next call ask for another token than the one that was refused. False: there is no other.
    pub(crate) async fn renew(&self, refused: Option<&AccessToken>, tokens: &TokenProvider) -> bool {
        match (self, refused) {
            (Self::OAuth2(credentials), Some(token)) => {
                tokens.invalidate(credentials, token).await;
                true
            }
            _ => false,
        }
    }
}
