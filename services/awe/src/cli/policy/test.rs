//! `awe policy test`: cases that an author wrote down, played against the engine itself.

mod cases;
mod differences;
mod play;
mod subject;

use super::files::read;
use super::outcome::{Outcome, each};
use crate::cli::output;
use crate::config::Config;
use crate::document::Flawed;
use crate::policy;
use actors::ContextSchema;
use anyhow::bail;
use cases::{Case, File, PolicySource};
use clap::Args;
use outbound::Egress;
use schemas::api::PolicyCreate;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use subject::Subject;

#[derive(Debug, Args)]
#[command(after_help = "A file of cases, YAML or JSON:

  policy: payments.yaml             # beside this file; or the policy itself
  directory:                        # what role, group and http rules find
    - {role: payment-approver, users: [ann, bob]}
    - {group: /finance, users: [cy]}
    - {url: 'https://hr.example.org/manager', users: []}
  cases:
    - name: A large payment needs two officers and the director
      context: {amount: 50000}
      requester: rita               # `requester` when absent
      now: 2030-01-07T09:00:00Z     # the start; this day when absent
      directory: []                 # comes before the one above
      delegations:                  # always in force unless starts_at or ends_at say otherwise
        - {user_id: bob, delegate_to: dan}
      steps:
        - decide: {by: ann, action: approve}
        - decide: {by: rita, action: approve, task_of: dan, refused: true}
        - wait: {hours: 48}         # deadlines on the way act
        - reassign: {from: dan, to: eve}
        - decide: {by: eve, action: approve, stage: 1}
        - cancel: {by: rita}
      expect:                       # what is not named is not looked at
        status: cancelled
        reason: null                # why the request ended
        open: []                    # who has an open task at the end
        stages:
          - {stage_order: 1, approvers: [ann, dan], observers: [], state: approved}
          - {stage_order: 2, skipped: skip_if}        # skip_if, on_empty or false
    - name: A context without an amount is refused
      context: {}
      expect: {context: refused}    # by the policy's context_schema

Approvers and observers are those that a stage starts with, in any order; of a stage that was not reached, those
that it would start with. Names stand for the ids that tokens carry in `sub`.

Exit code: 0 all cases hold; 1 some do not, or the policy is refused; 2 a file of cases that cannot be used.

Example:
  awe policy test tests/*.yaml")]
pub(crate) struct Arguments {
    /// Files of cases.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let egress = config.egress();
    Ok(each(&arguments.files, |file| test(file, &egress)))
}

fn test(file: &Path, egress: &Egress) -> anyhow::Result<Outcome> {
    let written: File = read(file)?.sound(file)?;
    if written.cases.is_empty() {
        bail!("{}: names no case", file.display());
    }
    let policy = match written_policy(file, &written)? {
        Ok(policy) => policy,
        Err(flaws) => {
            output::print(&format!("{}: the policy is refused:\n{flaws}", file.display()))?;
            return Ok(Outcome::Bad);
        }
    };
    output::print(&format!("{}: policy {}", file.display(), policy.policy_key))?;
    match policy::read(&policy, egress, None) {
        Ok(checked) => {
            let schema = policy.context_schema.as_ref().map(ContextSchema::compile).transpose();
            let subject = Subject { policy: checked, schema: schema.map_err(anyhow::Error::msg)? };
            test_cases(&subject, &written)
        }
        Err(faults) => {
            output::print("  the policy is refused:")?;
            for fault in faults {
                output::print(&format!("    {fault}"))?;
            }
            Ok(Outcome::Bad)
        }
    }
}

/// The policy that a file of cases holds or names. The outer error is a file that cannot be opened.
fn written_policy(file: &Path, written: &File) -> anyhow::Result<Result<PolicyCreate, Flawed>> {
    match &written.policy {
        PolicySource::Inline(policy) => Ok(Ok((**policy).clone())),
        PolicySource::File(name) => {
            let beside = file.parent().unwrap_or(Path::new("")).join(name);
            Ok(read(&beside)?.sound(&beside))
        }
    }
}

fn test_cases(subject: &Subject, written: &File) -> anyhow::Result<Outcome> {
    let mut failed = 0;
    for case in &written.cases {
        let wrong = judge(subject, written, case);
        output::print(&format!("  {}  {}", if wrong.is_empty() { "ok  " } else { "FAIL" }, case.name))?;
        for line in &wrong {
            output::print(&format!("        {line}"))?;
        }
        failed += usize::from(!wrong.is_empty());
    }
    output::print(&format!("  {} held, {failed} failed", written.cases.len() - failed))?;
    Ok(if failed == 0 { Outcome::Good } else { Outcome::Bad })
}

/// Everything in which a case differs from what is expected.
fn judge(subject: &Subject, file: &File, case: &Case) -> Vec<String> {
    let directory = cases::Directory::new(&case.directory, &file.directory);
    match play::play(subject, case, &file.delegations, &directory) {
        Ok(played) => differences::differences(&played, case),
        Err(why) => vec![why.to_string()],
    }
}

#[cfg(test)]
mod tests;
