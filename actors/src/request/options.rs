//! Bounds of request actors.

use std::time::Duration;
use store::commit::Limits;

/// Bounds of request actors.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// Most live actors. Above it, an actor ends after its command.
    pub max_live: usize,
    /// An actor that is idle for this long ends.
    pub idle: Duration,
    /// Most commands under way. Above it, callers are told to retry.
    pub max_in_flight: usize,
    /// Whether requests may name another artifact type than their policy.
    pub any_artifact_type: bool,
    /// Sizes of the group commit.
    pub commit: Limits,
    /// Timeout of a command.
    pub command_timeout: Duration,
    /// How long a create waits for its first tasks; zero = not at all.
    pub create_wait: Duration,
}

/// For tests: a server fills every field from its configuration.
impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            max_live: 20_000,
            idle: Duration::from_secs(30),
            max_in_flight: 4096,
            any_artifact_type: false,
            commit: Limits::default(),
            command_timeout: Duration::from_secs(20),
            create_wait: Duration::from_secs(2),
        }
    }
}
