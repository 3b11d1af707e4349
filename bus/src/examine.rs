//! What `awe doctor` asks of NATS. Reads only.

use crate::{Bus, Error};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The server as it presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// For example `2.15.1`.
    pub version: String,
    /// Whether it has `JetStream`.
    pub jetstream: bool,
    /// Its clock; `None` when it does not say.
    pub now: Option<OffsetDateTime>,
}

impl Bus {
    /// The server as it presents itself.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server does not answer.
    pub async fn server_facts(&self) -> Result<ServerFacts, Error> {
        let info = self.client.server_info();
        if info.version.is_empty() {
            return Err(Error::JetStream("no connection".to_owned()));
        }
        let answer = self.ask(format!("$JS.API.STREAM.INFO.{}", self.subjects.events_stream())).await;
        let now = answer.ok().and_then(|answer| OffsetDateTime::parse(answer["ts"].as_str()?, &Rfc3339).ok());
        Ok(ServerFacts { version: info.version, jetstream: info.jetstream, now })
    }

    /// How the streams differ from what is configured, in words; empty when they do not.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server does not answer, or a stream is missing.
    pub async fn misshapen(&self) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for wanted in [self.events_config(), self.work_config()] {
            let name = &wanted.name;
            let stream = self.jetstream.get_stream(name).await.map_err(|e| Error::because(name, e))?;
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
        let answer = asked.await.map_err(|e| Error::because("no answer", e))?;
        let answer = answer.map_err(|e| Error::because("no answer", e))?;
        serde_json::from_slice(&answer.payload).map_err(|e| Error::because("no JSON", e))
    }
}

/// 0 and -1 both mean that there is no bound.
fn unbounded(bytes: i64) -> String {
    if bytes > 0 { bytes.to_string() } else { "unbounded".to_owned() }
}
