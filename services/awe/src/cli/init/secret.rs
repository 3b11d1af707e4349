//! Secrets from files.

use anyhow::{Context as _, ensure};
use secrecy::SecretString;
use std::path::Path;

/// Most bytes of a file that holds a secret.
const MOST: u64 = 64 * 1024;

/// The secret in a file, without the line break at its end.
pub(super) fn secret(file: &Path) -> anyhow::Result<SecretString> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?.len();
    ensure!(size <= MOST, "{shown} is too large for a secret");
    let text = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(!text.is_empty(), "{shown} is empty");
    ensure!(!text.contains('\0'), "{shown} holds a zero byte");
    Ok(text.into())
}
