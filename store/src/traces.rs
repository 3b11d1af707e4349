//! Where in a trace a request was last.

use crate::Store;
use engine::ids::RequestId;
use telemetry::trace::Trace;

/// What last happened to a request.
#[derive(Debug, Clone)]
pub struct Last {
    /// Its place; `None` when it was in no trace that is kept.
    pub trace: Option<Trace>,
    /// How often approvers were looked for in vain since.
    pub failed_resolutions: i32,
}

impl Store {
    /// The place of what last happened to a request, for what is done about it later. An attempt to find approvers that
    /// failed is passed over: the next one is not about it. `None`: there is no such request, or the database does not
    /// say, which costs the place alone.
    pub async fn last_of(&self, id: RequestId) -> Option<Last> {
        let found = sqlx::query!(
            "select e.trace_context, r.resolve_attempt from approval_event e
             join approval_request r on r.id = e.request_id
             where e.request_id = $1 and e.event_type <> 'stage_resolution_failed' order by e.sequence desc limit 1",
            id.0
        )
        .fetch_optional(&self.hot)
        .await;
        let row = found.inspect_err(|error| tracing::debug!(%error, "a span has no link")).ok()??;
        let trace = row.trace_context.as_deref().and_then(Trace::from_text);
        Some(Last { trace, failed_resolutions: row.resolve_attempt })
    }
}
