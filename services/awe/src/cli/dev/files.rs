//! Files that `awe dev` leaves for the next run and for other tools.

use crate::config::Config;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const DIRECTORY: &str = include_str!("../../../../../examples/directory.yaml");

/// Sets the master key of this data directory, made once, so that each run can read the secrets of the one before.
pub(super) fn master_key(config: &mut Config, data: &Path) -> anyhow::Result<()> {
    if config.master_key()?.is_some() {
        return Ok(());
    }
    let path = data.join("master.key");
    if !path.exists() {
        fs::create_dir_all(data)?;
        let key = STANDARD.encode(rand::random::<[u8; 32]>());
        write_private(&path, &format!("{key}\n"))?;
    }
    config.secrets.master_key_file = path.display().to_string();
    config.master_key().map(drop).with_context(|| format!("delete {} to have a new one made", path.display()))
}

/// Where no directory is configured, sets a file of people, roles and groups to try policies with. It is made once and may
/// be edited.
pub(super) fn directory(config: &mut Config, data: &Path) -> anyhow::Result<()> {
    let keycloak = &mut config.keycloak;
    if !(keycloak.issuer.is_empty() && keycloak.base_url.is_empty() && keycloak.directory_file.is_empty()) {
        return Ok(());
    }
    let path = data.join("directory.yaml");
    if !path.exists() {
        fs::create_dir_all(data)?;
        write_private(&path, DIRECTORY)?;
    }
    keycloak.directory_file = path.display().to_string();
    Ok(())
}

/// Writes where the servers are, as lines that a shell can source. `DATABASE_URL` connects as the owner of the tables.
pub(super) fn write_env(
    path: &Path,
    config: &Config,
    database_url: &str,
    api: Option<SocketAddr>,
) -> anyhow::Result<()> {
    let mut text = api.map(|api| format!("BASE_URL=http://{api}\n")).unwrap_or_default();
    text.push_str(&format!("DATABASE_URL={database_url}\n"));
    text.push_str(&format!("NATS_URL={}\n", config.nats.url.expose_secret()));
    if !config.keycloak.issuer.is_empty() {
        text.push_str(&format!("ISSUER={}\n", config.keycloak.issuer));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    write_private(path, &text)
}

/// Writes a file that only its owner can read, and that is never seen half written.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(&part);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
