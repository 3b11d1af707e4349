//! What a program tells those who operate it: traces and metrics. The only room that knows OpenTelemetry and Prometheus.
//!
//! AWE and the programs beside it tell in the same way: [`Settings`] are a section of their settings, [`logs::start`] begins
//! to log and trace, [`Call`] surrounds what they answer, and [`scrape`] keeps what Prometheus asks for.

pub mod call;
pub mod export;
pub mod logs;
pub mod measure;
mod recording;
pub mod scrape;
mod settings;
pub mod trace;

pub use call::Call;
pub use settings::{Settings, host};
pub use trace::{Origin, Trace};

/// What runs in this process.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// First word of the names of its metrics.
    pub name: &'static str,
    /// Its `service.name` in traces, unless the environment says another.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The crates whose spans are recorded.
    pub crates: &'static [&'static str],
}
