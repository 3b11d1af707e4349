//! Where validations are done: at once when they are cheap, else on a thread that nobody waits for but the caller.

use super::ContextSchema;
use crate::Error;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Visits that take less time than changing threads does.
const CHEAP: u64 = 2_000;
/// Most costly validations at once; further ones wait for a place.
const AT_ONCE: usize = 2;
/// How long a caller waits for a place, and for the validation. What is counted beforehand takes far less.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Validations(Arc<Semaphore>);

impl Default for Validations {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Validations {
    /// Whether a context keeps a schema.
    ///
    /// # Errors
    /// [`Error::Context`]; [`Error::Overloaded`] when there is no place for it, and a retry is safe.
    pub(crate) async fn check(&self, schema: &Arc<ContextSchema>, context: &Value) -> Result<(), Error> {
        match schema.cost(context) {
            Some(cost) if cost > CHEAP => self.check_elsewhere(schema, context).await,
            _ => schema.check(context).map_err(Error::Context),
        }
    }

    /// All places, for a test.
    #[cfg(test)]
    pub(super) async fn take_all(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        Arc::clone(&self.0).acquire_many_owned(all).await.expect("the semaphore is never closed")
    }

    async fn check_elsewhere(&self, schema: &Arc<ContextSchema>, context: &Value) -> Result<(), Error> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned());
        let Ok(Ok(place)) = place.await else { return Err(Error::Overloaded) };
        let (schema, context) = (Arc::clone(schema), context.clone());
        let validation = tokio::task::spawn_blocking(move || {
            let outcome = schema.check(&context).map_err(Error::Context);
            // Kept to the end, whoever has given up waiting.
            drop(place);
            outcome
        });
        match tokio::time::timeout(PATIENCE, validation).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(Error::Internal(format!("a context could not be validated: {panic}"))),
            Err(_) => Err(Error::Overloaded),
        }
    }
}
