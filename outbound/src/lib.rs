//! Every HTTP call that is made for a user or as AWE itself: bounded in time and size, no redirects, and guarded
//! addresses wherever a user can set the URL. And mail, to the server that the operator names.

mod client;
mod credential;
mod directory;
mod egress;
pub mod gate;
mod http_rule;
mod keycloak;
pub mod mail;
mod oauth2;
mod redact;
pub mod registration;
mod sanitize;
mod staff;
mod transport;

pub use client::{Call, Client, Method, Reply};
pub use credential::{Credential, Credentials};
pub use directory::DirectoryError;
pub use egress::Egress;
pub use http_rule::{HttpQuestion, HttpRules};
pub use keycloak::{ClientEntry, GroupEntry, Keycloak, KeycloakOptions, RoleEntry, UserEntry};
pub use oauth2::{AccessToken, ClientCredentials, TokenError, TokenProvider};
pub use redact::redacted_url;
pub use staff::{Staff, StaffFile};
pub use transport::{Answer, Failure, Post, Transport};
