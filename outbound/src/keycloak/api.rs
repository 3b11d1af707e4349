//! Calls to Keycloak's Admin REST API: tokens, paging and what each status means.

use super::wire::Client as RealmClient;
use crate::client::{Call, Client, Method, Reply};
use crate::directory_error::DirectoryError;
use crate::http_pool::SetupError;
use crate::oauth2::{AccessToken, ClientCredentials, TokenProvider};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// Rows of one page.
const PAGE: usize = 100;
/// Pages of one list: together 10,000 rows.
const MOST_PAGES: usize = 100;
/// Bytes of one response; the largest is a page of clients with all their settings.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Why the directory cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum KeycloakError {
    /// The base URL does not parse.
    #[error("not a URL: {0}")]
    NotAUrl(#[source] url::ParseError),
    /// The base URL and the realm make no URL.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Client(#[from] SetupError),
}

/// Why a name cannot be a segment of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The segment would leave out a level of the path, or go up one.
    #[error("a name is empty, `.` or `..`")]
    Segment,
    /// The base is a URL without a path, as `mailto:` is.
    #[error("not a URL that can have a path")]
    NoPath,
}

/// The Admin API of one realm, called with the token of a service account.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    tokens: TokenProvider,
    credentials: ClientCredentials,
    /// `{base}/admin/realms/{realm}`.
    realm: Url,
    timeout: Duration,
}

impl Api {
    /// The API below `base_url`. Fills in the token URL of `credentials`.
    pub(super) fn new(
        base_url: &str,
        realm: &str,
        credentials: ClientCredentials,
        timeout: Duration,
    ) -> Result<Self, KeycloakError> {
        let base = Url::parse(base_url).map_err(KeycloakError::NotAUrl)?;
        let token_url = below(&base, &["realms", realm, "protocol", "openid-connect", "token"])?.into();
        let client = Client::trusted()?;
        Ok(Self {
            tokens: TokenProvider::new(client.clone(), timeout),
            client,
            credentials: ClientCredentials { token_url, ..credentials },
            realm: below(&base, &["admin", "realms", realm])?,
            timeout,
        })
    }

    /// Every row of a list.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, DirectoryError> {
        let mut rows = Vec::new();
        for page in 0..MOST_PAGES {
            let (first, max) = ((page * PAGE).to_string(), PAGE.to_string());
            let query = [("first", &*first), ("max", &*max), ("briefRepresentation", "true")];
            let found: Vec<T> = self.get(path, &query).await?.unwrap_or_default();
            // Only an empty page is the last one: Keycloak filters after it has counted, so others may be short.
            if found.is_empty() {
                return Ok(rows);
            }
            rows.extend(found);
        }
        Err(DirectoryError::Unavailable(format!("a list has more than {} rows", MOST_PAGES * PAGE)))
    }

    /// One resource; `None` when Keycloak answers 404.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, DirectoryError> {
        let mut url = below(&self.realm, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let reply = self.send(url.as_str()).await?;
        match reply.status {
            200 if !reply.complete => {
                Err(DirectoryError::Unavailable("an answer is larger than 8 MiB".to_owned()))
            }
            200 => serde_json::from_slice(&reply.body).map(Some).map_err(|error| {
                DirectoryError::Unavailable(format!("an answer cannot be read (line {})", error.line()))
            }),
            404 => Ok(None),
            403 => Err(DirectoryError::Unavailable(
                "answered 403: keycloak.admin_client_id needs the roles view-users, view-realm, view-clients and \
                 query-groups of realm-management"
                    .to_owned(),
            )),
            status => Err(DirectoryError::Unavailable(format!("answered {status}"))),
        }
    }

    /// The client with this client id, which is not the internal id that paths need.
    pub(super) async fn client(&self, client_id: &str) -> Result<RealmClient, DirectoryError> {
        let found: Option<Vec<RealmClient>> = self.get(&["clients"], &[("clientId", client_id)]).await?;
        let mut found = found.unwrap_or_default().into_iter();
        found
            .find(|client| client.client_id == client_id)
            .ok_or_else(|| DirectoryError::Unknown(format!("there is no client {client_id:?}")))
    }

    /// Calls with a cached token. A token that is refused with 401 is replaced once.
    async fn send(&self, url: &str) -> Result<Reply, DirectoryError> {
        let token = self.tokens.token(&self.credentials).await?;
        let reply = self.send_with(url, &token).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.tokens.invalidate(&self.credentials, &token).await;
        self.send_with(url, &self.tokens.token(&self.credentials).await?).await
    }

    async fn send_with(&self, url: &str, token: &AccessToken) -> Result<Reply, DirectoryError> {
        let call = Call::new(Method::Get, url, self.timeout, MAX_ANSWER);
        let call = call.header("accept", "application/json")?.bearer(token.secret())?;
        Ok(self.client.send(call).await?)
    }
}

/// `base` extended by these segments, which may hold any character.
pub(super) fn below(base: &Url, path: &[&str]) -> Result<Url, PathError> {
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(PathError::Segment);
    }
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| PathError::NoPath)?.pop_if_empty().extend(path);
    Ok(url)
}

impl From<PathError> for DirectoryError {
    fn from(error: PathError) -> Self {
        Self::Unknown(error.to_string())
    }
}
