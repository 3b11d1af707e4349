//! `awe policy`: policy files, with a server and without.

mod against;
mod apply;
mod test;
mod validate;

use super::author::Author;
use super::output;
use crate::config::Config;
use crate::extract::{first_inexact, first_inexact_in_yaml};
use anyhow::Context as _;
use clap::Subcommand;
use figment::Figment;
use figment::providers::{Format as _, Yaml};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::process::ExitCode;

/// Exit code for a file that cannot be used at all; 1 is for what was found wrong in one that can.
const UNUSABLE: u8 = 2;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a policy, or add a version when the file says something new.
    Apply(apply::Arguments),
    /// Say what is wrong with policy files, without a server.
    Validate(validate::Arguments),
    /// Try policies on cases that are written down, without a server.
    Test(test::Arguments),
}

pub(super) async fn run(
    command: Command,
    load: impl FnOnce() -> anyhow::Result<Config>,
    author: &Author,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Apply(arguments) => apply::run(&arguments, author).await.map(|()| ExitCode::SUCCESS),
        Command::Validate(arguments) => validate::run(&arguments, &load()?).await,
        Command::Test(arguments) => test::run(&arguments, &load()?),
    }
}

/// What came of one file.
enum Outcome {
    Good,
    Bad,
}

/// Looks at every file and tells of each; the worst outcome is the exit code.
fn each(files: &[std::path::PathBuf], mut look: impl FnMut(&Path) -> anyhow::Result<Outcome>) -> ExitCode {
    let mut worst = 0;
    for file in files {
        let code = match look(file) {
            Ok(Outcome::Good) => 0,
            Ok(Outcome::Bad) => 1,
            Err(error) => {
                output::complain(&format!("awe: {error:#}"));
                UNUSABLE
            }
        };
        worst = worst.max(code);
    }
    ExitCode::from(worst)
}

/// A file of YAML or, by its name, JSON.
fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let value: serde_json::Value = if file.extension().is_some_and(|extension| extension == "json") {
        if let Some(inexact) = first_inexact(text.as_bytes()) {
            anyhow::bail!("{}: {}", file.display(), inexact.message());
        }
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?
    } else {
        if let Some((line, number)) = first_inexact_in_yaml(&text) {
            let file = file.display();
            anyhow::bail!(
                "{file}: line {line}: the number {number} cannot be kept exactly: write it as a string"
            );
        }
        let yaml = Figment::from(Yaml::string(&text));
        yaml.extract().map_err(|error| anyhow::anyhow!("{} is no YAML: {error}", file.display()))?
    };
    serde_path_to_error::deserialize(value)
        .map_err(|error| anyhow::anyhow!("{}: {}: {}", file.display(), error.path(), error.inner()))
}
