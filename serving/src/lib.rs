//! How a program answers HTTP, whatever it answers: how many connections there may be, how long one may keep it waiting,
//! and the listener on which metrics are found. Axum's own server has no timeouts for connections.

pub mod files;
mod listen;
mod metrics;
mod probe;

pub use listen::{Limits, serve};
pub use metrics::Metrics;
pub use probe::probe;
