//! The policy gate: the same look that a server takes at its start.

use super::Finding;
use crate::config::Config;
use outbound::error_chain;
use outbound::gate::{Gate, Level};

const CHECK: &str = "gate";
const ADVICE: &str =
    "see gate.* in the configuration and docs/gate.md; until it is put right, gated writes may be denied";

/// Nothing where no gate is enabled.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let gate = match Gate::new(config.gate.options()) {
        Ok(gate) => gate,
        Err(error) => return vec![Finding::failure(CHECK, error_chain(&error), ADVICE)],
    };
    gate.check().await.into_iter().map(told).collect()
}

fn told(found: outbound::gate::Finding) -> Finding {
    match found.level {
        Level::Info => Finding::ok(CHECK, found.text),
        Level::Warning => Finding::warning(CHECK, found.text, ADVICE),
        Level::Error => Finding::failure(CHECK, found.text, ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Status;
    use crate::config::load_from;

    async fn statuses(settings: &[(&str, &str)]) -> Vec<Status> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let found = look(&load_from(None, settings).unwrap()).await;
        found.iter().map(|finding| finding.status).collect()
    }

    #[tokio::test]
    async fn a_gate_that_is_away_is_told_and_one_that_is_not_enabled_is_not() {
        assert_eq!(statuses(&[]).await, []);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let away = [("REGISTRATION_GATE_ENABLED", "true"), ("REGISTRATION_GATE_URL", url.as_str())];
        // Its address, that it is not HTTPS, and that nobody is there.
        assert_eq!(statuses(&away).await, [Status::Ok, Status::Warning, Status::Warning]);
    }
}
