//! The staff directory that the configuration names.

use crate::config::Config;
use crate::document;
use anyhow::{Context as _, bail};
use outbound::{Keycloak, KeycloakOptions, Staff, StaffFile};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The directory, when there is one.
pub(crate) fn staff(config: &Config) -> anyhow::Result<Option<Staff>> {
    let (keycloak, resolver) = (&config.keycloak, &config.resolver);
    if !keycloak.directory_file.is_empty() {
        let path = Path::new(&keycloak.directory_file);
        let file = read(path).with_context(|| format!("keycloak.directory_file {}", path.display()))?;
        return Ok(Some(Staff::File(Arc::new(file))));
    }
    if keycloak.base_url.is_empty() {
        return Ok(None);
    }
    let options = KeycloakOptions {
        base_url: keycloak.base_url.clone(),
        realm: keycloak.realm.clone(),
        client_id: keycloak.admin_client_id.clone(),
        client_secret: keycloak.admin_client_secret.clone(),
        timeout: Duration::from_secs(resolver.http_timeout_seconds),
        cache: Duration::from_secs(resolver.cache_seconds),
        service_accounts: resolver.include_service_accounts,
    };
    let made = Keycloak::new(options).context("keycloak.base_url cannot be used")?;
    Ok(Some(Staff::Keycloak(made)))
}

fn read(path: &Path) -> anyhow::Result<StaffFile> {
    let file: StaffFile = document::read(path)?.sound(path).map_err(anyhow::Error::msg)?;
    match file.faults() {
        faults if faults.is_empty() => Ok(file),
        faults => bail!("is faulty:\n  {}", faults.join("\n  ")),
    }
}
