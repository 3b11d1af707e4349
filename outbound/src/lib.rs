#![doc = include_str!("../README.md")]

mod backoff;
mod client;
mod credential;
mod directory_entry;
mod directory_error;
mod egress;
mod error_chain;
mod failure;
pub mod gate;
mod http_pool;
mod http_rule;
mod keycloak;
pub mod mail;
mod oauth2;
mod redact;
pub mod registration;
mod sanitize;
mod staff;
mod transport;

pub use backoff::Backoff;
pub use client::{Call, Client, Method, Reply};
pub use credential::{Credential, Credentials};
pub use directory_entry::{ClientEntry, GroupEntry, RoleEntry, UserEntry};
pub use directory_error::DirectoryError;
pub use egress::{Egress, UrlError};
pub use error_chain::error_chain;
pub use failure::Failure;
pub use http_pool::SetupError;
pub use http_rule::{HttpQuestion, HttpRules};
pub use keycloak::{
    Administrator, Keycloak, KeycloakError, KeycloakOptions, PathError, Provision, ProvisionError,
    Provisioned, provision,
};
pub use oauth2::{AccessToken, ClientCredentials, TokenError, TokenProvider};
pub use redact::{redacted_url, shown_url};
pub use staff::{Staff, StaffFile};
pub use transport::{Answer, Post, Transport};
