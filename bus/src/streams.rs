//! The shape of our streams, made at start and put right when somebody changed it.

use crate::{Bus, Error};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use std::time::Duration;

/// Events are kept this long for late subscribers; Postgres keeps them for good.
const EVENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Work older than this is done by the poll anyway.
const WORK_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Bound of a work queue: a nudge more or less is no loss.
const WORK_MESSAGES: i64 = 1_000_000;

impl Bus {
    /// Creates the streams, or updates them to their configured shape. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server is away or refuses the shape.
    pub async fn ensure_streams(&self) -> Result<(), Error> {
        for config in [self.events_config(), self.work_config()] {
            let name = config.name.clone();
            self.jetstream
                .create_or_update_stream(config)
                .await
                .map_err(|e| Error::because(&format!("stream {name}"), e))?;
        }
        Ok(())
    }

    /// Deletes both streams with all that is in them: the end of a test.
    ///
    /// # Errors
    /// [`Error::JetStream`] when there are none.
    pub async fn delete_streams(&self) -> Result<(), Error> {
        for name in [self.subjects.events_stream(), self.subjects.work_stream()] {
            self.jetstream.delete_stream(&name).await.map_err(|e| Error::because(&name, e))?;
        }
        Ok(())
    }

    fn events_config(&self) -> Config {
        Config {
            name: self.subjects.events_stream(),
            description: Some("Every event of every approval request".to_owned()),
            subjects: vec![self.subjects.events()],
            retention: RetentionPolicy::Limits,
            max_age: EVENTS_KEPT,
            ..self.common_config()
        }
    }

    fn work_config(&self) -> Config {
        Config {
            name: self.subjects.work_stream(),
            description: Some("Work for resolvers and delivery workers".to_owned()),
            subjects: vec![self.subjects.work()],
            retention: RetentionPolicy::WorkQueue,
            max_age: WORK_KEPT,
            max_messages: WORK_MESSAGES,
            ..self.common_config()
        }
    }

    fn common_config(&self) -> Config {
        Config {
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            num_replicas: self.options.replicas,
            duplicate_window: self.options.duplicate_window,
            ..Config::default()
        }
    }
}
