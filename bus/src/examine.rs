//! What `awe doctor` asks NATS. Nothing is changed.

use crate::connection::Bus;
use crate::error::Error;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Version, for example `2.15.1`.
    pub version: String,
    /// Whether `JetStream` is enabled.
    pub jetstream: bool,
    /// Time of the server's clock; `None` when it does not tell.
    pub now: Option<OffsetDateTime>,
}

impl Bus {
    /// What the server says about itself.
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub async fn server_facts(&self) -> Result<ServerFacts, Error> {
        let info = self.client.server_info();
        if info.version.is_empty() {
            return Err(Error::NotConnected);
        }
        let answer = self.ask(format!("$JS.API.STREAM.INFO.{}", self.subjects.events_stream())).await;
        let now = answer.ok().and_then(|answer| OffsetDateTime::parse(answer["ts"].as_str()?, &Rfc3339).ok());
        Ok(ServerFacts { version: info.version, jetstream: info.jetstream, now })
    }

    /// How the streams differ from the configuration, in words for operators; empty when they do not.
    ///
    /// # Errors
    /// [`Error::Server`] when the server does not answer, or a stream is missing.
    pub async fn misshapen(&self) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for wanted in [self.events_config(), self.work_config()] {
            let name = &wanted.name;
            let stream = self.jetstream.get_stream(name).await.map_err(|e| Error::server(name, e))?;
            let is = &stream.cached_info().config;
            let mut differs = |what: &str, is: String, wanted: String| {
                if is != wanted {
                    found.push(format!("{name}: {what} is {is}, configured is {wanted}"));
                }
            };
            differs("replicas", is.num_replicas.to_string(), wanted.num_replicas.to_string());
            differs("max_age", format!("{:?}", is.max_age), format!("{:?}", wanted.max_age));
            differs("max_bytes", unbounded(is.max_bytes), unbounded(wanted.max_bytes));
            let windows = (is.duplicate_window, wanted.duplicate_window);
            differs("duplicate_window", format!("{:?}", windows.0), format!("{:?}", windows.1));
        }
        Ok(found)
    }

    async fn ask(&self, subject: String) -> Result<Value, Error> {
        let asked = tokio::time::timeout(self.options.ack_timeout, self.client.request(subject, "".into()));
        let answer = asked.await.map_err(|e| Error::server("no answer", e))?;
        let answer = answer.map_err(|e| Error::server("no answer", e))?;
        serde_json::from_slice(&answer.payload).map_err(|e| Error::server("no JSON", e))
    }
}

/// The bytes as text; the server writes both 0 and -1 for no limit.
fn unbounded(bytes: i64) -> String {
    if bytes > 0 { bytes.to_string() } else { "unbounded".to_owned() }
}
