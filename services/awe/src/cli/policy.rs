//! `awe policy`: policy files, with a server and without.

mod against;
mod apply;
mod files;
mod outcome;
mod test;
mod validate;

use super::author::Author;
use crate::config::Config;
use clap::Subcommand;
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
