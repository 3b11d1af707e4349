//! The one place that sets up an HTTP client and reads a response body.

use crate::egress::{Egress, GuardedResolver, Lookup};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// An HTTP client cannot be set up: the TLS of this system is unusable.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SetupError(#[from] reqwest::Error);

/// How reading a response body ended.
#[derive(Debug)]
pub(crate) enum BodyEnd {
    /// The whole body was read.
    Complete,
    /// As many bytes as were asked for were read; more may follow.
    Enough,
    /// The connection broke.
    Broken(reqwest::Error),
    /// The deadline passed.
    Stalled,
}

/// A client that follows no redirect. It honours the proxy of the environment.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(16)
        .user_agent(concat!("awe/", env!("CARGO_PKG_VERSION")))
}

/// A client that connects only to addresses that `egress` allows. It uses no proxy: behind one, the guard would see the
/// proxy's address instead of the receiver's.
pub(crate) fn guarded_builder(egress: Egress, lookup: Lookup) -> reqwest::ClientBuilder {
    builder().no_proxy().dns_resolver(Arc::new(GuardedResolver::new(egress, lookup)))
}

/// Reads a body until it ends, `enough` bytes have arrived or `deadline` passes. Chunks are taken whole, so `body` may
/// hold more than `enough`.
pub(crate) async fn read_body(
    response: &mut reqwest::Response,
    enough: usize,
    deadline: Instant,
    body: &mut Vec<u8>,
) -> BodyEnd {
    while body.len() < enough {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => return BodyEnd::Complete,
            Ok(Err(error)) => return BodyEnd::Broken(error.without_url()),
            Err(_) => return BodyEnd::Stalled,
        }
    }
    BodyEnd::Enough
}
