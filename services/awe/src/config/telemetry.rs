//! What operators are told: metrics and traces.

use super::Config;
use super::faults::Faults;
use super::server::Server;
use anyhow::Context as _;
use serving::Metrics;
pub use telemetry::Settings as Telemetry;
use telemetry::{Program, export, scrape};

/// The crates whose spans are recorded.
pub(crate) const CRATES: &[&str] = &["awe", "actors", "store", "bus", "outbound"];

/// What runs here.
const PROGRAM: Program =
    Program { name: "awe", service: "awe", version: env!("CARGO_PKG_VERSION"), crates: CRATES };

/// `exposable`: whether the configuration may listen on more than this machine.
pub(super) fn check(settings: &Telemetry, server: &Server, exposable: bool, faults: &mut Faults) {
    faults.unless(
        settings.metrics_port == 0 || settings.metrics_port != server.port,
        "telemetry.metrics_port",
        "is server.port: metrics have a listener of their own",
    );
    for (key, why) in settings.faults(exposable) {
        faults.unless(false, key, why);
    }
}

/// Begins to keep metrics and listens for whoever scrapes them; `None` where they are not wanted.
///
/// # Errors
/// The address cannot be listened on.
pub async fn metrics(config: &Config) -> anyhow::Result<Option<Metrics>> {
    let listening = Metrics::listen(config.telemetry.metrics(), &PROGRAM, scrape::AWE);
    listening.await.context("AWE__TELEMETRY__METRICS_PORT sets it")
}

/// Where spans go; `None` = nowhere.
pub(crate) fn export(config: &Config) -> Option<export::Options> {
    config.telemetry.export(PROGRAM)
}
