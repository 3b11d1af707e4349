//! `awe policy apply`: policy files become the newest versions on a server.

use super::plan::{Action, Step, plan, tell};
use super::server::{Policies, Server};
use crate::cli::author::Author;
use crate::cli::output;
use clap::Args;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

/// Bytes of an answer that are read.
const LONGEST_ANSWER: u64 = 100;

#[derive(Debug, Args)]
#[command(after_help = "The file holds what POST /v1/awe/policies takes, as YAML or JSON:

  policy_key: payments.large
  name: Large payments
  artifact_type: disbursement
  stages:
    - name: Two officers
      stage_order: 1
      mode: any-n
      mode_value: 2
      rules:
        - {rule_type: role, rule_value: {role: payment-approver}}

Tells what will change and, on a terminal, asks before it writes. Applying the same files twice changes nothing.

Examples:
  awe policy apply payments.yaml
  awe policy apply policies --activate --yes --url https://awe.example.org --token \"$TOKEN\"")]
pub(crate) struct Arguments {
    /// Policy files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Bring them into force.
    #[arg(long)]
    activate: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<()> {
    let server = arguments.server.connect(author)?;
    let steps = plan(&server, &arguments.paths).await?;
    let changes = steps.iter().any(|step| step.action() != Action::Nothing);
    if changes && !arguments.yes && io::stdin().is_terminal() && io::stdout().is_terminal() {
        tell(&steps)?;
        anyhow::ensure!(agreed(arguments.activate)?, "nothing was written");
    }
    for step in &steps {
        output::print(&apply(&server, step, arguments.activate).await?)?;
    }
    Ok(())
}

/// Asks the person at the terminal.
fn agreed(activate: bool) -> io::Result<bool> {
    let question = if activate { "Write and activate? [y/N] " } else { "Write? [y/N] " };
    write!(io::stdout(), "{question}")?;
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Writes what the step is about, and says what was done.
async fn apply(server: &Policies, step: &Step, activate: bool) -> anyhow::Result<String> {
    let key = &step.policy.policy_key;
    let (version, status, said) = match (step.action(), &step.newest) {
        (Action::Nothing, Some(newest)) => (newest.version, newest.status.clone(), "unchanged"),
        (Action::Create, _) | (_, None) => {
            let created = server.create(&step.policy).await?;
            (created.version, created.status, "created")
        }
        (_, Some(_)) => {
            let added = server.add(&step.policy).await?;
            (added.version, added.status, "added")
        }
    };
    let mut line = format!("{key} version {version}: {said}");
    if activate {
        if status != "active" {
            server.activate(key, version).await?;
        }
        line.push_str(", active");
    }
    Ok(line)
}
