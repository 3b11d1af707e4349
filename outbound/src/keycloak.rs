//! The staff directory: Keycloak's Admin REST API (`/admin/realms/{realm}`), read with a service account.
//!
//! The account needs these roles of `realm-management`: `view-users`, `query-groups`, `view-clients`, and `view-realm`,
//! without which Keycloak shows no realm role. Users are given as ids, which is what a token's `sub` says.

mod members;
mod pickers;
mod wire;

pub use pickers::{ClientEntry, GroupEntry, RoleEntry, UserEntry};

use crate::client::{Call, Client, Method, Reply};
use crate::directory::DirectoryError;
use crate::oauth2::{AccessToken, ClientCredentials, TokenProvider};
use moka::future::Cache;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Rows in one page.
const PAGE: usize = 100;
/// No list is followed further: 10,000 rows.
const MOST_PAGES: usize = 100;
/// A page of clients with all their settings is the largest answer.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// User ids kept in all cached answers together.
const MOST_KEPT: u64 = 1_000_000;
/// Users kept that were asked for one by one.
const MOST_PEOPLE: u64 = 10_000;

/// Where the directory is, and who reads it.
#[derive(Debug, Clone)]
pub struct KeycloakOptions {
    /// `https://host/`, with a path if Keycloak has one.
    pub base_url: String,
    /// Realm of the staff.
    pub realm: String,
    /// Client whose service account reads.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Of one call.
    pub timeout: Duration,
    /// How long an answer is used again; zero = never.
    pub cache: Duration,
    /// Whether programs that hold a role or sit in a group count too.
    pub service_accounts: bool,
}

/// A realm that is asked for its people. Cheap to clone; clones share what is cached.
#[derive(Debug, Clone)]
pub struct Keycloak(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    tokens: TokenProvider,
    credentials: ClientCredentials,
    /// `{base}/admin/realms/{realm}`.
    realm: Url,
    timeout: Duration,
    service_accounts: bool,
    answers: Option<Answers>,
}

/// Answers that may be used again. However many ask at once, one goes and asks.
#[derive(Debug)]
struct Answers {
    users: Cache<Ask, Arc<[String]>>,
    composites: Cache<(), Arc<members::Composites>>,
    people: Cache<String, Option<UserEntry>>,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Ask {
    Role { role: String, client: Option<String> },
    Group { path: String, subgroups: bool },
}

impl Keycloak {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// The URL cannot be used, or TLS cannot be set up.
    pub fn new(options: KeycloakOptions) -> Result<Self, String> {
        let base = Url::parse(&options.base_url).map_err(|error| format!("not a URL: {error}"))?;
        let credentials = ClientCredentials {
            token_url: below(&base, &["realms", &options.realm, "protocol", "openid-connect", "token"])?
                .into(),
            client_id: options.client_id,
            client_secret: options.client_secret,
            scope: None,
        };
        let client = Client::trusted()?;
        Ok(Self(Arc::new(Inner {
            tokens: TokenProvider::new(client.clone(), options.timeout),
            client,
            credentials,
            realm: below(&base, &["admin", "realms", &options.realm])?,
            timeout: options.timeout,
            service_accounts: options.service_accounts,
            answers: (!options.cache.is_zero()).then(|| Answers::new(options.cache)),
        })))
    }

    /// Enabled users who hold a realm role, or with `client` a role of that client: directly, through a group (or a
    /// group above theirs) or through a role that includes it. In Keycloak's order, each once.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`] when there is no such role or client.
    pub async fn role_holders(
        &self,
        role: &str,
        client: Option<&str>,
    ) -> Result<Arc<[String]>, DirectoryError> {
        self.answer(Ask::Role { role: role.to_owned(), client: client.map(str::to_owned) }).await
    }

    /// Enabled members of the group at `path`, and of all groups below it when `subgroups`. Each once.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`] when there is no such group.
    pub async fn group_members(&self, path: &str, subgroups: bool) -> Result<Arc<[String]>, DirectoryError> {
        self.answer(Ask::Group { path: path.to_owned(), subgroups }).await
    }

    /// The user with this id; `None` when there is none, or nobody can have such an id.
    ///
    /// # Errors
    /// [`DirectoryError::Unavailable`].
    pub async fn user(&self, id: &str) -> Result<Option<UserEntry>, DirectoryError> {
        let found = match &self.0.answers {
            None => self.look_up_user(id).await,
            Some(answers) => {
                let asked = answers.people.try_get_with_by_ref(id, self.look_up_user(id)).await;
                asked.map_err(|error| (*error).clone())
            }
        };
        match found {
            Err(DirectoryError::Unknown(_)) => Ok(None),
            found => found.map_err(|error| error.of("directory")),
        }
    }

    async fn look_up_user(&self, id: &str) -> Result<Option<UserEntry>, DirectoryError> {
        Ok(self.get::<wire::User>(&["users", id], &[]).await?.map(Into::into))
    }

    async fn answer(&self, ask: Ask) -> Result<Arc<[String]>, DirectoryError> {
        let found = match &self.0.answers {
            None => self.look_up(&ask).await,
            Some(answers) => {
                let asked = answers.users.try_get_with_by_ref(&ask, self.look_up(&ask)).await;
                asked.map_err(|error| (*error).clone())
            }
        };
        found.map_err(|error| error.of("directory"))
    }

    async fn look_up(&self, ask: &Ask) -> Result<Arc<[String]>, DirectoryError> {
        match ask {
            Ask::Role { role, client } => self.look_up_role(role, client.as_deref()).await,
            Ask::Group { path, subgroups } => self.look_up_group(path, *subgroups).await,
        }
    }

    /// Every row of a list, page after page until one is empty.
    async fn all<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, DirectoryError> {
        let mut rows = Vec::new();
        for page in 0..MOST_PAGES {
            let (first, max) = ((page * PAGE).to_string(), PAGE.to_string());
            let query = [("first", &*first), ("max", &*max), ("briefRepresentation", "true")];
            // A page may be shorter than asked for and not the last: Keycloak filters after it has counted.
            let found: Vec<T> = self.get(path, &query).await?.unwrap_or_default();
            if found.is_empty() {
                return Ok(rows);
            }
            rows.extend(found);
        }
        Err(DirectoryError::Unavailable(format!("a list has more than {} rows", MOST_PAGES * PAGE)))
    }

    /// One answer; `None` when there is no such thing.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, DirectoryError> {
        let mut url = below(&self.0.realm, path).map_err(DirectoryError::Unknown)?;
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

    /// With a kept token; a token that is refused is replaced, once.
    async fn send(&self, url: &str) -> Result<Reply, DirectoryError> {
        let Inner { tokens, credentials, .. } = &*self.0;
        let token = tokens.cached(credentials).await?;
        let reply = self.send_with(url, &token).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        tokens.invalidate(credentials, &token).await;
        self.send_with(url, &tokens.cached(credentials).await?).await
    }

    async fn send_with(&self, url: &str, token: &AccessToken) -> Result<Reply, DirectoryError> {
        let call = Call::new(Method::Get, url, self.0.timeout, MAX_ANSWER);
        let call = call.header("accept", "application/json")?.bearer(token.secret())?;
        Ok(self.0.client.send(call).await?)
    }
}

impl Answers {
    fn new(life: Duration) -> Self {
        let weigh = |_: &Ask, users: &Arc<[String]>| u32::try_from(users.len()).unwrap_or(u32::MAX).max(1);
        Self {
            users: Cache::builder().weigher(weigh).max_capacity(MOST_KEPT).time_to_live(life).build(),
            composites: Cache::builder().max_capacity(1).time_to_live(life).build(),
            people: Cache::builder().max_capacity(MOST_PEOPLE).time_to_live(life).build(),
        }
    }
}

/// `base` and these segments, each of which may hold any character.
fn below(base: &Url, path: &[&str]) -> Result<Url, String> {
    // Such a segment would go up instead of down.
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err("a name is empty, `.` or `..`".to_owned());
    }
    let mut url = base.clone();
    let cannot = || "not a URL that can have a path".to_owned();
    url.path_segments_mut().map_err(|()| cannot())?.pop_if_empty().extend(path);
    Ok(url)
}
