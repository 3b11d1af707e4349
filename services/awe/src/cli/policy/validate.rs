//! `awe policy validate`: what the API would refuse about a policy, and what its author should look at.

use super::against::{self, Against, Unknown};
use super::{Outcome, each, read};
use crate::app;
use crate::cli::output;
use crate::config::Config;
use crate::routes::read_policy;
use clap::Args;
use outbound::Egress;
use schemas::api::PolicyCreate;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "A fault is what the API refuses, with stage and field named; every fault is told at once.
A warning is legal and probably not meant, for example a stage that nobody is left to approve.
URLs of http rules are judged by egress.* of the configuration.

Exit code: 0 no fault; 1 a fault, or with --strict a warning; 2 a file that cannot be read.

Examples:
  awe policy validate payments.yaml
  awe policy validate --strict policies/*.yaml
  awe policy validate payments.yaml --against https://awe.example.org --token \"$TOKEN\""
)]
pub(in crate::cli) struct Arguments {
    /// Policies, as `awe policy apply` takes them: YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Warnings count as faults.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    against: Against,
}

pub(super) async fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let egress = app::egress(config);
    // What cannot be read is told below.
    let readable: Vec<PolicyCreate> = arguments.files.iter().filter_map(|file| read(file).ok()).collect();
    let unknown = against::unknown(&arguments.against, &readable).await?;
    Ok(each(&arguments.files, |file| validate(file, &egress, &unknown, arguments.strict)))
}

fn validate(file: &Path, egress: &Egress, unknown: &Unknown, strict: bool) -> anyhow::Result<Outcome> {
    let policy: PolicyCreate = read(file)?;
    let (word, found, bad) = match read_policy(&policy, egress, None) {
        Err(faults) => ("fault", faults, true),
        Ok(sound) => {
            let mut warnings = engine::lint::advise(&sound);
            warnings.extend(against::warnings(&policy, unknown));
            let bad = strict && !warnings.is_empty();
            ("warning", warnings, bad)
        }
    };
    let verdict = match (bad, found.len()) {
        (_, 0) => "sound".to_owned(),
        (true, _) => format!("refused, {}", counted(found.len(), word)),
        (false, _) => format!("sound, {}", counted(found.len(), word)),
    };
    output::print(&format!("{}: {verdict}", file.display()))?;
    for fault in found {
        output::print(&format!("  {word}: {fault}"))?;
    }
    Ok(if bad { Outcome::Bad } else { Outcome::Good })
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
