//! `awe init`: makes what AWE needs in servers that exist. Each step may be run any number of times.

mod keycloak;
mod postgres;
mod secret;

use super::output;
use clap::Subcommand;

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
