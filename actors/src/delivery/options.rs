//! How webhooks are delivered.

use std::time::Duration;

/// How webhooks are delivered.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// Of one attempt.
    pub timeout: Duration,
    /// Attempts before a delivery is exhausted.
    pub max_attempts: u32,
    /// Waits between attempts; the last one repeats.
    pub backoff: Vec<Duration>,
    /// How often due deliveries are looked for without being told.
    pub poll_interval: Duration,
    /// Deliveries to one endpoint leased by one statement.
    pub batch_size: usize,
    /// Attempts under way at once in this process.
    pub concurrency: usize,
    /// Bounds of each endpoint.
    pub endpoint: EndpointOptions,
    /// Without a secret: send unsigned, rather than not at all.
    pub allow_unsigned: bool,
}

/// What one endpoint (scheme, host and port) may take of a process.
#[derive(Debug, Clone, Copy)]
pub struct EndpointOptions {
    /// Attempts under way at once.
    pub concurrency: usize,
    /// Attempts per second; 0 = without a limit.
    pub rate_per_second: u32,
    /// Failures in a row after which it is left alone.
    pub open_after_failures: u32,
    /// How long it is left alone before one attempt is made to see.
    pub open: Duration,
}
