//! Who holds a role, who is in a group.
//!
//! Keycloak lists only those whom a role was given directly. Whoever holds it otherwise is found the other way round:
//! the roles that include it, the groups that any of these was given to, and the groups below those.

use super::Keycloak;
use super::wire::{Client, Group, Role, User};
use crate::directory::DirectoryError;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::HashSet;
use std::sync::Arc;

/// Calls under way at once for one question.
const AT_ONCE: usize = 4;

/// Roles that include others, each with the ids of those that it includes itself.
pub(super) type Composites = Vec<(Role, HashSet<String>)>;

/// Ids in the order in which they were found, each once.
struct Found {
    service_accounts: bool,
    ids: Vec<String>,
    seen: HashSet<String>,
}

impl Found {
    /// None yet. Programs count only with `service_accounts`.
    fn new(service_accounts: bool) -> Self {
        Self { service_accounts, ids: Vec::new(), seen: HashSet::new() }
    }

    fn add(&mut self, users: Vec<User>) {
        let programs = self.service_accounts;
        let may_sit = |user: &User| user.enabled && (programs || !user.is_service_account());
        for user in users.into_iter().filter(may_sit) {
            if self.seen.insert(user.id.clone()) {
                self.ids.push(user.id);
            }
        }
    }
}

impl Keycloak {
    pub(super) async fn look_up_role(
        &self,
        name: &str,
        client: Option<&str>,
    ) -> Result<Arc<[String]>, DirectoryError> {
        let role = match client {
            None => self.get::<Role>(&["roles", name], &[]).await?,
            Some(client_id) => {
                let client = self.client(client_id).await?;
                self.get::<Role>(&["clients", &client.id, "roles", name], &[]).await?
            }
        };
        let role = role.ok_or_else(|| {
            DirectoryError::Unknown(match client {
                None => format!("there is no realm role {name:?}"),
                Some(client) => format!("client {client:?} has no role {name:?}"),
            })
        })?;
        let (mut found, mut visited) = (Found::new(self.0.service_accounts), HashSet::new());
        for role in self.with_including(role).await? {
            found.add(self.all(&holders(&role, "users")).await?);
            let groups: Vec<Group> = self.all(&holders(&role, "groups")).await?;
            self.add_members(groups, true, &mut found, &mut visited).await?;
        }
        Ok(found.ids.into())
    }

    pub(super) async fn look_up_group(
        &self,
        path: &str,
        subgroups: bool,
    ) -> Result<Arc<[String]>, DirectoryError> {
        let names: Vec<&str> = path.trim_matches('/').split('/').collect();
        let route: Vec<&str> = std::iter::once("group-by-path").chain(names).collect();
        let group: Group = self
            .get(&route, &[])
            .await?
            .ok_or_else(|| DirectoryError::Unknown(format!("there is no group {path:?}")))?;
        let mut found = Found::new(self.0.service_accounts);
        self.add_members(vec![group], subgroups, &mut found, &mut HashSet::new()).await?;
        Ok(found.ids.into())
    }

    /// Members of these groups and, when asked to, of all below them: a role of a group is a role of those too.
    async fn add_members(
        &self,
        groups: Vec<Group>,
        below: bool,
        found: &mut Found,
        visited: &mut HashSet<String>,
    ) -> Result<(), DirectoryError> {
        // The last one is next: children are put there in reverse, so that they come in order.
        let mut waiting: Vec<Group> = groups.into_iter().rev().collect();
        while let Some(group) = waiting.pop() {
            if !visited.insert(group.id.clone()) {
                continue;
            }
            found.add(self.all(&["groups", &group.id, "members"]).await?);
            if below {
                let children: Vec<Group> = self.all(&["groups", &group.id, "children"]).await?;
                waiting.extend(children.into_iter().rev());
            }
        }
        Ok(())
    }

    /// The role, and every role that includes it, at whatever remove.
    async fn with_including(&self, role: Role) -> Result<Vec<Role>, DirectoryError> {
        let composites = self.composites().await?;
        let mut known = HashSet::from([role.id.clone()]);
        let mut roles = vec![role];
        let mut next = 0;
        while let Some(included) = roles.get(next).map(|role| role.id.clone()) {
            for (role, includes) in composites.iter() {
                if includes.contains(&included) && known.insert(role.id.clone()) {
                    roles.push(role.clone());
                }
            }
            next += 1;
        }
        Ok(roles)
    }

    async fn composites(&self) -> Result<Arc<Composites>, DirectoryError> {
        match &self.0.answers {
            None => self.read_composites().await,
            Some(answers) => {
                let read = answers.composites.try_get_with((), self.read_composites()).await;
                read.map_err(|error| (*error).clone())
            }
        }
    }

    /// All roles of the realm and of its clients that include others.
    async fn read_composites(&self) -> Result<Arc<Composites>, DirectoryError> {
        let clients: Vec<Client> = self.all(&["clients"]).await?;
        let of_clients = stream::iter(clients)
            .map(|client| async move { self.all::<Role>(&["clients", &client.id, "roles"]).await })
            .buffered(AT_ONCE)
            .try_concat();
        let (mut roles, of_clients) = futures::try_join!(self.all::<Role>(&["roles"]), of_clients)?;
        roles.extend(of_clients);
        let composites = stream::iter(roles.into_iter().filter(|role| role.composite))
            .map(|role| async move {
                // A role that was removed in between includes nothing.
                let included = self.get::<Vec<Role>>(&["roles-by-id", &role.id, "composites"], &[]).await?;
                let ids = included.unwrap_or_default().into_iter().map(|role| role.id).collect();
                Ok::<_, DirectoryError>((role, ids))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Arc::new(composites))
    }

    /// The client that calls itself so.
    pub(super) async fn client(&self, client_id: &str) -> Result<Client, DirectoryError> {
        let found: Option<Vec<Client>> = self.get(&["clients"], &[("clientId", client_id)]).await?;
        let mut found = found.unwrap_or_default().into_iter();
        found
            .find(|client| client.client_id == client_id)
            .ok_or_else(|| DirectoryError::Unknown(format!("there is no client {client_id:?}")))
    }
}

/// Where Keycloak lists to whom a role was given.
fn holders<'a>(role: &'a Role, what: &'a str) -> Vec<&'a str> {
    if role.client_role {
        vec!["clients", &role.container_id, "roles", &role.name, what]
    } else {
        vec!["roles", &role.name, what]
    }
}
