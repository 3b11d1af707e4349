//! What a staff directory says about people, roles, groups and clients.

/// A user of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// User id: the `sub` of the user's tokens.
    pub id: String,
    /// Login name.
    pub username: String,
    /// First and last name, if the directory has one of them.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Whether this is a service account, that is a program and not a person.
    pub service_account: bool,
}

/// A role of the realm or of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEntry {
    /// Name, as a policy writes it.
    pub name: String,
    /// What the role is for.
    pub description: Option<String>,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// Last segment of the path.
    pub name: String,
    /// Full path, as a policy writes it.
    pub path: String,
}

/// A client whose roles a policy may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEntry {
    /// Client id, as a policy writes it.
    pub client_id: String,
    /// Display name.
    pub name: Option<String>,
}
