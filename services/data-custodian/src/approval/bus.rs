//! The connection to NATS.

use awe_client::nats::async_nats;
use std::time::Duration;

/// A connection, with the names that are spoken over it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    pub(super) connection: async_nats::Client,
    pub(super) awe_prefix: String,
    pub(super) durable: String,
    pub(super) prefix: String,
}

/// Connects; NATS may be away, and is then tried for again and again.
///
/// # Errors
/// The URL makes no sense.
pub async fn connect(settings: &crate::config::Nats) -> anyhow::Result<Option<Bus>> {
    use secrecy::ExposeSecret as _;
    let url = settings.url.expose_secret();
    if url.is_empty() {
        return Ok(None);
    }
    let options = async_nats::ConnectOptions::new()
        .name("data-custodian")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(Duration::from_secs(5))
        .request_timeout(Some(Duration::from_secs(5)));
    Ok(Some(Bus {
        connection: options.connect(url).await?,
        awe_prefix: settings.awe_prefix.clone(),
        durable: settings.durable.clone(),
        prefix: settings.prefix.clone(),
    }))
}

impl Bus {
    /// The stream of our own events.
    pub(super) fn stream(&self) -> String {
        format!("{}_EVENTS", self.prefix.to_ascii_uppercase().replace('-', "_"))
    }
}
