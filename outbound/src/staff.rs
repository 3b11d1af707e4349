//! The staff directory: a realm of Keycloak or, for development, a file.

mod file;

pub use file::StaffFile;

use crate::directory_entry::{ClientEntry, GroupEntry, RoleEntry, UserEntry};
use crate::directory_error::DirectoryError;
use crate::keycloak::Keycloak;
use std::sync::Arc;

/// The directory that knows the staff. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Staff {
    /// A realm that is asked over HTTP.
    Keycloak(Keycloak),
    /// A file that was read at start.
    File(Arc<StaffFile>),
}

impl Staff {
    /// Enabled users who hold a realm role or, with `client`, a role of that client. In the directory's order, without
    /// duplicates.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`] when there is no such role or client.
    pub async fn role_holders(
        &self,
        role: &str,
        client: Option<&str>,
    ) -> Result<Arc<[String]>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.role_holders(role, client).await,
            Self::File(file) => file.role_holders(role, client),
        }
    }

    /// Enabled members of the group at `path` and, with `subgroups`, of all groups below it. Without duplicates.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`] when there is no such group.
    pub async fn group_members(&self, path: &str, subgroups: bool) -> Result<Arc<[String]>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.group_members(path, subgroups).await,
            Self::File(file) => file.group_members(path, subgroups),
        }
    }

    /// The user with this id; `None` when the directory has none.
    ///
    /// # Errors
    /// [`DirectoryError::Unavailable`].
    pub async fn user(&self, id: &str) -> Result<Option<UserEntry>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.user(id).await,
            Self::File(file) => Ok(file.user(id)),
        }
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn probe(&self) -> Result<(), DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.probe().await,
            Self::File(_) => Ok(()),
        }
    }

    /// The users with these ids, in no particular order, as far as there are such.
    ///
    /// # Errors
    /// [`DirectoryError::Unavailable`].
    pub async fn users(&self, ids: &[String]) -> Result<Vec<UserEntry>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.users(ids).await,
            Self::File(file) => Ok(ids.iter().filter_map(|id| file.user(id)).collect()),
        }
    }

    /// The name of the user with this id, if it is known without asking anybody.
    #[must_use]
    pub fn known_name(&self, id: &str) -> Option<String> {
        match self {
            Self::Keycloak(keycloak) => keycloak.known_name(id),
            Self::File(file) => file.user(id)?.name,
        }
    }

    /// Whether the user with this id may sit, that is exists and is enabled. `None` when the user is not listed in a file
    /// that does not claim to be complete.
    ///
    /// # Errors
    /// [`DirectoryError::Unavailable`].
    pub async fn may_sit(&self, id: &str) -> Result<Option<bool>, DirectoryError> {
        Ok(match (self.user(id).await?, self) {
            (Some(user), _) => Some(user.enabled),
            (None, Self::File(file)) if !file.complete => None,
            (None, _) => Some(false),
        })
    }

    /// Users whose login name, name or mail address begins with `text`; the first users when it is empty.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_users(&self, text: &str) -> Result<Vec<UserEntry>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.find_users(text).await,
            Self::File(file) => Ok(file.find_users(text)),
        }
    }

    /// Roles of the realm, or of a client, whose name contains `text`.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` when there is no such client.
    pub async fn find_roles(
        &self,
        text: &str,
        client: Option<&str>,
    ) -> Result<Vec<RoleEntry>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.find_roles(text, client).await,
            Self::File(file) => file.find_roles(text, client),
        }
    }

    /// Groups at any depth whose name contains `text`; the first groups when it is empty.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_groups(&self, text: &str) -> Result<Vec<GroupEntry>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.find_groups(text).await,
            Self::File(file) => Ok(file.find_groups(text)),
        }
    }

    /// Clients whose client id contains `text`.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_clients(&self, text: &str) -> Result<Vec<ClientEntry>, DirectoryError> {
        match self {
            Self::Keycloak(keycloak) => keycloak.find_clients(text).await,
            Self::File(file) => Ok(file.find_clients(text)),
        }
    }
}
