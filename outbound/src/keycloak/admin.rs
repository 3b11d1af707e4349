//! Keycloak's Admin REST API as an administrator calls it, for changes.

use super::api::{PathError, below};
use crate::client::{Call, Client, Method};
use crate::failure::Failure;
use crate::http_pool::SetupError;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// How long one call may take. Keycloak that has just started is slow.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of one response.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Characters of Keycloak's words that are repeated.
const LONGEST_WHY: usize = 200;

/// Why the realm is not as wanted.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// A redirect URI that is dangerous or wrong.
    #[error("redirect URI {0:?}: {1}")]
    Redirect(String, String),
    /// The base URL does not parse.
    #[error("the base URL of Keycloak: {0}")]
    NotAUrl(#[from] url::ParseError),
    /// A name cannot be a part of a URL.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Client(#[from] SetupError),
    /// Keycloak gave no answer; a retry is safe.
    #[error("Keycloak: {0}")]
    Failure(#[from] Failure),
    /// The user or the password is wrong.
    #[error("Keycloak does not let the administrator in ({0})")]
    SignIn(u16),
    /// Something that must exist does not.
    #[error("{0} does not exist in the realm, or the realm does not exist")]
    Missing(String),
    /// Keycloak refused.
    #[error("Keycloak answered {status} to {what}{why}")]
    Refused {
        /// Which call.
        what: String,
        /// HTTP status.
        status: u16,
        /// In Keycloak's words.
        why: String,
    },
    /// An answer that is not what Keycloak gives.
    #[error("Keycloak's answer to {0} cannot be read")]
    Unreadable(String),
}

/// Who may administer the realm: a user of the realm `master`.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// User name.
    pub username: String,
    /// Password.
    pub password: SecretString,
}

/// The Admin API of one realm.
#[derive(Debug)]
pub(super) struct Admin {
    client: Client,
    realm: Url,
    token: SecretString,
}

impl Admin {
    /// Signs in at the realm `master`. The token serves for a minute, which a run does not take.
    pub(super) async fn sign_in(
        base: &str,
        realm: &str,
        who: &Administrator,
    ) -> Result<Self, ProvisionError> {
        let base = Url::parse(base)?;
        let client = Client::trusted()?;
        let url = below(&base, &["realms", "master", "protocol", "openid-connect", "token"])?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "password")
            .append_pair("client_id", "admin-cli")
            .append_pair("username", &who.username)
            .append_pair("password", who.password.expose_secret())
            .finish();
        let call = Call::new(Method::Post, url, TIMEOUT, MAX_ANSWER)
            .body("application/x-www-form-urlencoded", form.into_bytes());
        let reply = client.send(call).await?;
        if reply.status != 200 {
            return Err(ProvisionError::SignIn(reply.status));
        }
        let answer: Option<Value> = serde_json::from_slice(&reply.body).ok();
        let token = answer.and_then(|answer| answer["access_token"].as_str().map(SecretString::from));
        let token = token.ok_or_else(|| ProvisionError::Unreadable("the sign-in".to_owned()))?;
        Ok(Self { client, realm: below(&base, &["admin", "realms", realm])?, token })
    }

    /// What is there; `None` when Keycloak answers 404.
    pub(super) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, ProvisionError> {
        let (status, body) = self.send(Method::Get, path, query, None).await?;
        let what = format!("GET {}", path.join("/"));
        match status {
            200 => serde_json::from_slice(&body).map(Some).map_err(|_| ProvisionError::Unreadable(what)),
            // A list is never 404: the realm itself is missing.
            404 if path.len() == 1 => Err(ProvisionError::Missing(path.concat())),
            404 => Ok(None),
            status => Err(refused(what, status, &body)),
        }
    }

    /// What must be there.
    pub(super) async fn expect(&self, path: &[&str]) -> Result<Value, ProvisionError> {
        self.get(path, &[]).await?.ok_or_else(|| ProvisionError::Missing(path.join("/")))
    }

    /// Makes something; `false` when somebody else was faster.
    pub(super) async fn create(&self, path: &[&str], body: &Value) -> Result<bool, ProvisionError> {
        match self.change(Method::Post, path, body).await {
            Ok(()) => Ok(true),
            Err(ProvisionError::Refused { status: 409, .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Changes something that is there.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: &Value,
    ) -> Result<(), ProvisionError> {
        let (status, answer) = self.send(method, path, &[], Some(body)).await?;
        match status {
            200..300 => Ok(()),
            status => Err(refused(format!("{method:?} {}", path.join("/")), status, &answer)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(u16, Vec<u8>), ProvisionError> {
        let mut url = below(&self.realm, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut call = Call::new(method, url, TIMEOUT, MAX_ANSWER).bearer(&self.token)?;
        if let Some(body) = body {
            call = call.body("application/json", body.to_string().into_bytes());
        }
        let reply = self.client.send(call).await?;
        Ok((reply.status, reply.body))
    }
}

fn refused(what: String, status: u16, body: &[u8]) -> ProvisionError {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = said["errorMessage"].as_str().or(said["error"].as_str()).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(LONGEST_WHY).collect();
    let why = if said.is_empty() { said } else { format!(": {said}") };
    ProvisionError::Refused { what, status, why }
}
