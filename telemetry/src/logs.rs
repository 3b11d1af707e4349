//! What a program beside AWE logs, as text on standard error, and the spans that it sends. AWE's own logs can do more
//! (`awe::logging`).

use crate::export::{self, Export};
use std::io::IsTerminal as _;
use tracing_subscriber::filter::{FilterExt as _, dynamic_filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

/// Starts logging what `filter` lets pass and, with `spans`, the export of spans, which is to be stopped. Must not be
/// called inside an async runtime. Starting twice changes nothing.
///
/// # Errors
/// The address of the collector is none.
pub fn start(filter: EnvFilter, spans: Option<export::Options>) -> Result<Option<Export>, export::Error> {
    let (export, spans) = match spans {
        Some(options) => {
            let (export, layer) = export::start::<Registry>(options)?;
            (Some(export), Some(layer))
        }
        None => (None, None),
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // Otherwise a line that cannot be written (a full disk) makes whoever logs panic.
    let logs = fmt::layer().with_writer(std::io::stderr).with_ansi(colours).log_internal_errors(false);
    // Lines without the spans around them, which are for a collector. Asked each time: `awe::logging` says why.
    let filter = filter.and(dynamic_filter_fn(|metadata, _| metadata.is_event()));
    let _ = tracing_subscriber::registry().with(spans).with(logs.with_filter(filter)).try_init();
    Ok(export)
}
