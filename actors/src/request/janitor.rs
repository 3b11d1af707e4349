//! Sends request actors to rest that have had nothing to do for a while.

use super::shared::Shared;
use crate::background::Job;
use std::sync::Arc;
use std::time::Duration;

/// Sends idle request actors to rest.
pub(crate) struct Janitor {
    pub(crate) shared: Arc<Shared>,
}

impl Job for Janitor {
    const NAME: &'static str = "janitor";

    async fn run_once(&mut self) -> Result<Duration, crate::Error> {
        let idle = self.shared.options.idle;
        let rested = self.shared.registry.passivate(idle);
        if rested > 0 {
            tracing::debug!(rested, live = self.shared.registry.len(), "idle request actors rest");
        }
        Ok(idle / 2)
    }
}
