//! The command line, one file a subcommand. Each file holds the arguments, their help, and `run`.

mod audit;
mod author;
mod conform;
mod deliveries;
mod dev;
mod development;
mod doctor;
mod health;
mod import;
mod init;
mod migrate;
mod openapi;
mod outbox;
mod output;
mod policy;
mod remote;
mod secrets;
mod serve;
mod smoke;
mod terminal;
mod token;
mod version;
mod when;

use crate::config::{self, Config};
use crate::logging;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// AWE, the Approval Workflow Engine.
///
/// Ask for approval of an artifact, let the right people decide, learn the outcome by signed webhook and by event.
#[derive(Debug, Parser)]
#[command(name = "awe", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  awe dev                                    everything on this machine, for trying it out
  awe serve --migrate                        the server, with what config/default.yaml and AWE__* say
  awe serve --roles delivery,relay           a process that only delivers
  awe policy validate policy.yaml            what is wrong with a policy
  awe policy test cases.yaml                 whether a policy does what its cases say
  awe policy apply policy.yaml --activate    bring a policy into force
  awe deliveries retry --status exhausted    send webhooks again that were given up
  awe openapi > openapi.json                 the API's description

Configuration: built-in defaults, then --config FILE, then environment variables AWE__SECTION__KEY,
for example AWE__DATABASE__URL=postgres://awe@db/awe. Logs: AWE_LOG=info,awe=debug.")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// YAML file with settings under `awe:` that differ from the defaults.
    #[arg(long, global = true, value_name = "FILE", env = "AWE_CONFIG")]
    config: Option<PathBuf>,
    /// How log lines look; text on a terminal and for tools, else json.
    #[arg(long, global = true, value_enum, env = "AWE_LOG_FORMAT")]
    log_format: Option<logging::Format>,
    #[command(flatten)]
    author: author::Author,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Arguments),
    /// Run everything on this machine, with a database and a bus of its own.
    Dev(dev::Arguments),
    /// Bring the database's schema up to date.
    Migrate(migrate::Arguments),
    /// Make what AWE needs in a `PostgreSQL` server or a Keycloak that exists.
    #[command(subcommand)]
    Init(init::Command),
    /// Take over what another engine has.
    #[command(subcommand)]
    Import(import::Command),
    /// Print the description of the HTTP API (`OpenAPI` 3.1), or of the events (`AsyncAPI` 3).
    Openapi(openapi::Arguments),
    /// Work with policies.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Take away what is known of requests, for auditors.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Look at webhook deliveries, and have them tried again.
    #[command(subcommand)]
    Deliveries(deliveries::Command),
    /// Work on stored secrets.
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Print an unsigned token, which only a server in development mode accepts.
    Token(token::Arguments),
    /// Look at the database, the bus, the secrets and the clocks, and say what to do.
    Doctor(doctor::Arguments),
    /// Events that wait for the stream.
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Play AWE at a receiver of webhooks, and say whether it does what it must.
    Conform(conform::Arguments),
    /// Ask a server whether it is up; exits with 1 when it is not.
    Health(health::Arguments),
    /// Say which program this is, and which UI it carries.
    Version,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&format!("awe: {}", told(&error)));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes on one line. A cause whose text is in the line already is left out.
fn told(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Openapi(arguments) => return openapi::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Version => return version::run().map(|()| ExitCode::SUCCESS),
        Command::Token(arguments) => return token::run(&arguments).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    // Only servers log what they do: the output of a tool is its answer, and its log has warnings only.
    let is_server = matches!(cli.command, Command::Serve(_) | Command::Dev(_));
    let spans = if is_server { config::export(&config::load(cli.global.config.as_deref())?) } else { None };
    let export = logging::init(cli.global.log_format, is_server, spans)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(run_async(cli));
    drop(runtime);
    if let Some(export) = export {
        export.stop();
    }
    ended
}

async fn run_async(cli: Cli) -> anyhow::Result<ExitCode> {
    let load = || -> anyhow::Result<Config> { Ok(config::load(cli.global.config.as_deref())?) };
    // Tools find a running `./dev up` of this checkout by themselves.
    let here = || -> anyhow::Result<Config> {
        let mut config = load()?;
        if cli.global.config.is_none()
            && let Some(file) = development::adopt(&mut config)
        {
            output::complain(&format!("looking at the `awe dev` that runs here ({})", file.display()));
        }
        Ok(config)
    };
    let author = &cli.global.author;
    match cli.command {
        Command::Serve(arguments) => serve::run(load()?, arguments).await,
        Command::Dev(arguments) => dev::run(load()?, arguments).await,
        Command::Migrate(arguments) => return migrate::run(load, &arguments).await,
        Command::Init(command) => init::run(command).await,
        Command::Import(command) => import::run(&load()?, command, author).await,
        Command::Audit(command) => audit::run(&here()?, command).await,
        Command::Deliveries(command) => deliveries::run(&here()?, command, author).await,
        Command::Secrets(command) => secrets::run(&load()?, command, author).await,
        Command::Policy(command) => return policy::run(command, load, author).await,
        Command::Doctor(arguments) => doctor::run(here()?, &arguments).await,
        Command::Conform(arguments) => return conform::run(&arguments).await,
        Command::Outbox(command) => return outbox::run(here()?, command).await,
        Command::Health(arguments) => health::run(&arguments).await,
        Command::Openapi(_) | Command::Token(_) | Command::Version => Ok(()),
    }
    .map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn a_cause_is_told_once() {
        let cause = anyhow::anyhow!("refused at 127.0.0.1:5432");
        let error = cause.context("cannot connect: refused at 127.0.0.1:5432").context("database.url");
        assert_eq!(told(&error), "database.url: cannot connect: refused at 127.0.0.1:5432");
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
