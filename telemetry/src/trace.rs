//! Which trace something belongs to, on its way from process to process.
//!
//! Inside a process the trace is the current OpenTelemetry context, which spans of `tracing` set while they are entered
//! once [`crate::export`] is installed. Without it, only what a caller sent is carried.

use crate::recording;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, ContextGuard};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// Header names of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
pub const TRACEPARENT: &str = "traceparent";
/// What vendors add to it.
pub const TRACESTATE: &str = "tracestate";

/// Most bytes of a `tracestate`: what the standard asks to be carried at least. A longer one is left out.
const MOST_STATE: usize = 512;
/// Most links of the span of a batch: enough to find it from any of them that is likely to be looked at.
const MOST_LINKS: usize = 16;

/// A place in a trace: what a `traceparent` and a `tracestate` say.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace(SpanContext);

impl Trace {
    /// What the headers of a message say; `None` when they are malformed or absent, and a new trace begins.
    #[must_use]
    pub fn from_headers(traceparent: Option<&str>, tracestate: Option<&str>) -> Option<Self> {
        let tracestate = tracestate.filter(|state| state.len() <= MOST_STATE && state.is_ascii());
        let headers = Headers { traceparent: traceparent?, tracestate };
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let found = context.span().span_context().clone();
        found.is_valid().then_some(Self(found))
    }

    /// Where the caller of this function is, if that belongs to a trace.
    #[must_use]
    pub fn current() -> Option<Self> {
        Context::map_current(|context| {
            let active = context.has_active_span().then(|| context.span().span_context().clone());
            active.filter(SpanContext::is_valid).map(Self)
        })
    }

    /// The place of an event that nobody traces: the trace is its request, so that all its events share one, and nobody
    /// is asked to record it.
    #[must_use]
    pub fn derived(request_id: Uuid, event_id: Uuid) -> Self {
        let (_, tail) = event_id.as_u64_pair();
        let (trace, span) =
            (TraceId::from_bytes(request_id.into_bytes()), SpanId::from_bytes(tail.to_be_bytes()));
        Self(SpanContext::new(trace, span, TraceFlags::NOT_SAMPLED, true, TraceState::NONE))
    }

    /// The headers that carry it.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(2);
        let context = Context::new().with_remote_span_context(self.0.clone());
        TraceContextPropagator::new().inject_context(&context, &mut Collected(&mut headers));
        headers
    }

    /// Writes where the caller of this function is, if that belongs to a trace, into the headers of a call; the Rust client
    /// asks for it before each attempt.
    pub fn inject(carrier: &mut HashMap<String, String>) {
        if let Some(here) = Self::current() {
            carrier.extend(here.headers().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
    }

    /// As it is kept with an event: the `traceparent`, and after a space the `tracestate` if there is one.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.headers().into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ")
    }

    /// As it was kept. Something else in its place is no trace.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some((parent, state)) => Self::from_headers(Some(parent), Some(state)),
            None => Self::from_headers(Some(text), None),
        }
    }

    /// What is worth keeping with an event that happens here: the place, if somebody records it or if it came from
    /// outside and is handed on.
    #[must_use]
    pub fn kept() -> Option<Self> {
        let is_handed_on = Context::map_current(|context| context.get::<FromOutside>().is_some());
        Self::current().filter(|Self(at)| at.is_sampled() || at.is_remote() || is_handed_on)
    }

    /// Its id, in 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// The id of its span, in 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        self.0.span_id().to_string()
    }

    /// Makes the span a child of this place. To be called before the span is entered.
    fn adopt(&self, span: &Span) {
        // Without the export there is nothing to adopt.
        let _ = span.set_parent(Context::new().with_remote_span_context(self.0.clone()));
    }

    /// Runs the future at this place, which came from outside.
    pub fn around<F: Future>(trace: Option<Self>, future: F) -> impl Future<Output = F::Output> {
        future.with_context(trace.map_or_else(Context::current, Self::handed_on))
    }

    /// Runs the future where its caller is. Without one, a trace begins here if this one is recorded; else the place is
    /// marked as one that nobody records, so that no span is made for the collector in it.
    pub fn begin<F: Future>(caller: Option<Self>, future: F) -> impl Future<Output = F::Output> {
        let begun = || recording::head().unwrap_or_else(Context::current);
        future.with_context(caller.map_or_else(begun, Self::handed_on))
    }

    fn handed_on(self) -> Context {
        Context::current_with_value(FromOutside).with_remote_span_context(self.0)
    }

    /// Makes a span that is a part of this place, if somebody records that.
    pub fn within(&self, make: impl FnOnce() -> Span) -> Span {
        let span = if self.0.is_sampled() { make() } else { unrecorded(make) };
        self.adopt(&span);
        span
    }

    /// Enters this place until the guard is dropped.
    #[must_use]
    pub fn enter(self) -> ContextGuard {
        Context::current().with_remote_span_context(self.0).attach()
    }
}

/// Makes a span that begins a trace of its own, and deals with these without being a part of their traces: it is recorded
/// if one of them is, and links to those.
pub fn about<'a>(traces: impl IntoIterator<Item = &'a Trace>, make: impl FnOnce() -> Span) -> Span {
    let mut recorded = traces.into_iter().filter(|trace| trace.0.is_sampled()).take(MOST_LINKS).peekable();
    if recorded.peek().is_none() {
        return unrecorded(make);
    }
    let span = make();
    if !span.is_disabled() {
        // Without the export there is nobody to choose.
        let _ = span.set_parent(Context::new().with_value(recording::Chosen));
        link(&span, recorded);
    }
    span
}

/// Links a span to places that it has to do with.
pub fn link<'a>(span: &Span, traces: impl IntoIterator<Item = &'a Trace>) {
    for Trace(linked) in traces.into_iter().take(MOST_LINKS) {
        span.add_link(linked.clone());
    }
}

/// Makes a span for log lines alone.
pub fn unrecorded(make: impl FnOnce() -> Span) -> Span {
    let _here = Context::current().with_remote_span_context(SpanContext::empty_context()).attach();
    make()
}

/// Where somebody was when he gave an order, for whoever carries it out in another task.
#[derive(Debug, Clone)]
pub struct Origin {
    span: Span,
    context: Context,
    at: Instant,
}

impl Origin {
    /// Here.
    #[must_use]
    pub fn here() -> Self {
        Self { span: Span::current(), context: Context::current(), at: Instant::now() }
    }

    /// How long ago.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.at.elapsed()
    }

    /// Runs the future as if it had been called there.
    pub fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        future.instrument(self.span.clone()).with_context(self.context.clone())
    }
}

/// In a context: its trace was named by whoever called, so it is handed on also when nobody records it.
struct FromOutside;

struct Headers<'a> {
    traceparent: &'a str,
    tracestate: Option<&'a str>,
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.traceparent),
            TRACESTATE => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

struct Collected<'a>(&'a mut Vec<(&'static str, String)>);

impl Injector for Collected<'_> {
    fn set(&mut self, key: &str, value: String) {
        match key {
            TRACEPARENT => self.0.insert(0, (TRACEPARENT, value)),
            TRACESTATE if !value.is_empty() => self.0.push((TRACESTATE, value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_came_in_is_kept_and_goes_out_unchanged() {
        let trace = Trace::from_headers(Some(PARENT), Some("a=1,b=2")).unwrap();
        assert_eq!(trace.headers(), [(TRACEPARENT, PARENT.to_owned()), (TRACESTATE, "a=1,b=2".to_owned())]);
        assert_eq!(trace.to_text(), format!("{PARENT} a=1,b=2"));
        assert_eq!(Trace::from_text(&trace.to_text()), Some(trace));
        let bare = Trace::from_headers(Some(PARENT), None).unwrap();
        assert_eq!((bare.to_text().as_str(), Trace::from_text(PARENT)), (PARENT, Some(bare.clone())));
    }

    #[test]
    fn a_malformed_parent_is_none() {
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-äf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Trace::from_headers(Some(bad), None), None, "{bad}");
        }
        let (long, odd) = (format!("a={}", "x".repeat(600)), "a=ü");
        for state in [long.as_str(), odd] {
            let trace = Trace::from_headers(Some(PARENT), Some(state)).unwrap();
            assert_eq!(trace.headers().len(), 1, "{state}");
        }
    }

    #[test]
    fn events_of_a_request_share_a_trace_that_nobody_records() {
        let request = Uuid::now_v7();
        let (one, two) = (Trace::derived(request, Uuid::now_v7()), Trace::derived(request, Uuid::now_v7()));
        assert_eq!((one.id(), two.id()), (request.simple().to_string(), request.simple().to_string()));
        assert_ne!(one, two);
        assert!(one.to_text().ends_with("-00"));
    }

    #[test]
    fn an_order_is_carried_out_where_it_was_given() {
        assert_eq!(Trace::current(), None);
        let given = Trace::from_headers(Some(PARENT), None).unwrap();
        let origin = {
            let _here = given.clone().enter();
            Origin::here()
        };
        assert_eq!(Trace::current(), None);
        let carried = std::pin::pin!(origin.around(std::future::ready(()))).as_mut().poll(&mut noop());
        assert!(carried.is_ready());
        let mut at =
            std::pin::pin!(origin.around(std::future::poll_fn(|_| std::task::Poll::Ready(Trace::current()))));
        assert_eq!(at.as_mut().poll(&mut noop()), std::task::Poll::Ready(Some(given)));
    }

    #[test]
    fn where_nobody_records_no_span_is_recorded() {
        let recorded = Trace::from_headers(Some(PARENT), None).unwrap();
        let not = Trace::from_headers(Some(&format!("{}00", &PARENT[..53])), None).unwrap();
        let seen = |traces: &[Trace]| {
            let mut is_recorded = None;
            about(traces, || {
                is_recorded = Some(recording::is_wanted_here());
                Span::none()
            });
            is_recorded.unwrap()
        };
        assert!(seen(std::slice::from_ref(&not)), "a sampler of the environment is asked about each span");
        drop(recording::begin(1.0));
        assert!(seen(&[not.clone(), recorded.clone()]));
        assert!(!seen(std::slice::from_ref(&not)) && !seen(&[]));
        assert!(recording::is_wanted_here(), "outside of any trace one may begin");
        let _here = not.enter();
        assert!(!recording::is_wanted_here());
        let _there = recorded.enter();
        assert!(recording::is_wanted_here());
    }

    fn noop() -> std::task::Context<'static> {
        std::task::Context::from_waker(std::task::Waker::noop())
    }
}
