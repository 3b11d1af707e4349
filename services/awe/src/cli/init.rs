//! `awe init`: makes what AWE needs in servers that exist. Each step may be run any number of times.

mod keycloak;
mod postgres;

use super::output;
use anyhow::{Context as _, ensure};
use clap::Subcommand;
use secrecy::SecretString;
use std::path::Path;

/// Most bytes of a file that holds a secret.
const MOST: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the database and its roles in a `PostgreSQL` server.
    Postgres(postgres::Arguments),
    /// Make the clients and roles of AWE in a realm of Keycloak.
    Keycloak(keycloak::Arguments),
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let changed = match command {
        Command::Postgres(arguments) => postgres::run(&arguments).await?,
        Command::Keycloak(arguments) => keycloak::run(&arguments).await?,
    };
    for change in &changed {
        output::print(change)?;
    }
    if changed.is_empty() {
        output::print("everything is as it should be")?;
    }
    Ok(())
}

/// The secret in a file, without the line break at its end.
fn secret(file: &Path) -> anyhow::Result<SecretString> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?.len();
    ensure!(size <= MOST, "{shown} is too large for a secret");
    let text = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(!text.is_empty(), "{shown} is empty");
    ensure!(!text.contains('\0'), "{shown} holds a zero byte");
    Ok(text.into())
}
