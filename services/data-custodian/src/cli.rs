//! The commands of `awe-data-custodian`.

use crate::metrics::{self, METRICS, PROGRAM};
use crate::{app, config, database, openapi, seed};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serving::Metrics;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

const DEFAULT_LOG: &str = "info,sqlx=warn,async_nats=warn,hyper=warn,reqwest=warn";

#[derive(Debug, Parser)]
#[command(
    name = "awe-data-custodian",
    version,
    about = "Stores what customers agreed to share, once it is approved"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve both listeners until SIGTERM or Ctrl-C
    Serve {
        /// Bring the tables up to date first
        #[arg(long)]
        migrate: bool,
        /// Write what `seed` writes first
        #[arg(long)]
        seed: bool,
        /// Write `public=PORT` and `internal=PORT` into this file once both listen
        #[arg(long, value_name = "FILE")]
        ports_file: Option<PathBuf>,
    },
    /// Bring the tables up to date
    Migrate {
        /// Make the database if it does not exist
        #[arg(long)]
        create: bool,
        /// Change nothing: wait until another process has done it
        #[arg(long, conflicts_with = "create")]
        wait: bool,
        /// How long to wait, seconds
        #[arg(long, value_name = "SECONDS", default_value = "600", requires = "wait",
              value_parser = clap::value_parser!(u64).range(1..=86_400))]
        timeout: u64,
    },
    /// Ask the public listener of a server how it does; exit code 0 if well
    Health {
        /// Where it is; the server that runs here when absent
        #[arg(long, value_name = "HOST:PORT")]
        at: Option<String>,
    },
    /// Write the clients, customers and usage points of a demonstration
    Seed {
        /// A further redirect URI of both clients
        #[arg(long, value_name = "URL")]
        return_url: Vec<String>,
    },
    /// Print the settings, with secrets masked
    Config,
    /// Print the OpenAPI document
    Openapi,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match started(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading: then there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "awe-data-custodian: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn started(command: Command) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("DATA_CUSTODIAN_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    // Only the server tells others of itself.
    let spans = match command {
        Command::Serve { .. } => config::load()?.telemetry.export(PROGRAM),
        _ => None,
    };
    let export = telemetry::logs::start(filter, spans).context("telemetry.otlp_endpoint")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(run(command));
    drop(runtime);
    if let Some(export) = export {
        export.stop();
    }
    ended
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve { migrate, seed, ports_file } => serve(migrate, seed, ports_file).await,
        Command::Migrate { wait: true, timeout, .. } => {
            database::wait(&config::load()?.database, Duration::from_secs(timeout)).await
        }
        Command::Migrate { create, .. } => database::migrate(&config::load()?.database, create).await,
        Command::Health { at } => health(at).await,
        Command::Seed { return_url } => write_seeds(&config::load()?.database, &return_url).await,
        Command::Config => print(&(serde_json::to_string_pretty(&config::load()?)? + "\n")),
        Command::Openapi => print(&openapi::text()),
    }
}

async fn health(at: Option<String>) -> anyhow::Result<()> {
    let public = config::load()?.public;
    let at = at.unwrap_or_else(|| SocketAddr::from((public.host, public.port)).to_string());
    print(&(serving::probe(&at, "/health").await? + "\n"))
}

async fn write_seeds(database: &config::Database, return_url: &[String]) -> anyhow::Result<()> {
    let pool = database::pool(database)?;
    seed::seed(&pool, return_url).await?;
    pool.close().await;
    Ok(())
}

async fn serve(migrate: bool, seeds: bool, ports_file: Option<PathBuf>) -> anyhow::Result<()> {
    let config = config::load()?;
    if migrate {
        database::migrate(&config.database, false).await?;
    }
    if seeds {
        write_seeds(&config.database, &[]).await?;
    }
    if config.is_development() {
        tracing::warn!("development mode: unsigned tokens are accepted, anybody can be anybody");
    }
    let metrics = Metrics::keep(config.telemetry.metrics(), &PROGRAM, &METRICS).await?;
    let stop = CancellationToken::new();
    metrics::show(metrics.scrape().clone());
    tokio::spawn(metrics.serve(stop.clone()));
    let running = app::start(config, stop.clone()).await?;
    if let Some(file) = ports_file {
        let text = format!("public={}\ninternal={}\n", running.public.port(), running.internal.port());
        // Written beside and moved, so that a reader sees all of it or nothing.
        let new = file.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(new, file)?;
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Whoever sends calls here is told before the listeners close.
    running.app.leaving.cancel();
    tokio::time::sleep(Duration::from_secs(running.app.config.server.unready_seconds)).await;
    running.stop().await;
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
