//! How webhooks are delivered.

use std::time::Duration;

/// How webhooks are delivered.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// Timeout of one attempt.
    pub timeout: Duration,
    /// Attempts before a delivery is exhausted.
    pub max_attempts: u32,
    /// Waits between attempts; the last one repeats.
    pub backoff: Vec<Duration>,
    /// How often due deliveries are looked for without a message.
    pub poll_interval: Duration,
    /// Most deliveries to one endpoint leased by one statement.
    pub batch_size: usize,
    /// Most attempts under way in this process.
    pub concurrency: usize,
    /// Bounds of each endpoint of a caller.
    pub endpoint: EndpointOptions,
    /// Sends unsigned when a caller has no secret, instead of not sending.
    pub allow_unsigned: bool,
}

/// What one endpoint (scheme, host and port) of a caller may take of a process.
#[derive(Debug, Clone, Copy)]
pub struct EndpointOptions {
    /// Most attempts under way.
    pub concurrency: usize,
    /// Attempts per second; 0 = unlimited.
    pub rate_per_second: u32,
    /// Consecutive failures that open the circuit.
    pub open_after_failures: u32,
    /// How long an open circuit waits before a probe.
    pub open: Duration,
}
