//! Postgres: how to reach it, and how much one process asks of it at once.

use super::faults::Faults;
use super::span::seconds;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::commit::Limits;

/// The section `database`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A secret, since it may hold a password.
    #[serde(skip_serializing)]
    pub url: SecretString,
    pub max_connections: u32,
    pub acquire_timeout_seconds: u64,
    pub commit_writers: usize,
    pub commit_batch: usize,
}

impl Database {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.url("database.url", self.url.expose_secret(), &["postgres", "postgresql"]);
        faults.between("database.max_connections", u64::from(self.max_connections), 2, 1000);
        faults.between("database.acquire_timeout_seconds", self.acquire_timeout_seconds, 1, 300);
        faults.between("database.commit_writers", self.commit_writers as u64, 1, 64);
        faults.between("database.commit_batch", self.commit_batch as u64, 1, 1000);
    }

    pub(crate) fn options(&self) -> store::Options {
        store::Options {
            url: self.url.expose_secret().to_owned(),
            max_connections: self.max_connections,
            acquire_timeout: seconds(self.acquire_timeout_seconds),
        }
    }

    /// Bounds of the group commit.
    pub(crate) fn commit_limits(&self) -> Limits {
        Limits { writers: self.commit_writers, batch: self.commit_batch, ..Limits::default() }
    }
}
