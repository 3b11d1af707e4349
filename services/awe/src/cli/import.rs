//! `awe import upstream`: takes over what an AWE 1.0 has.

use super::author::Author;
use super::{output, terminal};
use crate::config::Config;
use crate::import::{self, Map, People};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use outbound::Keycloak;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take over policies, requests, delegations and webhooks of an AWE 1.0.
    Upstream(Arguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "AWE 1.0 names people by user name, this one by subject. Without --map the realm of keycloak.base_url is asked who they
are, with keycloak.admin_client_id. --map has a line for each, and then nobody else is asked:

  name,subject
  ann,5f0c3c1e-6d0f-4a53-9a3e-0b9f6c2f6a11

Names that are nobody's are listed, and nothing is written until there are none; a name that is a UUID is a subject
already. Requests that are under way go on here. Callback secrets cannot be taken over: who needs a new one is listed.
Stop the servers of both sides first, and run `awe migrate`. Connect as the owner of the tables. Doing it again writes
what is not here yet and changes nothing else. docs/import.md says what is read.

  awe import upstream --from postgres://awe@old/awe --dry-run
  awe import upstream --from postgres://awe@old/awe --map users.csv"
)]
pub(super) struct Arguments {
    /// The database of AWE 1.0; only read.
    #[arg(long, value_name = "URL", env = "AWE_IMPORT_FROM", hide_env_values = true)]
    from: String,
    /// Who the user names are: lines of name,subject. The realm is asked when absent.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: &Config, command: Command, author: &Author) -> anyhow::Result<()> {
    let Command::Upstream(arguments) = command;
    let people = people(config, arguments.map.as_deref())?;
    let store = terminal::database(config).await?;
    let (from, egress) = (arguments.from.as_str().into(), config.egress());
    let done = import::run(&store, &from, &people, &egress, &author.actor(), arguments.dry_run).await;
    store.close().await;
    let report = done?;
    for problem in &report.problems {
        output::print(&format!("refused: {problem}"))?;
    }
    if !report.problems.is_empty() {
        bail!("nothing was written: {} things stand against it (above)", report.problems.len());
    }
    for written in &report.written {
        let verb = if arguments.dry_run { "would be written" } else { "written" };
        output::print(&format!("{verb}: {} {}", written.rows, written.what))?;
    }
    for note in &report.notes {
        output::print(&format!("to do: {note}"))?;
    }
    Ok(())
}

/// The file says who people are; else the realm does, where there is one.
fn people(config: &Config, file: Option<&Path>) -> anyhow::Result<People> {
    let keycloak = &config.keycloak;
    Ok(match file {
        Some(file) => People::Named(Map::read(file)?),
        None if keycloak.base_url.is_empty() => People::Named(Map::default()),
        None => {
            let made = Keycloak::new(keycloak.options(&config.resolver));
            People::Asked(made.context("keycloak.base_url cannot be used")?)
        }
    })
}
