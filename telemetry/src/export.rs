//! Sends spans to a collector by OTLP over HTTP, from a thread of its own. A collector that is away, slow or full costs
//! spans, which are counted, and nothing else: [`crate::measure`] tells `awe_telemetry_spans_total`.

use crate::{Program, measure, recording};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter as Otlp, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, dynamic_filter_fn};
use tracing_subscriber::registry::LookupSpan;

/// How long the collector may take to answer, and how long the last spans may take to leave.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Where a collector takes traces, below its address.
const PATH: &str = "v1/traces";
/// Names the collector to every program of OpenTelemetry.
const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Names that place itself.
const WHOLE: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// What is wrong with an address that is none.
pub(crate) const NO_URL: &str = "must be a URL beginning with http:// or https://";

static RUNNING: AtomicBool = AtomicBool::new(false);

/// Where spans go, and how many.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the collector, for example `http://collector:4318`. `None`: what `OTEL_EXPORTER_OTLP_ENDPOINT` and
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` say.
    pub endpoint: Option<String>,
    /// Share of traces that begin here and are recorded, 0 to 1. A trace that comes in is recorded if its caller
    /// records it. `OTEL_TRACES_SAMPLER` takes precedence.
    pub ratio: f64,
    /// Most spans that wait for the collector.
    pub queue: usize,
    /// What runs here.
    pub program: Program,
    /// This process, among those of the installation.
    pub instance: String,
}

/// Spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be exported: {0}")]
pub struct Error(String);

/// The export, as long as it runs.
#[derive(Debug)]
pub struct Export {
    provider: SdkTracerProvider,
}

/// What the environment says, if it says anything.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the environment names a collector and does not forbid to use it.
#[must_use]
pub fn is_wanted(endpoint: Option<&str>) -> bool {
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    !disabled && named(endpoint).is_some()
}

/// Whether spans are recorded by this process.
#[must_use]
pub fn is_running() -> bool {
    RUNNING.load(Ordering::Relaxed)
}

/// Where traces are sent to.
#[must_use]
pub fn address(endpoint: Option<&str>) -> Option<String> {
    named(endpoint).map(|(_, url)| url)
}

/// Where traces are sent to, and the setting that says so.
fn named(endpoint: Option<&str>) -> Option<(&'static str, String)> {
    let below = |base: &str| format!("{}/{PATH}", base.trim_end_matches('/'));
    let configured = || Some(("telemetry.otlp_endpoint", below(endpoint?)));
    let whole = || Some((WHOLE, set(WHOLE)?));
    configured().or_else(whole).or_else(|| Some((BASE, below(&set(BASE)?))))
}

/// Whether a text has the form of an address at all; the exporter says what else is wrong with one.
pub(crate) fn is_http(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// Says what is wrong with an address, without its words: they may be a password. The exporter repeats them, takes a name
/// without a scheme or a port that is no number for an address, and sends nothing to it. Each parser refuses what the other
/// takes.
fn check(url: &str) -> Result<(), String> {
    if !is_http(url) {
        return Err(NO_URL.to_owned());
    }
    url::Url::parse(url).map_err(|why| why.to_string())?;
    url.parse::<http::Uri>().map(drop).map_err(|why| why.to_string())
}

/// Starts the export; the layer records spans. Must not be called inside an async runtime, because the HTTP client
/// blocks.
///
/// # Errors
/// The address is none.
pub fn start<S>(options: Options) -> Result<(Export, Box<dyn Layer<S> + Send + Sync>), Error>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    if let Some((name, url)) = named(options.endpoint.as_deref()) {
        check(&url).map_err(|why| Error(format!("{name}: {why}")))?;
    }
    let mut exporter = Otlp::builder().with_http().with_timeout(TIMEOUT);
    if let Some(endpoint) = &options.endpoint {
        exporter = exporter.with_endpoint(address(Some(endpoint)).unwrap_or_default());
    }
    let exporter = exporter.build().map_err(|error| Error(error.to_string()))?;
    let waiting = Arc::new(AtomicUsize::new(0));
    let batch = BatchConfigBuilder::default().with_max_queue_size(options.queue).build();
    let processor = BatchSpanProcessor::builder(Counted { exporter, waiting: Arc::clone(&waiting) });
    let processor =
        Bounded { inner: processor.with_batch_config(batch).build(), waiting, most: options.queue };
    let mut provider =
        SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource(&options));
    if std::env::var_os("OTEL_TRACES_SAMPLER").is_none() {
        provider = provider.with_sampler(recording::begin(options.ratio));
    }
    let provider = provider.build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(options.program.name))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    let crates = options.program.crates;
    RUNNING.store(true, Ordering::Relaxed);
    // None where nobody records: what a span says costs more than to ask. Spans alone, those of calls (`crate::Call`) among
    // them: what is logged inside of them may say more than a collector is to know.
    let ours = dynamic_filter_fn(move |metadata, _| {
        let room = metadata.target().split("::").next().unwrap_or_default();
        let is_ours = room == env!("CARGO_CRATE_NAME") || crates.contains(&room);
        metadata.is_span() && is_ours && recording::is_wanted_here()
    });
    Ok((Export { provider }, layer.with_filter(ours.and(LevelFilter::DEBUG)).boxed()))
}

fn resource(options: &Options) -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some()
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="));
    let resource = Resource::builder().with_attributes([
        KeyValue::new("service.version", options.program.version),
        KeyValue::new("service.instance.id", options.instance.clone()),
    ]);
    if named { resource.build() } else { resource.with_service_name(options.program.service).build() }
}

impl Export {
    /// Sends what waits, for some seconds at most. Must not be called inside an async runtime.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Lets no more spans wait than fit, and counts the others.
#[derive(Debug)]
struct Bounded {
    inner: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            measure::spans("dropped", 1);
            return;
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what was sent, and what the collector did not take.
#[derive(Debug)]
struct Counted {
    exporter: Otlp,
    waiting: Arc<AtomicUsize>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        measure::spans(if sent.is_ok() { "exported" } else { "failed" }, spans);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
