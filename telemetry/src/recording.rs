//! Which traces are recorded. A trace that is not must cost next to nothing, so this is known before a span is made: a
//! span that the collector's layer sees costs its attributes, whether it is sent or not.

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SamplingResult, ShouldSample};
use std::sync::OnceLock;

/// The share that is recorded of the traces that begin here; absent without an export, or with a sampler of the
/// environment.
static RATIO: OnceLock<f64> = OnceLock::new();

/// In a context: the trace that begins in it is recorded, whatever the ratio.
#[derive(Debug)]
pub(crate) struct Chosen;

/// Says which share is recorded from now on, and returns who judges.
pub(crate) fn begin(ratio: f64) -> impl ShouldSample + 'static {
    // Starting twice happens in tests only.
    let _ = RATIO.set(ratio);
    let by_id = Sampler::TraceIdRatioBased(ratio);
    Judge { by_parent: Sampler::ParentBased(Box::new(by_id)) }
}

/// Where a trace begins, if it is known whether it is recorded.
pub(crate) fn head() -> Option<Context> {
    let ratio = *RATIO.get()?;
    let ids = RandomIdGenerator::default();
    let trace = ids.new_trace_id();
    if is_chosen(trace, ratio) {
        return Some(Context::current_with_value(Chosen));
    }
    let place = SpanContext::new(trace, ids.new_span_id(), TraceFlags::NOT_SAMPLED, false, TraceState::NONE);
    Some(Context::current().with_remote_span_context(place))
}

/// Whether a span that is made here may be recorded: not in a trace that is not, unless a sampler of the environment
/// judges each span.
pub(crate) fn is_wanted_here() -> bool {
    let is_recorded =
        |context: &Context| !context.has_active_span() || context.span().span_context().is_sampled();
    RATIO.get().is_none() || Context::map_current(is_recorded)
}

#[expect(clippy::cast_precision_loss, reason = "a share of all ids, to within what nobody can tell")]
fn is_chosen(trace: TraceId, ratio: f64) -> bool {
    let low = u128::from_be_bytes(trace.to_bytes()) & u128::from(u64::MAX);
    (low as f64) < ratio * (u64::MAX as f64)
}

/// Samples what was chosen before; else as the parent, and by the ratio where there is none.
#[derive(Debug, Clone)]
struct Judge {
    by_parent: Sampler,
}

impl ShouldSample for Judge {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let chosen = parent.is_some_and(|at| !at.has_active_span() && at.get::<Chosen>().is_some());
        let sampler = if chosen { &Sampler::AlwaysOn } else { &self.by_parent };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_traces_is_chosen() {
        let ids = RandomIdGenerator::default();
        let chosen = |ratio: f64| (0..10_000).filter(|_| is_chosen(ids.new_trace_id(), ratio)).count();
        assert_eq!((chosen(0.0), chosen(1.0)), (0, 10_000));
        assert!((300..700).contains(&chosen(0.05)));
    }
}
