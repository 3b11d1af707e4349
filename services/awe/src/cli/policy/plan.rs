//! `awe policy plan`: what applying files would change on a server.

use super::files::read;
use super::server::{Policies, Server};
use crate::cli::author::Author;
use crate::cli::output;
use anyhow::Context as _;
use clap::Args;
use engine::diff::{Version, diff};
use engine::ids::PolicyId;
use engine::policy::Policy;
use schemas::api::{PolicyCreate, PolicyOut};
use schemas::json::write_canonical;
use schemas::policy::{as_written, to_engine};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use uuid::Uuid;

/// Names of files that hold policies, in a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
/// Most policy files in one run.
const MOST_FILES: usize = 10_000;

#[derive(Debug, Args)]
#[command(after_help = "Compares each file with the newest version on the server, in words. Writes nothing.

Exit code: 0 nothing would change; 2 something would; 1 an error.

Examples:
  awe policy plan policies
  awe policy plan payments.yaml --json --url https://awe.example.org --token \"$TOKEN\"")]
pub(crate) struct Arguments {
    /// Policy files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<ExitCode> {
    let server = arguments.server.connect(author)?;
    let steps = plan(&server, &arguments.paths).await?;
    if arguments.json {
        let told: Vec<Told<'_>> = steps.iter().map(Step::told).collect();
        output::print(&serde_json::to_string_pretty(&told)?)?;
    } else {
        tell(&steps)?;
    }
    let changes = steps.iter().any(|step| step.action() != Action::Nothing);
    Ok(ExitCode::from(if changes { 2 } else { 0 }))
}

/// What applying a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// The first version is written.
    Create,
    /// Another version is written.
    Add,
    /// The newest version says the same.
    Nothing,
}

/// One policy file beside what the server has.
pub(super) struct Step {
    file: PathBuf,
    pub(super) policy: PolicyCreate,
    /// The newest version of its key.
    pub(super) newest: Option<PolicyOut>,
    /// How the file differs from it, in words.
    changes: Vec<String>,
    same: bool,
}

/// A step, for programs.
#[derive(Serialize)]
struct Told<'a> {
    file: String,
    policy_key: &'a str,
    action: Action,
    version: Option<i32>,
    changes: &'a [String],
}

impl Step {
    pub(super) fn action(&self) -> Action {
        match (&self.newest, self.same) {
            (None, _) => Action::Create,
            (Some(_), true) => Action::Nothing,
            (Some(_), false) => Action::Add,
        }
    }

    fn told(&self) -> Told<'_> {
        Told {
            file: self.file.display().to_string(),
            policy_key: &self.policy.policy_key,
            action: self.action(),
            version: self.newest.as_ref().map(|newest| newest.version),
            changes: &self.changes,
        }
    }
}

/// Compares the files at these paths with the server. The same policy in two files is an error.
pub(super) async fn plan(server: &Policies, paths: &[PathBuf]) -> anyhow::Result<Vec<Step>> {
    let mut seen = BTreeMap::new();
    let mut steps = Vec::new();
    for file in files(paths)? {
        let policy: PolicyCreate = read(&file)?.sound(&file)?;
        if let Some(other) = seen.insert(policy.policy_key.clone(), file.clone()) {
            anyhow::bail!("{} and {} both hold {}", other.display(), file.display(), policy.policy_key);
        }
        let newest = server.newest(&policy.policy_key).await?;
        steps.push(step(file, policy, newest)?);
    }
    Ok(steps)
}

fn step(file: PathBuf, policy: PolicyCreate, newest: Option<PolicyOut>) -> anyhow::Result<Step> {
    let Some(stored) = &newest else {
        return Ok(Step { file, policy, newest, changes: Vec::new(), same: false });
    };
    let before = as_written(stored);
    let same = says(before.clone())? == says(policy.clone())?;
    let changes = if same {
        Vec::new()
    } else {
        changes(&before, &policy).with_context(|| file.display().to_string())?
    };
    Ok(Step { file, policy, newest, changes, same })
}

/// The files at these paths, folders searched one level deep, in order of their names.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let listed = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
        let mut inside = Vec::new();
        for entry in listed {
            let entry = entry.with_context(|| path.display().to_string())?.path();
            if entry.is_file() && is_policy(&entry) {
                inside.push(entry);
            }
        }
        inside.sort();
        files.append(&mut inside);
    }
    anyhow::ensure!(!files.is_empty(), "there is no policy file (.yaml, .yml, .json)");
    anyhow::ensure!(files.len() <= MOST_FILES, "more than {MOST_FILES} files");
    Ok(files)
}

fn is_policy(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    // `awe policy test` keeps its cases beside the policies.
    let cases = file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with(".cases"));
    ending.is_some_and(|ending| ENDINGS.contains(&ending)) && !cases
}

/// What a policy says, with what the server fills in (a stage with a deadline and no `on_breach` notifies) and each
/// number written in one way.
fn says(mut policy: PolicyCreate) -> anyhow::Result<Vec<u8>> {
    policy.stages.sort_by_key(|stage| stage.stage_order);
    for stage in &mut policy.stages {
        let on_breach = stage.on_breach.take().unwrap_or_else(|| "notify".to_owned());
        stage.on_breach = stage.sla_hours.map(|_| on_breach);
    }
    let mut text = Vec::new();
    write_canonical(&serde_json::to_value(policy)?, &mut text)?;
    Ok(text)
}

/// How `after` differs from `before`, in words. What is written differently and means the same is told as such.
fn changes(before: &PolicyCreate, after: &PolicyCreate) -> anyhow::Result<Vec<String>> {
    let (old, new) = (engine(before)?, engine(after)?);
    let changes = diff(version(before, &old), version(after, &new));
    if changes.is_empty() {
        return Ok(vec!["The same in other words.".to_owned()]);
    }
    Ok(changes.into_iter().map(|change| change.words).collect())
}

fn engine(policy: &PolicyCreate) -> anyhow::Result<Policy> {
    to_engine(policy, PolicyId(Uuid::nil()), 1, &mut Uuid::now_v7).map_err(|faults| {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", told.join("\n"))
    })
}

fn version<'a>(written: &'a PolicyCreate, policy: &'a Policy) -> Version<'a> {
    Version {
        policy,
        name: &written.name,
        description: written.description.as_deref(),
        artifact_type: &written.artifact_type,
        context_schema: written.context_schema.as_ref(),
    }
}

/// Tells what would be done, for people.
pub(super) fn tell(steps: &[Step]) -> anyhow::Result<()> {
    for step in steps {
        let key = &step.policy.policy_key;
        let line = match (step.action(), &step.newest) {
            (Action::Nothing, Some(newest)) => format!("= {key}: version {} says the same", newest.version),
            (_, Some(newest)) => {
                format!("~ {key}: version {} becomes {}", newest.version, newest.version + 1)
            }
            (_, None) => format!("+ {key}: new"),
        };
        output::print(&line)?;
        for change in &step.changes {
            output::print(&format!("    {change}"))?;
        }
    }
    Ok(())
}
