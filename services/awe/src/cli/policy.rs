//! `awe policy`: policy files, with a server and without.

mod against;
mod apply;
mod diff;
mod export;
mod files;
mod outcome;
mod plan;
mod replay;
mod server;
mod test;
mod validate;

use super::author::Author;
use super::output;
use crate::config::Config;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create policies, or add versions where the files say something new.
    Apply(apply::Arguments),
    /// Say what applying files would change.
    Plan(plan::Arguments),
    /// Write the policies of a server to files.
    Export(export::Arguments),
    /// Say how two versions of a policy differ.
    Diff(diff::Arguments),
    /// Say what a version would have made of requests that have ended.
    Replay(replay::Arguments),
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
        Command::Plan(arguments) => {
            // An error must not look like "something would change", which is 2.
            Ok(plan::run(&arguments, author).await.unwrap_or_else(|error| {
                output::complain(&format!("awe: {error:#}"));
                ExitCode::FAILURE
            }))
        }
        Command::Export(arguments) => export::run(&arguments, author).await.map(|()| ExitCode::SUCCESS),
        Command::Diff(arguments) => diff::run(&arguments, author).await.map(|()| ExitCode::SUCCESS),
        Command::Replay(arguments) => replay::run(&arguments, author).await.map(|()| ExitCode::SUCCESS),
        Command::Validate(arguments) => Ok(validate::run(&arguments, &load()?).await),
        Command::Test(arguments) => test::run(&arguments, &load()?),
    }
}
