//! The parts of Keycloak's JSON that are read.

use crate::directory_entry::UserEntry;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) id: String,
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    pub(super) first_name: Option<String>,
    #[serde(default)]
    pub(super) last_name: Option<String>,
    #[serde(default)]
    pub(super) email: Option<String>,
    /// False when the field is missing: then the user may not sit.
    #[serde(default)]
    pub(super) enabled: bool,
    /// The client whose service account this is.
    #[serde(default)]
    pub(super) service_account_client_id: Option<String>,
}

impl User {
    /// Whether this is a program. Lists leave `serviceAccountClientId` out, so the login name is looked at too.
    pub(super) fn is_service_account(&self) -> bool {
        self.service_account_client_id.is_some() || self.username.starts_with("service-account-")
    }

    /// First and last name, if there is one of them.
    pub(super) fn name(&self) -> Option<String> {
        let names = [&self.first_name, &self.last_name];
        let name = names.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        Some(name).filter(|name| !name.trim().is_empty())
    }
}

impl From<User> for UserEntry {
    fn from(user: User) -> Self {
        let (service_account, name) = (user.is_service_account(), user.name());
        Self {
            id: user.id,
            username: user.username,
            name,
            email: user.email,
            enabled: user.enabled,
            service_account,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Whether the role includes other roles.
    #[serde(default)]
    pub(super) composite: bool,
    #[serde(default)]
    pub(super) client_role: bool,
    /// Id of the client for a client role, else of the realm.
    #[serde(default)]
    pub(super) container_id: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) sub_groups: Vec<Group>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) client_id: String,
    #[serde(default)]
    pub(super) name: Option<String>,
}
