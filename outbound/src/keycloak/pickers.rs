//! Short lists for people who write policies: what there is to choose from.

use super::Keycloak;
use super::wire::{Client, Group, Role, User};
use crate::directory::DirectoryError;
use serde::de::DeserializeOwned;

/// Rows of one list.
const MOST: usize = 50;

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// The `sub` of their tokens.
    pub id: String,
    /// Login name.
    pub username: String,
    /// First and last name, when there is one.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// May log in.
    pub enabled: bool,
    /// A program, not a person.
    pub service_account: bool,
}

/// A role of the realm or of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEntry {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// Last part of the path.
    pub name: String,
    /// As a policy names it.
    pub path: String,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEntry {
    /// As a policy names it.
    pub client_id: String,
    /// Shown to people.
    pub name: Option<String>,
}

impl From<User> for UserEntry {
    fn from(user: User) -> Self {
        let service_account = user.is_service_account();
        let names = [user.first_name, user.last_name];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        Self {
            id: user.id,
            username: user.username,
            name: Some(name).filter(|name| !name.trim().is_empty()),
            email: user.email,
            enabled: user.enabled,
            service_account,
        }
    }
}

impl Keycloak {
    /// Users whose login name, name or mail address begins with `text`; the first ones when it is empty.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_users(&self, text: &str) -> Result<Vec<UserEntry>, DirectoryError> {
        let found: Vec<User> = self.find(&["users"], text).await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Roles of the realm, or of a client, whose name holds `text`.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` when there is no such client.
    pub async fn find_roles(
        &self,
        text: &str,
        client: Option<&str>,
    ) -> Result<Vec<RoleEntry>, DirectoryError> {
        let found: Vec<Role> = match client {
            None => self.find(&["roles"], text).await?,
            Some(client_id) => {
                let client = self.client(client_id).await?;
                self.find(&["clients", &client.id, "roles"], text).await?
            }
        };
        let entry = |role: Role| RoleEntry { name: role.name, description: role.description };
        Ok(found.into_iter().map(entry).collect())
    }

    /// Groups whose name holds `text`, at any depth; the groups at the top when it is empty.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_groups(&self, text: &str) -> Result<Vec<GroupEntry>, DirectoryError> {
        // Keycloak answers with the trees that hold what was found.
        let mut waiting: Vec<Group> = self.find(&["groups"], text).await?;
        waiting.reverse();
        let wanted = text.to_lowercase();
        let mut entries = Vec::new();
        while let Some(mut group) = waiting.pop() {
            if group.name.to_lowercase().contains(&wanted) && entries.len() < MOST {
                entries.push(GroupEntry { name: group.name, path: group.path });
            }
            group.sub_groups.reverse();
            waiting.append(&mut group.sub_groups);
        }
        Ok(entries)
    }

    /// Clients whose id holds `text`.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_clients(&self, text: &str) -> Result<Vec<ClientEntry>, DirectoryError> {
        let max = MOST.to_string();
        let query = [("first", "0"), ("max", &*max), ("clientId", text), ("search", "true")];
        let query = if text.is_empty() { &query[..2] } else { &query[..] };
        let found: Vec<Client> = self.get(&["clients"], query).await?.unwrap_or_default();
        let entry = |client: Client| ClientEntry { client_id: client.client_id, name: client.name };
        Ok(found.into_iter().map(entry).collect())
    }

    async fn find<T: DeserializeOwned>(&self, path: &[&str], text: &str) -> Result<Vec<T>, DirectoryError> {
        let max = MOST.to_string();
        let query = [("first", "0"), ("max", &*max), ("briefRepresentation", "true"), ("search", text)];
        let query = if text.is_empty() { &query[..3] } else { &query[..] };
        Ok(self.get(path, query).await?.unwrap_or_default())
    }
}
