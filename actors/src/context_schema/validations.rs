//! Runs validations: cheap ones at once, expensive ones on a blocking thread.

use super::ContextSchema;
use crate::Error;
use schemas::json::Bounds;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A validation with fewer visits than this takes less time than a change of threads.
const CHEAP: u64 = 2_000;
/// Largest context, in bytes and values, whose cost is counted at once; counting a larger one is itself moved to a
/// blocking thread.
const SMALL: Bounds = Bounds { bytes: 16 * 1024, values: 500, depth: 32 };
/// Most expensive validations at once; others wait for a permit.
const AT_ONCE: usize = 4;
/// How long a caller waits for a permit and the validation. Whatever passed the count takes far less.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most callers whose permit is remembered.
const MOST_CALLERS: u64 = 10_000;

/// Each caller has one permit at a time, so that no caller can use up all of them.
#[derive(Debug)]
pub(crate) struct Validations {
    places: Arc<Semaphore>,
    callers: moka::sync::Cache<String, Arc<Semaphore>>,
}

impl Default for Validations {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), callers: moka::sync::Cache::new(MOST_CALLERS) }
    }
}

impl Validations {
    /// Validates a context against a schema.
    ///
    /// # Errors
    /// [`Error::Context`]; [`Error::Overloaded`] when there is no permit: a retry is safe.
    pub(crate) async fn check(
        &self,
        schema: &Arc<ContextSchema>,
        context: &Arc<Value>,
        caller: &str,
    ) -> Result<(), Error> {
        let cheap = SMALL.check(context).is_ok() && schema.cost(context).is_some_and(|cost| cost <= CHEAP);
        if cheap {
            return schema.check(context).map_err(Error::Context);
        }
        self.check_elsewhere(schema, context, caller).await
    }

    /// Takes all permits, for a test.
    #[cfg(test)]
    pub(super) async fn take_all(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        Arc::clone(&self.places).acquire_many_owned(all).await.expect("the semaphore is never closed")
    }

    /// Takes the permit of one caller, for a test.
    #[cfg(test)]
    pub(super) async fn take_own(&self, caller: &str) -> tokio::sync::OwnedSemaphorePermit {
        self.own(caller).acquire_owned().await.expect("the semaphore is never closed")
    }

    fn own(&self, caller: &str) -> Arc<Semaphore> {
        self.callers.get_with_by_ref(caller, || Arc::new(Semaphore::new(1)))
    }

    async fn check_elsewhere(
        &self,
        schema: &Arc<ContextSchema>,
        context: &Arc<Value>,
        caller: &str,
    ) -> Result<(), Error> {
        let own = self.own(caller);
        let places = async {
            // The caller's own permit comes first: while waiting for it, the caller holds none of the shared ones.
            let own = own.acquire_owned().await;
            (own, Arc::clone(&self.places).acquire_owned().await)
        };
        let places = tokio::time::timeout(PATIENCE, places).await;
        let Ok((Ok(own), Ok(place))) = places else { return Err(Error::Overloaded) };
        let (schema, context) = (Arc::clone(schema), Arc::clone(context));
        let validation = tokio::task::spawn_blocking(move || {
            let outcome = schema.check(&context).map_err(Error::Context);
            // The permits are held until the validation ends, even when nobody waits for its result any more.
            drop((own, place));
            outcome
        });
        match tokio::time::timeout(PATIENCE, validation).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(Error::Internal(format!("a context could not be validated: {panic}"))),
            Err(_) => Err(Error::Overloaded),
        }
    }
}
