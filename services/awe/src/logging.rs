//! Structured logs on standard error.

use clap::ValueEnum;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// The filter of commands that are no servers: their output is what they print, not what they log.
const QUIET: &str = "warn,sqlx=error,async_nats=error";
const DEFAULT: &str = "info,sqlx=warn,async_nats=warn,hyper=warn,reqwest=warn,ractor=warn";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts logging. `AWE_LOG` says what, for example `info,awe=debug`.
pub(crate) fn init(format: Format, is_server: bool) {
    let filter = EnvFilter::try_from_env("AWE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(if is_server { DEFAULT } else { QUIET }));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Otherwise a line that cannot be written (a full disk) makes whoever logs panic.
    let logs = logs.log_internal_errors(false);
    // Starting twice happens in tests only and changes nothing.
    let _ = match format {
        Format::Text => logs.try_init(),
        Format::Json => logs.json().flatten_event(true).try_init(),
    };
}
