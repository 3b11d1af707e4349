//! Where in a trace a request was last.

use crate::Store;
use engine::ids::RequestId;
use telemetry::trace::Trace;

impl Store {
    /// The place of what last happened to a request, for what is done about it later. `None` when it was in no trace that
    /// is kept. An attempt to find approvers that failed is passed over: the next one is not about it. Asks nothing unless
    /// spans are recorded; a failure costs the place alone.
    pub async fn trace_of(&self, id: RequestId) -> Option<Trace> {
        if !telemetry::export::is_running() {
            return None;
        }
        let found = sqlx::query_scalar!(
            "select trace_context from approval_event
             where request_id = $1 and event_type <> 'stage_resolution_failed' order by sequence desc limit 1",
            id.0
        )
        .fetch_optional(&self.hot)
        .await;
        let found = found.inspect_err(|error| tracing::debug!(%error, "a span has no link")).ok()??;
        Trace::from_text(found.as_deref()?)
    }
}
