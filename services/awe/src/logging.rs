//! Structured logs on standard error, and the spans that go to a collector.

mod line;
pub(crate) mod signals;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use telemetry::export::{self, Export};
use tracing_subscriber::filter::{FilterExt as _, dynamic_filter_fn};
use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// The filter of commands that are no servers: their output is what they print, not what they log.
const QUIET: &str = "warn,sqlx=error,async_nats=error";
const DEFAULT: &str = "info,sqlx=warn,async_nats=warn,hyper=warn,reqwest=warn,ractor=warn,opentelemetry=warn";
/// Characters of a filter.
const LONGEST_FILTER: usize = 1000;

type Spans = Option<Box<dyn Layer<Registry> + Send + Sync>>;
type Below = Layered<Spans, Registry>;

/// What was logged at the start.
static BEGAN: OnceLock<String> = OnceLock::new();
static LEVELS: OnceLock<reload::Handle<EnvFilter, Below>> = OnceLock::new();

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for machines; docs/operate.md says what is in it.
    Json,
}

/// Starts logging. `AWE_LOG` says what, for example `info,awe=debug`. Without a format, a terminal is given text and
/// anything else JSON. With `spans`, spans go to a collector until what is returned is stopped.
///
/// # Errors
/// The collector's address is none.
pub(crate) fn init(
    format: Option<Format>,
    is_server: bool,
    spans: Option<export::Options>,
) -> anyhow::Result<Option<Export>> {
    let filter = EnvFilter::try_from_env("AWE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(if is_server { DEFAULT } else { QUIET }));
    let began = filter.to_string();
    let (filter, levels) = reload::Layer::new(filter);
    let (export, spans): (_, Spans) = match spans {
        Some(options) => {
            let (export, layer) = export::start(options).context("traces cannot be exported")?;
            (Some(export), Some(layer))
        }
        None => (None, None),
    };
    let terminal = std::io::stderr().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none();
    // A tool is read by people, whatever it is piped to.
    let format = format.unwrap_or(if is_server && !terminal { Format::Json } else { Format::Text });
    // Otherwise a line that cannot be written (a full disk) makes whoever logs panic.
    let logs =
        fmt::layer::<Below>().with_writer(std::io::stderr).with_ansi(colours).log_internal_errors(false);
    let logs = match format {
        Format::Text => logs.boxed(),
        Format::Json => {
            logs.with_ansi(false).fmt_fields(line::Kept::default()).event_format(line::Line).boxed()
        }
    };
    // Asked each time. A filter that has answered for good is not asked again, and then what another one was asked about
    // on the same thread counts for it: some libraries only ask whether something is logged, and log nothing.
    let filter = filter.and(dynamic_filter_fn(|_, _| true));
    // Starting twice happens in tests only and changes nothing.
    if tracing_subscriber::registry().with(spans).with(logs.with_filter(filter)).try_init().is_ok() {
        let (_, _) = (LEVELS.set(levels), BEGAN.set(began));
    }
    Ok(export)
}

/// What is logged, as `AWE_LOG` would say it.
pub(crate) fn levels() -> anyhow::Result<String> {
    let Some(handle) = LEVELS.get() else { return Ok("off".to_owned()) };
    Ok(handle.with_current(ToString::to_string)?)
}

/// Whether a text is a filter, as [`set_levels`] takes it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_levels(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().count() > LONGEST_FILTER {
        return Err(format!("must have 1 to {LONGEST_FILTER} characters"));
    }
    EnvFilter::try_new(text)
        .map(drop)
        .map_err(|error| format!("is no filter, such as info,awe=debug: {error}"))
}

/// Logs something else from now on, until the process ends.
pub(crate) fn set_levels(text: &str) -> anyhow::Result<()> {
    let handle = LEVELS.get().ok_or_else(|| anyhow!("this process does not log"))?;
    Ok(handle.reload(EnvFilter::try_new(text)?)?)
}
