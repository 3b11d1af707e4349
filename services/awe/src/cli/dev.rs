//! `awe dev`: everything on this machine.

mod database;
mod files;
mod seed;

pub(super) use database::ROLE;

use super::{output, smoke};
use crate::app::{self, StopSignal};
use crate::config::{self, Config};
use crate::embedded::{self, Embedded};
use crate::logging;
use crate::server;
use clap::Args;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use tokio::net::TcpListener;

const EXAMPLES: &str = "\
Starts a PostgreSQL and a NATS server of its own (from PATH, or as AWE_POSTGRES_BIN and AWE_NATS_BIN say), migrates,
seeds the policy hello.v1 and a file of people (directory.yaml in the data directory), and serves on loopback the API,
and on a second port the UI with the API beside it. Data stays in the data directory; Ctrl-C stops
every child. AWE__DATABASE__URL and AWE__NATS__URL name running servers to use instead.

Examples:
  awe dev
  awe dev --port 8001 --ui-port 8081
  awe dev --services-only    only PostgreSQL and NATS, for running tests: . .dev/env";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Port of the API; `server.port` (8000) when absent.
    #[arg(long)]
    port: Option<u16>,
    /// Port of the UI; `server.ui_port` (8080) when absent.
    #[arg(long)]
    ui_port: Option<u16>,
    /// Where both servers keep their data.
    #[arg(long, value_name = "DIR", default_value = ".dev/data")]
    data: PathBuf,
    /// File for other tools to source; holds `BASE_URL`, `DATABASE_URL`, `NATS_URL`, and `ISSUER` if there is one.
    #[arg(long, value_name = "FILE", default_value = ".dev/env")]
    env_file: PathBuf,
    /// Only the database and the bus.
    #[arg(long)]
    services_only: bool,
    /// The database without `fsync`: faster, for data that may be lost (tests).
    #[arg(long)]
    throwaway: bool,
}

pub(super) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let signal = StopSignal::listen()?;
    let _levels = logging::signals::listen()?;
    let stop = signal.token();
    config.server.host = Ipv4Addr::LOCALHOST.into();
    config.server.port = arguments.port.unwrap_or(config.server.port);
    config.server.ui_port = arguments.ui_port.unwrap_or(config.server.ui_port);
    // Ports are taken first: one that is in use is the most frequent failure, and costs nothing to find out.
    let listeners = if arguments.services_only { None } else { Some(listen(&config).await?) };
    let metrics = if arguments.services_only { None } else { config::metrics(&config).await? };
    let options = services(&arguments);
    let services = tokio::select! {
        started = Embedded::start(&options) => started?,
        () = stop.cancelled() => return Ok(()),
    };
    config.nats.url = services.nats_url.clone().into();
    let outcome = match listeners {
        Some(listeners) => {
            everything(config, &arguments, &services.database_url, listeners, metrics, stop).await
        }
        None => only_services(&config, &arguments, &services.database_url, stop).await,
    };
    let stopped = services.stop().await;
    outcome.and(stopped)
}

/// Which of the two servers to start: those that the environment does not name as running.
fn services(arguments: &Arguments) -> embedded::Options {
    let named = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
    embedded::Options {
        data_dir: arguments.data.clone(),
        postgres_bin: None,
        nats_bin: None,
        database_url: named("AWE__DATABASE__URL"),
        nats_url: named("AWE__NATS__URL"),
        durable: !arguments.throwaway,
    }
}

type Listeners = (TcpListener, TcpListener);

async fn listen(config: &Config) -> anyhow::Result<Listeners> {
    let api = bind(config.server.port, "--port").await?;
    let ui = bind(config.server.ui_port, "--ui-port").await?;
    Ok((api, ui))
}

async fn bind(port: u16, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            let another = port.checked_add(100).unwrap_or(18_000);
            anyhow::anyhow!(
                "port {port} is taken by another program: choose another, for example {option} {another}"
            )
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on 127.0.0.1 port {port} ({option})")),
    })
}

async fn everything(
    mut config: Config,
    arguments: &Arguments,
    database_url: &str,
    (api, ui): Listeners,
    metrics: Option<serving::Metrics>,
    stop: tokio_util::sync::CancellationToken,
) -> anyhow::Result<()> {
    files::master_key(&mut config, &arguments.data)?;
    files::directory(&mut config, &arguments.data)?;
    let (api_address, ui_address) = (api.local_addr()?, ui.local_addr()?);
    database::prepare(&mut config, database_url).await?;
    let state = app::connect(config).await?;
    seed::hello(&state).await?;
    let router = server::router_with_home(state.clone());
    let up = state.clone();
    // The file is written last: programs that wait for it expect a server that answers.
    let started = || {
        files::write_env(&arguments.env_file, up.config(), database_url, Some(api_address))?;
        Ok(output::print(&smoke::message(api_address, ui_address, up.config().is_development()))?)
    };
    let listeners = vec![(api, router), (ui, server::router_with_ui(state.clone()))];
    app::run(state, listeners, metrics, actors::Roles::all(), false, stop, started).await
}

async fn only_services(
    config: &Config,
    arguments: &Arguments,
    database_url: &str,
    stop: tokio_util::sync::CancellationToken,
) -> anyhow::Result<()> {
    files::write_env(&arguments.env_file, config, database_url, None)?;
    output::print(&format!("PostgreSQL and NATS are up: . {}", arguments.env_file.display()))?;
    stop.cancelled().await;
    Ok(())
}
