//! The staff directory: what there is to choose from when a policy is written.

use super::limits;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DirectoryQuery {
    /// Part of a name; the first entries when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, example = "ali")]
    pub q: Option<String>,
}

/// What users to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DirectoryUsersQuery {
    /// Part of a name; the first entries when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, example = "ali")]
    pub q: Option<String>,
    /// Exactly this user, as a `user` rule names them; `q` counts for nothing then.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 1, 200>")]
    #[param(min_length = 1, max_length = 200, example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub id: Option<String>,
    /// Exactly these users, at most 50, separated by commas; `q` counts for nothing then. One whose id has a comma is
    /// asked for by `id`. Who is not there is left out.
    #[serde(default, deserialize_with = "limits::listed_users")]
    #[param(value_type = Option<String>, max_length = 10000, example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub ids: Vec<String>,
}

/// What roles to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DirectoryRolesQuery {
    /// Part of a name; the first entries when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, example = "approver")]
    pub q: Option<String>,
    /// Roles of this client; those of the realm when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 1, 200>")]
    #[param(min_length = 1, max_length = 200, example = "registry")]
    pub client: Option<String>,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryUserOut {
    /// As a `user` rule names them: the `sub` of their tokens.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub id: String,
    /// Login name.
    #[schema(example = "alice")]
    pub username: String,
    /// First and last name.
    #[schema(example = "Alice Adeyemi")]
    pub name: Option<String>,
    /// Mail address.
    #[schema(example = "alice@example.org")]
    pub email: Option<String>,
    /// False: no rule seats them.
    pub enabled: bool,
    /// A program: `role` and `group` rules do not seat it, unless `resolver.include_service_accounts` is set.
    #[serde(default)]
    pub service_account: bool,
}

/// A role of the realm or of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryRoleOut {
    /// As a `role` rule names it.
    #[schema(example = "finance-approver")]
    pub name: String,
    /// The client whose role it is; null = the realm's.
    #[schema(example = "registry")]
    pub client: Option<String>,
    /// What it is for.
    #[schema(example = "May approve payments")]
    pub description: Option<String>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryGroupOut {
    /// Last part of the path.
    #[schema(example = "approvers")]
    pub name: String,
    /// As a `group` rule names it.
    #[schema(example = "/finance/approvers")]
    pub path: String,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryClientOut {
    /// As a `role` rule names it.
    #[schema(example = "registry")]
    pub client_id: String,
    /// Shown to people.
    #[schema(example = "Social registry")]
    pub name: Option<String>,
}
