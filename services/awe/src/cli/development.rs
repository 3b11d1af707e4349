//! Makes tools work on the `awe dev` that runs in this checkout, when nothing else is configured.

use crate::cli::dev::ROLE;
use crate::config::Config;
use secrecy::SecretString;
use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use url::Url;

/// Where `awe dev` keeps its files, relative to the root of the checkout.
const ENV: &str = ".dev/env";
const DATA: &str = ".dev/data";

/// Points the configuration at the `awe dev` of this checkout, when one runs and the environment names no database. Gives
/// the file that said so.
pub(super) fn adopt(config: &mut Config) -> Option<PathBuf> {
    if std::env::var_os("AWE__DATABASE__URL").is_some_and(|url| !url.is_empty()) {
        return None;
    }
    let here = std::env::current_dir().ok()?;
    let root = here.ancestors().find(|dir| dir.join(ENV).is_file() && runs(&dir.join(DATA)))?;
    let known = read(&fs::read_to_string(root.join(ENV)).ok()?);
    let mut database = Url::parse(known.get("DATABASE_URL")?).ok()?;
    // The server's own role: as the owner, `awe doctor` would warn about rights that the server does not have.
    database.set_username(ROLE).ok()?;
    config.database.url = SecretString::from(database.to_string());
    if let Some(nats) = known.get("NATS_URL") {
        config.nats.url = SecretString::from(nats.clone());
    }
    if let Some(issuer) = known.get("ISSUER") {
        config.keycloak.issuer.clone_from(issuer);
    }
    let key = root.join(DATA).join("master.key");
    if matches!(config.master_key(), Ok(None)) && key.is_file() {
        config.secrets.master_key_file = key.display().to_string();
    }
    Some(root.join(ENV))
}

/// Whether a process holds the lock of this data directory.
fn runs(data: &Path) -> bool {
    let lock = File::open(data.join("awe-dev.lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn read(text: &str) -> HashMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}
