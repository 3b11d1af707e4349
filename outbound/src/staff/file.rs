//! A staff directory in a file, so that policies with roles and groups work without Keycloak.

use crate::directory_entry::{ClientEntry, GroupEntry, RoleEntry, UserEntry};
use crate::directory_error::DirectoryError;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Rows of one list.
const MOST: usize = 50;

/// The content of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffFile {
    /// Whether the file lists all staff: then nobody else may sit.
    #[serde(default = "yes")]
    pub complete: bool,
    #[serde(default)]
    users: Vec<Person>,
    #[serde(default)]
    roles: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    clients: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

impl From<&Person> for UserEntry {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id.clone(),
            username: person.username.clone().unwrap_or_else(|| person.id.clone()),
            name: person.name.clone(),
            email: person.email.clone(),
            enabled: person.enabled,
            service_account: false,
        }
    }
}

impl StaffFile {
    /// Every fault of the file in words; empty when it is sound.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut known = HashSet::new();
        for person in &self.users {
            if person.id.trim().is_empty() {
                faults.push("users: an id is empty".to_owned());
            }
            if !known.insert(person.id.as_str()) {
                faults.push(format!("users: {:?} is listed twice", person.id));
            }
        }
        let roles = self.roles.iter().map(|(role, users)| (format!("roles.{role}"), users));
        let groups = self.groups.iter().map(|(path, users)| (format!("groups.{path}"), users));
        let of_clients = self.clients.iter().flat_map(|(client, roles)| {
            roles.iter().map(move |(role, users)| (format!("clients.{client}.{role}"), users))
        });
        for (place, users) in roles.chain(groups).chain(of_clients) {
            for user in users.iter().filter(|user| !known.contains(user.as_str())) {
                faults.push(format!("{place}: {user:?} is none of the users"));
            }
        }
        for path in self.groups.keys().filter(|path| !path.starts_with('/') || path.ends_with('/')) {
            faults.push(format!(
                "groups.{path}: a path begins with / and ends with a name, as /finance/controllers"
            ));
        }
        faults
    }

    pub(super) fn role_holders(
        &self,
        role: &str,
        client: Option<&str>,
    ) -> Result<Arc<[String]>, DirectoryError> {
        let unknown = || {
            DirectoryError::Unknown(match client {
                None => format!("directory: there is no realm role {role:?}"),
                Some(client) => format!("directory: client {client:?} has no role {role:?}"),
            })
        };
        Ok(self.enabled(self.roles_of(client)?.get(role).ok_or_else(unknown)?))
    }

    pub(super) fn group_members(&self, path: &str, subgroups: bool) -> Result<Arc<[String]>, DirectoryError> {
        let path = format!("/{}", path.trim_matches('/'));
        let below = format!("{path}/");
        let is_below = |other: &str| other.starts_with(&below);
        if !self.groups.keys().any(|other| *other == path || is_below(other)) {
            return Err(DirectoryError::Unknown(format!("directory: there is no group {path:?}")));
        }
        let groups =
            self.groups.iter().filter(|(other, _)| **other == path || (subgroups && is_below(other)));
        Ok(self.enabled(groups.flat_map(|(_, users)| users)))
    }

    pub(super) fn user(&self, id: &str) -> Option<UserEntry> {
        self.users.iter().find(|person| person.id == id).map(Into::into)
    }

    pub(super) fn find_users(&self, text: &str) -> Vec<UserEntry> {
        let begins = |word: &str| word.to_lowercase().starts_with(&text.to_lowercase());
        let all = self.users.iter().map(UserEntry::from);
        let found = all.filter(|user| {
            let names = user.name.iter().flat_map(|name| name.split(' '));
            begins(&user.username)
                || user.email.iter().any(|email| begins(email))
                || names.into_iter().any(begins)
        });
        found.take(MOST).collect()
    }

    pub(super) fn find_roles(
        &self,
        text: &str,
        client: Option<&str>,
    ) -> Result<Vec<RoleEntry>, DirectoryError> {
        let found = self.roles_of(client)?.keys().filter(|role| holds(role, text)).take(MOST);
        Ok(found.map(|role| RoleEntry { name: role.clone(), description: None }).collect())
    }

    pub(super) fn find_groups(&self, text: &str) -> Vec<GroupEntry> {
        let entry = |path: &String| GroupEntry {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            path: path.clone(),
        };
        self.groups.keys().map(entry).filter(|group| holds(&group.name, text)).take(MOST).collect()
    }

    pub(super) fn find_clients(&self, text: &str) -> Vec<ClientEntry> {
        let found = self.clients.keys().filter(|client| holds(client, text)).take(MOST);
        found.map(|client| ClientEntry { client_id: client.clone(), name: None }).collect()
    }

    fn roles_of(&self, client: Option<&str>) -> Result<&BTreeMap<String, Vec<String>>, DirectoryError> {
        let Some(client) = client else { return Ok(&self.roles) };
        let unknown = || DirectoryError::Unknown(format!("directory: there is no client {client:?}"));
        self.clients.get(client).ok_or_else(unknown)
    }

    /// The enabled ones of these users, without duplicates.
    fn enabled<'a>(&self, users: impl IntoIterator<Item = &'a String>) -> Arc<[String]> {
        let mut seen = HashSet::new();
        let may_sit = |user: &&String| {
            self.users.iter().any(|person| person.id == **user && person.enabled)
                && seen.insert((*user).clone())
        };
        users.into_iter().filter(may_sit).cloned().collect()
    }
}

fn holds(name: &str, text: &str) -> bool {
    name.to_lowercase().contains(&text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> StaffFile {
        serde_json::from_value(json!({
            "users": [
                {"id": "ann", "name": "Ann Adeyemi", "email": "ann@example.org"},
                {"id": "bob", "username": "robert"},
                {"id": "gone", "enabled": false}],
            "roles": {"officer": ["bob", "gone", "ann", "bob"], "nobody": []},
            "groups": {"/finance": ["ann"], "/finance/controllers": ["bob", "gone"], "/it/desk": ["ann"]},
            "clients": {"registry": {"approver": ["ann"]}}}))
        .expect("a directory")
    }

    fn ids(found: Result<Arc<[String]>, DirectoryError>) -> Vec<String> {
        found.expect("is known").to_vec()
    }

    #[test]
    fn roles_and_groups_give_enabled_users_in_the_order_of_the_file_each_once() {
        let file = file();
        assert!(file.faults().is_empty());
        assert_eq!(ids(file.role_holders("officer", None)), ["bob", "ann"]);
        assert_eq!(ids(file.role_holders("approver", Some("registry"))), ["ann"]);
        assert!(ids(file.role_holders("nobody", None)).is_empty());
        assert_eq!(ids(file.group_members("/finance", false)), ["ann"]);
        assert_eq!(ids(file.group_members("/finance", true)), ["ann", "bob"]);
        assert_eq!(ids(file.group_members("/it", true)), ["ann"], "a group above others need not be listed");
        assert!(ids(file.group_members("/it", false)).is_empty());
    }

    #[test]
    fn what_is_not_there_is_said_to_be_unknown() {
        let file = file();
        for unknown in [
            file.role_holders("boss", None),
            file.role_holders("officer", Some("registry")),
            file.role_holders("officer", Some("payments")),
            file.group_members("/fin", true),
        ] {
            assert!(matches!(unknown, Err(DirectoryError::Unknown(_))));
        }
        assert!(file.find_roles("", Some("payments")).is_err());
    }

    #[test]
    fn pickers_find_by_parts_of_names() {
        let file = file();
        let users = |text| file.find_users(text).into_iter().map(|user| user.id).collect::<Vec<_>>();
        assert_eq!(users(""), ["ann", "bob", "gone"]);
        assert_eq!(
            (users("ADE"), users("rob"), users("ann@")),
            (vec!["ann".to_owned()], vec!["bob".to_owned()], vec!["ann".to_owned()])
        );
        assert_eq!(file.find_groups("contr")[0].path, "/finance/controllers");
        assert_eq!(file.find_roles("OFF", None).expect("known")[0].name, "officer");
        assert_eq!(file.find_clients("reg")[0].client_id, "registry");
    }

    #[test]
    fn every_fault_of_a_file_is_told() {
        let faulty: StaffFile = serde_json::from_value(json!({
            "users": [{"id": "ann"}, {"id": "ann"}, {"id": " "}], "roles": {"r": ["x"]}, "groups": {"g": []},
            "clients": {"c": {"r": ["y"]}}}))
        .expect("can be read");
        assert_eq!(faulty.faults().len(), 5, "{:?}", faulty.faults());
        assert!(serde_json::from_value::<StaffFile>(json!({"people": []})).is_err());
    }
}
