//! `awe policy`: policy files, with a server and without.

mod against;
mod apply;
mod test;
mod validate;

use super::author::Author;
use super::output;
use crate::config::Config;
use crate::document::{self, Document};
use anyhow::Context as _;
use clap::Subcommand;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::process::ExitCode;

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
        Command::Validate(arguments) => Ok(validate::run(&arguments, &load()?).await),
        Command::Test(arguments) => test::run(&arguments, &load()?),
    }
}

/// What came of one file; of several, the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Good,
    /// Nothing is wrong, and warnings were to count.
    Doubtful,
    Bad,
    /// It could not be looked at.
    Unusable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Good => 0,
            Outcome::Bad => 1,
            Outcome::Unusable => 2,
            Outcome::Doubtful => 3,
        })
    }
}

/// Looks at every file and tells of each; the worst outcome is the exit code.
fn each<T>(all: impl IntoIterator<Item = T>, mut look: impl FnMut(T) -> anyhow::Result<Outcome>) -> ExitCode {
    let looked = all.into_iter().map(|one| look(one).unwrap_or_else(|error| unusable(&error)));
    // Every file is looked at, whatever came before.
    looked.fold(Outcome::Good, Outcome::max).into()
}

fn unusable(error: &anyhow::Error) -> Outcome {
    output::complain(&format!("awe: {error:#}"));
    Outcome::Unusable
}

/// A file of YAML or, by its name, JSON.
fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Document<T>> {
    document::read(file).with_context(|| file.display().to_string())
}
