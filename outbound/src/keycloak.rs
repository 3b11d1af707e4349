//! The staff directory in Keycloak: its Admin REST API (`/admin/realms/{realm}`), read with a service account.
//!
//! The account needs these roles of `realm-management`: `view-users`, `query-groups`, `view-clients`, and `view-realm`,
//! without which Keycloak shows no realm role. Users are returned by id, the `sub` of their tokens.

mod admin;
mod api;
mod members;
mod names;
mod pickers;
mod provision;
mod wire;

pub use admin::{Administrator, ProvisionError};
pub use api::{KeycloakError, PathError};
pub use provision::{Provision, Provisioned, provision};

use crate::directory_entry::UserEntry;
use crate::directory_error::DirectoryError;
use crate::oauth2::ClientCredentials;
use api::Api;
use members::Members;
use moka::future::Cache;
use names::Names;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use telemetry::measure;

/// User ids in all cached answers together.
const MOST_IDS: u64 = 1_000_000;
/// Users cached one by one.
const MOST_USERS: u64 = 10_000;

/// Where the directory is, and the service account that reads it.
#[derive(Debug, Clone)]
pub struct KeycloakOptions {
    /// Base URL: `https://host/`, with a path if Keycloak has one.
    pub base_url: String,
    /// Realm of the staff.
    pub realm: String,
    /// Client whose service account reads the directory.
    pub client_id: String,
    /// Secret of that client.
    pub client_secret: SecretString,
    /// Timeout of one call.
    pub timeout: Duration,
    /// How long an answer is cached; zero turns the cache off.
    pub cache: Duration,
    /// Whether service accounts count as role holders and group members.
    pub service_accounts: bool,
}

/// The staff directory of one realm. Cheap to clone; clones share the cache.
#[derive(Debug, Clone)]
pub struct Keycloak(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api: Api,
    members: Members,
    names: Names,
    cache: Option<Answers>,
}

/// Cached answers. Concurrent callers with the same question share one call.
#[derive(Debug)]
struct Answers {
    ids: Cache<Question, Arc<[String]>>,
    users: Cache<String, Option<UserEntry>>,
}

/// A question that is answered with user ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    Role { role: String, client: Option<String> },
    Group { path: String, subgroups: bool },
}

impl Keycloak {
    /// Sets the directory up; it is not called yet.
    ///
    /// # Errors
    /// [`KeycloakError`].
    pub fn new(options: KeycloakOptions) -> Result<Self, KeycloakError> {
        let credentials = ClientCredentials {
            token_url: String::new(),
            client_id: options.client_id,
            client_secret: options.client_secret,
            scope: None,
        };
        let names = Names::default();
        Ok(Self(Arc::new(Inner {
            api: Api::new(&options.base_url, &options.realm, credentials, options.timeout)?,
            members: Members::new(options.service_accounts, options.cache, names.clone()),
            names,
            cache: (!options.cache.is_zero()).then(|| Answers::new(options.cache)),
        })))
    }

    /// Enabled users who hold a realm role or, with `client`, a role of that client: directly, through a group or its
    /// ancestors, or through a composite role. In Keycloak's order, without duplicates.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`] when there is no such role or client.
    pub async fn role_holders(
        &self,
        role: &str,
        client: Option<&str>,
    ) -> Result<Arc<[String]>, DirectoryError> {
        self.answer(Question::Role { role: role.to_owned(), client: client.map(str::to_owned) }).await
    }

    /// Enabled members of the group at `path` and, with `subgroups`, of all groups below it. Without duplicates.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`] when there is no such group.
    pub async fn group_members(&self, path: &str, subgroups: bool) -> Result<Arc<[String]>, DirectoryError> {
        self.answer(Question::Group { path: path.to_owned(), subgroups }).await
    }

    /// The user with this id; `None` when there is none, or the text cannot be an id.
    ///
    /// # Errors
    /// [`DirectoryError::Unavailable`].
    pub async fn user(&self, id: &str) -> Result<Option<UserEntry>, DirectoryError> {
        let found = match &self.0.cache {
            None => self.look_up_user(id).await,
            Some(cache) => {
                measure::looked_up(cache.users.contains_key(id));
                let asked = cache.users.try_get_with_by_ref(id, self.look_up_user(id)).await;
                asked.map_err(|error| (*error).clone())
            }
        };
        match found {
            Err(DirectoryError::Unknown(_)) => Ok(None),
            found => found.map_err(|error| error.of("directory")),
        }
    }

    /// The name of the user with this id, if some answer of this day has told it.
    #[must_use]
    pub fn known_name(&self, id: &str) -> Option<String> {
        self.0.names.of(id)
    }

    async fn look_up_user(&self, id: &str) -> Result<Option<UserEntry>, DirectoryError> {
        let found = self.0.api.get::<wire::User>(&["users", id], &[]).await?;
        found.iter().for_each(|user| self.0.names.note(user));
        Ok(found.map(Into::into))
    }

    async fn answer(&self, question: Question) -> Result<Arc<[String]>, DirectoryError> {
        let found = match &self.0.cache {
            None => self.look_up(&question).await,
            Some(cache) => {
                measure::looked_up(cache.ids.contains_key(&question));
                let asked = cache.ids.try_get_with_by_ref(&question, self.look_up(&question)).await;
                asked.map_err(|error| (*error).clone())
            }
        };
        found.map_err(|error| error.of("directory"))
    }

    async fn look_up(&self, question: &Question) -> Result<Arc<[String]>, DirectoryError> {
        let Inner { api, members, .. } = &*self.0;
        match question {
            Question::Role { role, client } => members.of_role(api, role, client.as_deref()).await,
            Question::Group { path, subgroups } => members.of_group(api, path, *subgroups).await,
        }
    }
}

impl Answers {
    fn new(life: Duration) -> Self {
        let weigh = |_: &Question, ids: &Arc<[String]>| u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1);
        Self {
            ids: Cache::builder().weigher(weigh).max_capacity(MOST_IDS).time_to_live(life).build(),
            users: Cache::builder().max_capacity(MOST_USERS).time_to_live(life).build(),
        }
    }
}
