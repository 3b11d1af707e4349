//! Callers, and the roles that count.

use store::once::Once;

/// The role that may change things.
pub const ADMIN: &str = "AWE_ADMIN";
/// The role that may read everything.
pub const VIEWER: &str = "AWE_VIEWER";

/// A caller whose token was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`: callers are compared by this alone.
    pub subject: String,
    /// The token's `email`: shown to people, never compared.
    pub email: Option<String>,
    /// The token's `name`: shown to people, never compared.
    pub name: Option<String>,
    /// The OAuth client that the token was issued to (`azp`).
    pub client: Option<String>,
    /// The realm roles, and the client roles of the clients in `auth.role_clients`.
    pub roles: Vec<String>,
    /// When the token ends (`exp`), with the tolerated difference of clocks, in Unix seconds; `None` = it does not.
    pub expires_at: Option<i64>,
}

impl Identity {
    /// Holds `AWE_ADMIN`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN)
    }

    /// Holds `AWE_VIEWER`, or `AWE_ADMIN`, which implies it.
    #[must_use]
    pub fn is_viewer(&self) -> bool {
        self.is_admin() || self.roles.iter().any(|role| role == VIEWER)
    }

    /// The caller as the engine's commands name it.
    #[must_use]
    pub fn caller(&self) -> engine::command::Caller {
        engine::command::Caller { subject: self.subject.clone(), admin: self.is_admin() }
    }

    /// The same, acting under a key.
    #[must_use]
    pub fn acting(&self, once: Option<&Once>) -> store::audit::Actor {
        store::audit::Actor { once: once.cloned(), ..self.actor() }
    }

    /// The caller as the audit trail names it.
    #[must_use]
    pub fn actor(&self) -> store::audit::Actor {
        store::audit::Actor { subject: self.subject.clone(), email: self.email.clone(), once: None }
    }
}
