//! Checks whether a collector takes traces, and who can read metrics.

use super::finding::Finding;
use crate::config::{self, Config};
use outbound::{Call, Client, Method, error_chain};
use std::time::Duration;
use telemetry::export;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MOST: usize = 1024;

/// No finding where neither is wanted.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let metrics = config.telemetry.metrics().map(|address| {
        if address.ip().is_loopback() {
            return Finding::ok("metrics", format!("at http://{address}/metrics, for this machine alone"));
        }
        Finding::warning(
            "metrics",
            format!("whoever reaches {address} can read them"),
            "let only Prometheus reach telemetry.metrics_port (a network policy or firewall), or set \
             telemetry.metrics_host",
        )
    });
    let address = config::export(config).and_then(|options| export::address(options.endpoint.as_deref()));
    let traces = match address {
        Some(address) => Some(collector(&address).await),
        None => None,
    };
    metrics.into_iter().chain(traces).collect()
}

/// Sends a collector no traces at all: a message without content, which every collector takes.
async fn collector(address: &str) -> Finding {
    const CHECK: &str = "traces";
    const ADVICE: &str =
        "see telemetry.otlp_endpoint and OTEL_EXPORTER_OTLP_*; until then spans are lost, nothing else";
    let client = match Client::trusted() {
        Ok(client) => client,
        Err(error) => return Finding::failure(CHECK, error_chain(&error), ADVICE),
    };
    let call = Call::new(Method::Post, address, TIMEOUT, MOST).body("application/x-protobuf", Vec::new());
    match client.send_for_status(call, None).await {
        Ok(reply) if (200..300).contains(&reply.status) => {
            Finding::ok(CHECK, format!("{address} takes them"))
        }
        Ok(reply) if matches!(reply.status, 401 | 403) => {
            let told =
                format!("{address} answered {} to a call without OTEL_EXPORTER_OTLP_HEADERS", reply.status);
            Finding::warning(CHECK, told, ADVICE)
        }
        Ok(reply) => Finding::failure(CHECK, format!("{address} answered {}", reply.status), ADVICE),
        Err(failure) => Finding::failure(CHECK, format!("{address}: {failure}"), ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;
    use crate::config::load_from;

    async fn statuses(settings: &[(&str, &str)]) -> Vec<(&'static str, Status)> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let found = look(&load_from(None, settings).unwrap()).await;
        found.iter().map(|finding| (finding.check, finding.status)).collect()
    }

    #[tokio::test]
    async fn a_collector_that_is_away_and_metrics_for_everybody_are_told() {
        assert_eq!(statuses(&[("AWE__TELEMETRY__METRICS_PORT", "0")]).await, []);
        assert_eq!(statuses(&[]).await, [("metrics", Status::Ok)]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let settings = [
            ("AWE__TELEMETRY__OTLP_ENDPOINT", url.as_str()),
            ("AWE__TELEMETRY__METRICS_HOST", "0.0.0.0"),
            ("AWE__AUTH__ALLOW_UNSIGNED_ON_NETWORK", "true"),
        ];
        assert_eq!(statuses(&settings).await, [("metrics", Status::Warning), ("traces", Status::Failure)]);
    }
}
