//! Who holds a role, and who is in a group.
//!
//! Keycloak lists only the users that a role is assigned to directly. The others are found in the opposite direction: the
//! composite roles that include the role, the groups that any of these is assigned to, and the groups below those.

use super::api::Api;
use super::names::Names;
use super::wire::{Client, Group, Role, User};
use crate::directory_error::DirectoryError;
use futures::stream::{self, StreamExt, TryStreamExt};
use moka::future::Cache;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Concurrent calls for one question.
const AT_ONCE: usize = 4;

/// Composite roles, each with the ids of the roles that it includes directly.
type Composites = Vec<(Role, HashSet<String>)>;

/// Finds role holders and group members.
#[derive(Debug)]
pub(super) struct Members {
    service_accounts: bool,
    names: Names,
    /// Every role question needs all composite roles, so they are cached on their own.
    composites: Option<Cache<(), Arc<Composites>>>,
}

/// User ids in the order in which they were found, without duplicates.
struct Found {
    service_accounts: bool,
    names: Names,
    ids: Vec<String>,
    seen: HashSet<String>,
}

impl Found {
    fn of(members: &Members) -> Self {
        let (service_accounts, names) = (members.service_accounts, members.names.clone());
        Self { service_accounts, names, ids: Vec::new(), seen: HashSet::new() }
    }

    /// Adds the users who may sit: those who are enabled, and service accounts only when they count.
    fn add(&mut self, users: Vec<User>) {
        let programs = self.service_accounts;
        let may_sit = |user: &User| user.enabled && (programs || !user.is_service_account());
        for user in users.into_iter().filter(may_sit) {
            if self.seen.insert(user.id.clone()) {
                self.names.note(&user);
                self.ids.push(user.id);
            }
        }
    }
}

impl Members {
    /// `cache` is how long composite roles are cached; zero turns the cache off.
    pub(super) fn new(service_accounts: bool, cache: Duration, names: Names) -> Self {
        let composites = || Cache::builder().max_capacity(1).time_to_live(cache).build();
        Self { service_accounts, names, composites: (!cache.is_zero()).then(composites) }
    }

    /// Enabled users who hold the role, by whatever way.
    pub(super) async fn of_role(
        &self,
        api: &Api,
        name: &str,
        client: Option<&str>,
    ) -> Result<Arc<[String]>, DirectoryError> {
        let role = match client {
            None => api.get::<Role>(&["roles", name], &[]).await?,
            Some(client_id) => {
                let client = api.client(client_id).await?;
                api.get::<Role>(&["clients", &client.id, "roles", name], &[]).await?
            }
        };
        let role = role.ok_or_else(|| {
            DirectoryError::Unknown(match client {
                None => format!("there is no realm role {name:?}"),
                Some(client) => format!("client {client:?} has no role {name:?}"),
            })
        })?;
        let (mut found, mut visited) = (Found::of(self), HashSet::new());
        for role in self.with_including(api, role).await? {
            found.add(api.all(&holders(&role, "users")).await?);
            let groups: Vec<Group> = api.all(&holders(&role, "groups")).await?;
            add_members(api, groups, true, &mut found, &mut visited).await?;
        }
        Ok(found.ids.into())
    }

    /// Enabled members of the group and, with `subgroups`, of all groups below it.
    pub(super) async fn of_group(
        &self,
        api: &Api,
        path: &str,
        subgroups: bool,
    ) -> Result<Arc<[String]>, DirectoryError> {
        let names: Vec<&str> = path.trim_matches('/').split('/').collect();
        let route: Vec<&str> = std::iter::once("group-by-path").chain(names).collect();
        let group: Group = api
            .get(&route, &[])
            .await?
            .ok_or_else(|| DirectoryError::Unknown(format!("there is no group {path:?}")))?;
        let mut found = Found::of(self);
        add_members(api, vec![group], subgroups, &mut found, &mut HashSet::new()).await?;
        Ok(found.ids.into())
    }

    /// The role and every composite role that includes it, directly or through others.
    async fn with_including(&self, api: &Api, role: Role) -> Result<Vec<Role>, DirectoryError> {
        let composites = self.composites(api).await?;
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

    async fn composites(&self, api: &Api) -> Result<Arc<Composites>, DirectoryError> {
        match &self.composites {
            None => read_composites(api).await,
            Some(cache) => {
                let read = cache.try_get_with((), read_composites(api)).await;
                read.map_err(|error| (*error).clone())
            }
        }
    }
}

/// Reads all composite roles of the realm and of its clients.
async fn read_composites(api: &Api) -> Result<Arc<Composites>, DirectoryError> {
    let clients: Vec<Client> = api.all(&["clients"]).await?;
    let of_clients = stream::iter(clients)
        .map(|client| async move { api.all::<Role>(&["clients", &client.id, "roles"]).await })
        .buffered(AT_ONCE)
        .try_concat();
    let (mut roles, of_clients) = futures::try_join!(api.all::<Role>(&["roles"]), of_clients)?;
    roles.extend(of_clients);
    let composites = stream::iter(roles.into_iter().filter(|role| role.composite))
        .map(|role| async move {
            // A role that was deleted meanwhile includes nothing.
            let included = api.get::<Vec<Role>>(&["roles-by-id", &role.id, "composites"], &[]).await?;
            let ids = included.unwrap_or_default().into_iter().map(|role| role.id).collect();
            Ok::<_, DirectoryError>((role, ids))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(Arc::new(composites))
}

/// Adds the members of these groups and, with `below`, of all groups below them: a role of a group is a role of those too.
async fn add_members(
    api: &Api,
    groups: Vec<Group>,
    below: bool,
    found: &mut Found,
    visited: &mut HashSet<String>,
) -> Result<(), DirectoryError> {
    // A stack: pushing children in reverse order makes them come out in order.
    let mut waiting: Vec<Group> = groups.into_iter().rev().collect();
    while let Some(group) = waiting.pop() {
        if !visited.insert(group.id.clone()) {
            continue;
        }
        found.add(api.all(&["groups", &group.id, "members"]).await?);
        if below {
            let children: Vec<Group> = api.all(&["groups", &group.id, "children"]).await?;
            waiting.extend(children.into_iter().rev());
        }
    }
    Ok(())
}

/// The path below which Keycloak lists the users or groups that a role is assigned to.
fn holders<'a>(role: &'a Role, what: &'a str) -> Vec<&'a str> {
    if role.client_role {
        vec!["clients", &role.container_id, "roles", &role.name, what]
    } else {
        vec!["roles", &role.name, what]
    }
}
