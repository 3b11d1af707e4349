//! Bounds of request actors.

use std::time::Duration;
use store::commit::Limits;

/// Bounds of request actors.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// Live actors at most; past it an actor ends after its command.
    pub max_live: usize,
    /// An actor without work ends after this.
    pub idle: Duration,
    /// Commands under way at most; past it callers are told to come back.
    pub max_in_flight: usize,
    /// Requests may name another artifact type than their policy.
    pub any_artifact_type: bool,
    /// Group commit.
    pub commit: Limits,
    /// How long a command may take.
    pub command_timeout: Duration,
    /// How long a create waits for its first tasks; zero = not at all.
    pub create_wait: Duration,
}

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
