//! Finds what nobody told of, caller by caller.

use super::live::LiveEndpoints;
use crate::Error;
use crate::background::Job;
use std::collections::HashMap;
use std::time::Duration;
use store::Store;
use store::deliveries::Destination;

/// Callers named by one statement.
const CALLERS: i64 = 20;
/// Endpoints of one caller looked at in one round. One that has more is served in turns, so that what it costs to look
/// through them delays nobody else.
const EACH: i64 = 1000;

/// An endpoint without anything to do loses its actor after this.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Poll {
    store: Store,
    endpoints: LiveEndpoints,
    interval: Duration,
    /// Callers with more endpoints than one round looks at, each with the last one looked at.
    seen: HashMap<String, Destination>,
}

impl Poll {
    pub(super) fn new(store: Store, endpoints: LiveEndpoints, interval: Duration) -> Self {
        Self { store, endpoints, interval, seen: HashMap::new() }
    }

    /// Has the actors of the next callers look; answers the last of these callers, if there may be more after it.
    async fn page(&mut self, after: Option<&str>, before: &[Destination]) -> Result<Option<String>, Error> {
        let found = self.store.waiting_destinations(after, CALLERS, EACH, before).await?;
        let mut looked_at: HashMap<&str, i64> = HashMap::new();
        for (to, due) in &found.destinations {
            if *due {
                self.endpoints.look(to).await;
            }
            let looked_at = looked_at.entry(&to.caller_service).or_default();
            *looked_at += 1;
            if *looked_at == EACH {
                self.seen.insert(to.caller_service.clone(), to.clone());
            }
        }
        Ok(found.last_caller)
    }
}

impl Job for Poll {
    const NAME: &'static str = "delivery poll";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        self.endpoints.rest(IDLE);
        let before: Vec<_> = std::mem::take(&mut self.seen).into_values().collect();
        let mut after = None;
        loop {
            after = self.page(after.as_deref(), &before).await?;
            if after.is_none() {
                return Ok(self.interval);
            }
        }
    }
}
