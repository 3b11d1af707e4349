//! From the configuration to the parts of a process: clients of Postgres and NATS, directories, credentials, and the
//! options of every role. A section of [`crate::config`] says what its own keys mean; this file says which part is
//! given which section.

mod staff;

use crate::admission::Admission;
use crate::auth::Authenticator;
use crate::config::{Config, NamedCredential, seconds};
use crate::state::{AppState, Parts};
use actors::{Courier, Directories, NotifierOptions, Options, Role, Roles};
use anyhow::{Context as _, anyhow};
use bus::Bus;
use outbound::{Client, Credentials, HttpRules, TokenProvider};
use std::sync::Arc;
use store::Store;
use tokio_util::task::TaskTracker;

/// What handlers use. Nothing is connected yet: servers that are away are tried again later.
pub(crate) async fn parts(config: Config) -> anyhow::Result<Parts> {
    let tasks = TaskTracker::new();
    let store = Store::connect_lazy(&config.database.options()).context("database.url cannot be used")?;
    let bus = Bus::connect(config.nats.options()).await.context("nats.url cannot be used")?;
    let authenticator = Authenticator::new(&config, &tasks).context("tokens cannot be verified")?;
    let vault = Arc::new(config.vault()?);
    let egress = config.egress();
    let admission = Admission::new(&config).context("the policy gate cannot be asked")?;
    let credentials = credentials(&config)?;
    let webhooks = config.webhooks();
    let courier =
        Courier::new(store.clone(), Arc::clone(&vault), egress.clone(), credentials.clone(), &webhooks)?;
    let staff = staff::staff(&config)?;
    Ok(Parts {
        config,
        authenticator,
        store,
        vault,
        bus: Some(bus),
        egress,
        credentials,
        courier,
        staff,
        admission,
        tasks,
    })
}

/// The actors of this process.
pub(crate) fn system(state: &AppState, roles: Roles) -> anyhow::Result<Options> {
    let config = state.config();
    Ok(Options {
        store: state.store().clone(),
        bus: state.bus().cloned(),
        vault: state.shared_vault(),
        roles,
        requests: config.request_actors(),
        webhook: config.webhooks(),
        resolver: config.resolver.options(),
        sla: config.sla.options(),
        relay: config.nats.relay(),
        retention: config.retention.options(&config.idempotency),
        egress: state.egress().clone(),
        credentials: state.credentials().clone(),
        directory: Arc::new(directories(state)?),
        notifier: if roles.contains(Role::Notifier) { notifier(state)? } else { None },
    })
}

/// Credentials by name. The operator sets the token endpoints, so the client that asks them is not guarded.
fn credentials(config: &Config) -> anyhow::Result<Credentials> {
    let client = Client::trusted().context("outbound HTTP cannot be set up")?;
    let tokens = TokenProvider::new(client, seconds(config.resolver.http_timeout_seconds));
    let usable = |(name, credential): (&String, &NamedCredential)| (name.clone(), credential.usable());
    Ok(Credentials::new(config.credentials.iter().map(usable).collect(), tokens))
}

/// The services that answer rules which this process cannot answer itself.
fn directories(state: &AppState) -> anyhow::Result<Directories> {
    let config = state.config();
    let (credentials, timeout) = (state.credentials(), seconds(config.resolver.http_timeout_seconds));
    let http = HttpRules::new(state.egress().clone(), credentials.tokens().clone(), timeout);
    Ok(Directories {
        staff: state.staff().ok().cloned(),
        http: http.context("outbound HTTP cannot be set up")?,
        credentials: credentials.clone(),
        store: state.store().clone(),
        vault: state.shared_vault(),
        allow_unsigned: config.allows_unsigned_webhooks(),
    })
}

/// Mail to people; `None` where it is not enabled.
fn notifier(state: &AppState) -> anyhow::Result<Option<NotifierOptions>> {
    let notifier = &state.config().notifier;
    if !notifier.enabled {
        return Ok(None);
    }
    let directory = state.staff().map_err(|_| anyhow!("the notifier needs keycloak.base_url"))?;
    notifier.options(directory.clone()).map(Some)
}
