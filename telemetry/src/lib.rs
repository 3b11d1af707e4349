//! What AWE tells those who operate it: traces and metrics. The only room that knows OpenTelemetry and Prometheus.

pub mod export;
pub mod measure;
mod recording;
pub mod scrape;
pub mod trace;

pub use trace::{Origin, Trace};
