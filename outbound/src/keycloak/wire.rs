//! What is read of Keycloak's answers.

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
    /// Somebody of whom it is not said may not sit.
    #[serde(default)]
    pub(super) enabled: bool,
    /// The client whose service account this is.
    #[serde(default)]
    pub(super) service_account_client_id: Option<String>,
}

impl User {
    /// A program, not a person. Lists leave the client out, and the name says it.
    pub(super) fn is_service_account(&self) -> bool {
        self.service_account_client_id.is_some() || self.username.starts_with("service-account-")
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Includes other roles.
    #[serde(default)]
    pub(super) composite: bool,
    #[serde(default)]
    pub(super) client_role: bool,
    /// Id of the client, for a client's role; else of the realm.
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
