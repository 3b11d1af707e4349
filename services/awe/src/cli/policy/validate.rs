//! `awe policy validate`: what the API would refuse about a policy, and what its author should look at.

use super::against::{self, Against, Unknown};
use super::files::read;
use super::outcome::{Outcome, each, unusable};
use crate::cli::output;
use crate::config::Config;
use crate::document::{Document, Flaw, printable};
use crate::policy;
use clap::Args;
use outbound::Egress;
use schemas::api::PolicyCreate;
use schemas::policy::{Fault, way};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const FAULT: &str = "fault";
const WARNING: &str = "warning";

#[derive(Debug, Args)]
#[command(
    after_help = "A fault is what cannot be read or what the API refuses; every fault is told at once, as FILE:LINE:COLUMN.
A warning is legal and probably not meant, for example a stage that nobody is left to approve, or a variable that
context_schema does not declare. URLs of http rules are judged by egress.* of the configuration.

Exit code: 0 no fault; 1 a fault; 2 a file that cannot be opened or is no UTF-8 text, a wrong argument, or a server
that does not answer --against; 3 with --strict, warnings and no fault.

Examples:
  awe policy validate payments.yaml
  awe policy validate --strict policies/*.yaml
  awe policy validate payments.yaml --against https://awe.example.org --token \"$TOKEN\""
)]
pub(crate) struct Arguments {
    /// Policies, as `awe policy apply` takes them: YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Warnings count: the exit code is 3.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    against: Against,
}

pub(super) async fn run(arguments: &Arguments, config: &Config) -> ExitCode {
    let egress = config.egress();
    let read: Vec<_> = arguments.files.iter().map(|file| (file, read::<PolicyCreate>(file))).collect();
    let written = read.iter().filter_map(|(_, read)| read.as_ref().ok()?.content.as_ref());
    let unknown = match against::unknown(&arguments.against, written).await {
        Ok(unknown) => unknown,
        Err(error) => return unusable(&error).into(),
    };
    each(read, |(file, read)| tell(file, &judge(&read?, &egress, &unknown), arguments.strict))
}

/// The report about one file, in the order of lines: its faults or, when it has none, its warnings.
struct Report {
    word: &'static str,
    found: Vec<Flaw>,
}

fn judge(document: &Document<PolicyCreate>, egress: &Egress, unknown: &Unknown) -> Report {
    let mut faults = document.flaws.clone();
    let Some(written) = &document.content else { return Report { word: FAULT, found: faults } };
    let flaw = |fault: Fault| Flaw {
        at: document.place(&way(written, &fault)),
        message: printable(&fault.to_string()),
    };
    match policy::read(written, egress, None) {
        // In a stage that could not be read, a fault may be about made-up values in the place of its fields.
        Err(found) => {
            faults.extend(found.into_iter().filter(|fault| !is_doubtful(document, written, fault)).map(flaw))
        }
        Ok(policy) if faults.is_empty() => {
            let mut found = policy::advice(&policy, written);
            found.extend(against::warnings(written, unknown));
            let mut found: Vec<Flaw> = found.into_iter().map(flaw).collect();
            found.sort_by_key(|flaw| flaw.at);
            return Report { word: WARNING, found };
        }
        Ok(_) => {}
    }
    faults.sort_by_key(|flaw| flaw.at);
    Report { word: FAULT, found: faults }
}

fn is_doubtful(document: &Document<PolicyCreate>, policy: &PolicyCreate, fault: &Fault) -> bool {
    let way = way(policy, fault);
    let of_stage = if fault.stage.is_some() { &way[..way.len().min(2)] } else { &way[..] };
    document.is_flawed(of_stage)
}

fn tell(file: &Path, report: &Report, strict: bool) -> anyhow::Result<Outcome> {
    let Report { word, found } = report;
    let outcome = match (found.is_empty(), *word) {
        (true, _) => Outcome::Good,
        (false, FAULT) => Outcome::Bad,
        (false, _) if strict => Outcome::Doubtful,
        (false, _) => Outcome::Good,
    };
    let judged = if outcome == Outcome::Good { "sound" } else { "refused" };
    let counted = if found.is_empty() { String::new() } else { format!(", {}", counted(found.len(), word)) };
    output::print(&format!("{}: {judged}{counted}", file.display()))?;
    for flaw in found {
        output::print(&format!("  {}:{}: {word}: {}", file.display(), flaw.at, flaw.message))?;
    }
    Ok(outcome)
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
