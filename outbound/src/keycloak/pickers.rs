//! Short lists from which people who write policies choose users, roles, groups and clients.

use super::Keycloak;
use super::wire::{Client, Group, Role, User};
use crate::directory_entry::{ClientEntry, GroupEntry, RoleEntry, UserEntry};
use crate::directory_error::DirectoryError;
use serde::de::DeserializeOwned;

/// Rows of one list.
const MOST: usize = 50;

impl Keycloak {
    /// Users whose login name, name or mail address begins with `text`; the first users when it is empty.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_users(&self, text: &str) -> Result<Vec<UserEntry>, DirectoryError> {
        let found: Vec<User> = self.find(&["users"], text).await?;
        found.iter().for_each(|user| self.0.names.note(user));
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Asks for one user, whoever it is: the cheapest question for which AWE has the rights.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn probe(&self) -> Result<(), DirectoryError> {
        let query = [("first", "0"), ("max", "1"), ("briefRepresentation", "true")];
        self.0.api.get::<Vec<User>>(&["users"], &query).await.map(drop)
    }

    /// The users with these ids, in no particular order, as far as there are such: asked for at once.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn users(&self, ids: &[String]) -> Result<Vec<UserEntry>, DirectoryError> {
        // No id of Keycloak's has a blank, and it takes one for the end of an id.
        let ids: Vec<_> =
            ids.iter().map(String::as_str).filter(|id| !id.contains(char::is_whitespace)).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<User> = self.find(&["users"], &format!("id:{}", ids.join(" "))).await?;
        // Looked at again: a server that does not know `id:` would answer with whoever has that in their name.
        let found = found.into_iter().filter(|user| ids.contains(&&*user.id));
        Ok(found.inspect(|user| self.0.names.note(user)).map(Into::into).collect())
    }

    /// The user with this login name, whose letters may be of either case; also one who may not sign in.
    ///
    /// # Errors
    /// [`DirectoryError::Unavailable`].
    pub async fn user_named(&self, name: &str) -> Result<Option<UserEntry>, DirectoryError> {
        let query = [("username", name), ("exact", "true"), ("max", "2"), ("briefRepresentation", "true")];
        let found: Option<Vec<User>> = self.0.api.get(&["users"], &query).await?;
        let (wanted, found) = (name.to_lowercase(), found.unwrap_or_default());
        // Looked at again: a server that does not know `exact` would answer with whoever has the name in theirs.
        let found = found.into_iter().find(|user| user.username.to_lowercase() == wanted);
        Ok(found.map(Into::into))
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
        let found: Vec<Role> = match client {
            None => self.find(&["roles"], text).await?,
            Some(client_id) => {
                let client = self.0.api.client(client_id).await?;
                self.find(&["clients", &client.id, "roles"], text).await?
            }
        };
        let entry = |role: Role| RoleEntry { name: role.name, description: role.description };
        Ok(found.into_iter().map(entry).collect())
    }

    /// Groups at any depth whose name contains `text`; the top-level groups when it is empty.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_groups(&self, text: &str) -> Result<Vec<GroupEntry>, DirectoryError> {
        // Keycloak answers with whole trees, in which only some groups match.
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

    /// Clients whose client id contains `text`.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_clients(&self, text: &str) -> Result<Vec<ClientEntry>, DirectoryError> {
        let max = MOST.to_string();
        let query = [("first", "0"), ("max", &*max), ("clientId", text), ("search", "true")];
        let query = if text.is_empty() { &query[..2] } else { &query[..] };
        let found: Vec<Client> = self.0.api.get(&["clients"], query).await?.unwrap_or_default();
        let entry = |client: Client| ClientEntry { client_id: client.client_id, name: client.name };
        Ok(found.into_iter().map(entry).collect())
    }

    async fn find<T: DeserializeOwned>(&self, path: &[&str], text: &str) -> Result<Vec<T>, DirectoryError> {
        let max = MOST.to_string();
        let query = [("first", "0"), ("max", &*max), ("briefRepresentation", "true"), ("search", text)];
        let query = if text.is_empty() { &query[..3] } else { &query[..] };
        Ok(self.0.api.get(path, query).await?.unwrap_or_default())
    }
}
