//! The section `telemetry` of a program's settings.

use crate::{Program, export};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// The section `telemetry`; AWE's `config/default.yaml` says what each means.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address on which Prometheus finds the metrics.
    pub metrics_host: IpAddr,
    /// Its port; 0 = none are kept.
    pub metrics_port: u16,
    /// The collector; empty = what the environment says. Its address may hold a password.
    #[serde(skip_serializing)]
    pub otlp_endpoint: String,
    /// Share of traces that begin here and are recorded.
    pub sample_ratio: f64,
    /// Most spans that wait for the collector.
    pub queue_spans: usize,
}

impl Settings {
    /// Key and fault of every value that makes no sense. `is_exposable`: whether the process may listen on more than this
    /// machine.
    #[must_use]
    pub fn faults(&self, is_exposable: bool) -> Vec<(&'static str, &'static str)> {
        let reachable = self.metrics_port != 0 && !self.metrics_host.is_loopback();
        let url = &self.otlp_endpoint;
        let checked = [
            (
                is_exposable || !reachable,
                "telemetry.metrics_host",
                "is reachable from the network, in development mode: listen on 127.0.0.1",
            ),
            (url.is_empty() || export::is_http(url), "telemetry.otlp_endpoint", export::NO_URL),
            ((0.0..=1.0).contains(&self.sample_ratio), "telemetry.sample_ratio", "must be from 0 to 1"),
            (
                (512..=1_000_000).contains(&self.queue_spans),
                "telemetry.queue_spans",
                "must be from 512 to 1000000",
            ),
        ];
        checked.into_iter().filter(|(good, ..)| !good).map(|(_, key, why)| (key, why)).collect()
    }

    /// Where metrics are scraped; `None` = nowhere.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        (self.metrics_port != 0).then_some(SocketAddr::new(self.metrics_host, self.metrics_port))
    }

    /// Where spans go; `None` = nowhere.
    #[must_use]
    pub fn export(&self, program: Program) -> Option<export::Options> {
        let endpoint = Some(self.otlp_endpoint.clone()).filter(|url| !url.is_empty());
        export::is_wanted(endpoint.as_deref()).then(|| export::Options {
            endpoint,
            ratio: self.sample_ratio,
            queue: self.queue_spans,
            program,
            instance: format!("{}/{}", host(), std::process::id()),
        })
    }
}

/// The host name of this machine.
#[must_use]
pub fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown-host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            metrics_host: [127, 0, 0, 1].into(),
            metrics_port: 9464,
            otlp_endpoint: String::new(),
            sample_ratio: 0.05,
            queue_spans: 8192,
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let everywhere = IpAddr::from([0, 0, 0, 0]);
        let url = |text: &str| Settings { otlp_endpoint: text.to_owned(), ..settings() };
        for (wrong, key) in [
            (Settings { metrics_host: everywhere, ..settings() }, "telemetry.metrics_host"),
            (url("collector:4318"), "telemetry.otlp_endpoint"),
            (url("http://"), "telemetry.otlp_endpoint"),
            (Settings { sample_ratio: f64::NAN, ..settings() }, "telemetry.sample_ratio"),
            (Settings { queue_spans: 0, ..settings() }, "telemetry.queue_spans"),
        ] {
            let faults = wrong.faults(false);
            assert_eq!(faults.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [key]);
        }
        assert!(url("https://collector:4318").faults(false).is_empty());
        assert!(Settings { metrics_host: everywhere, ..settings() }.faults(true).is_empty());
        assert!(
            Settings { metrics_host: everywhere, metrics_port: 0, ..settings() }.faults(false).is_empty()
        );
    }
}
