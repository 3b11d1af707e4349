//! `awe import upstream`: takes over what an AWE 1.0 has.

use super::author::Author;
use super::{output, terminal};
use crate::config::Config;
use crate::import::{self, Map};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take over policies, requests, delegations and webhooks of an AWE 1.0.
    Upstream(Arguments),
}

#[derive(Debug, Args)]
#[command(after_help = "AWE 1.0 names people by user name, this one by subject. --map has a line for each:

  name,subject
  ann,5f0c3c1e-6d0f-4a53-9a3e-0b9f6c2f6a11

Names that are in no line are listed, and nothing is written until there are none; a name that is a UUID is a subject
already. Requests that are under way go on here. Callback secrets cannot be taken over: who needs a new one is listed.
Stop the servers of both sides first, and run `awe migrate`. Connect as the owner of the tables. Doing it again writes
what is not here yet and changes nothing else. docs/import.md says what is read.

  awe import upstream --from postgres://awe@old/awe --map users.csv --dry-run
  awe import upstream --from postgres://awe@old/awe --map users.csv")]
pub(super) struct Arguments {
    /// The database of AWE 1.0; only read.
    #[arg(long, value_name = "URL", env = "AWE_IMPORT_FROM", hide_env_values = true)]
    from: String,
    /// Who the user names are: lines of name,subject.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: &Config, command: Command, author: &Author) -> anyhow::Result<()> {
    let Command::Upstream(arguments) = command;
    let map = arguments.map.as_deref().map(Map::read).transpose()?.unwrap_or_default();
    let store = terminal::database(config).await?;
    let (from, egress) = (arguments.from.as_str().into(), config.egress());
    let done = import::run(&store, &from, &map, &egress, &author.actor(), arguments.dry_run).await;
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
