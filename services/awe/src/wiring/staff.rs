//! The staff directory that the configuration names.

use crate::config::Config;
use crate::document;
use anyhow::{Context as _, bail};
use outbound::{Keycloak, Staff, StaffFile};
use std::path::Path;
use std::sync::Arc;

/// The directory; `None` when none is configured.
pub(super) fn staff(config: &Config) -> anyhow::Result<Option<Staff>> {
    let keycloak = &config.keycloak;
    if !keycloak.directory_file.is_empty() {
        let path = Path::new(&keycloak.directory_file);
        let file = read(path).with_context(|| format!("keycloak.directory_file {}", path.display()))?;
        return Ok(Some(Staff::File(Arc::new(file))));
    }
    if keycloak.base_url.is_empty() {
        return Ok(None);
    }
    let made = Keycloak::new(keycloak.options(&config.resolver));
    Ok(Some(Staff::Keycloak(made.context("keycloak.base_url cannot be used")?)))
}

fn read(path: &Path) -> anyhow::Result<StaffFile> {
    let file: StaffFile = document::read(path)?.sound(path)?;
    match file.faults() {
        faults if faults.is_empty() => Ok(file),
        faults => bail!("is faulty:\n  {}", faults.join("\n  ")),
    }
}
