//! `awe serve`.

use crate::app::{self, StopSignal};
use crate::config::{self, Config};
use crate::logging;
use crate::server;
use actors::{Role, Roles};
use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;

#[derive(Debug, Args)]
#[command(after_help = "Roles:
  api        the HTTP API              resolver   finds approvers
  sla        watches deadlines         delivery   sends webhooks
  relay      publishes events on NATS  notifier   sends mail
A process without the api role answers only /v1/awe/health and what is below it, /version, /config and the documentation.

Examples:
  awe serve --migrate
  awe serve --roles api
  awe serve --roles resolver,sla,delivery,relay,notifier --config /etc/awe.yaml --log-format json")]
pub(super) struct Arguments {
    /// Roles that this process plays, separated by commas; all when absent.
    #[arg(long, value_name = "ROLES", env = "AWE_ROLES", value_parser = roles)]
    roles: Option<Roles>,
    /// Bring the database's schema up to date first.
    #[arg(long)]
    migrate: bool,
}

fn roles(text: &str) -> Result<Roles, String> {
    let role = |word: &str| {
        let unknown = || format!("unknown role `{word}`: api, resolver, sla, delivery, relay or notifier");
        Role::parse(word).ok_or_else(unknown)
    };
    text.split(',').map(str::trim).map(role).collect()
}

pub(super) async fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let roles = arguments.roles.unwrap_or(Roles::all());
    let stop = StopSignal::listen()?;
    let _levels = logging::signals::listen()?;
    let (host, port) = (config.server.host, config.server.port);
    let listener = TcpListener::bind((host, port)).await.with_context(|| {
        format!(
            "cannot listen on {host} port {port}: choose another with AWE__SERVER__HOST, AWE__SERVER__PORT"
        )
    })?;
    let address = listener.local_addr()?;
    let metrics = config::metrics(&config).await?;
    let state = app::connect(config).await?;
    let router = if roles.contains(Role::Api) {
        server::router(state.clone())
    } else {
        server::open_router(state.clone())
    };
    let started = || {
        tracing::info!(%address, "listening");
        Ok(())
    };
    let listeners = vec![(listener, router)];
    app::run(state, listeners, metrics, roles, arguments.migrate, stop.token(), started).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_by_name() {
        assert_eq!(roles("api, resolver,sla,delivery,relay,notifier"), Ok(Roles::all()));
        let only = roles("delivery").unwrap_or(Roles::all());
        assert!(only.contains(Role::Delivery) && !only.contains(Role::Api));
        assert!(roles("delivry").is_err_and(|why| why.contains("delivry")));
        assert!(roles("").is_err());
    }
}
