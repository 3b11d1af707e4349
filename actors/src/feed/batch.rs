//! Events on their way to all followers of a process.

use schemas::event::WebhookEvent;
use std::collections::HashSet;
use std::sync::Arc;
use store::feed::{FeedEvent, FeedFilter};
use uuid::Uuid;

/// Most bytes of payloads of a batch that has more than one event.
pub(super) const BATCH_BYTES: i64 = 128 * 1024;

/// An event as it is told: written as JSON once, however many follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub position: i64,
    pub event_type: String,
    /// The whole event, as in a webhook.
    pub json: String,
    request_id: Uuid,
    artifact_type: String,
}

impl Told {
    fn of(event: FeedEvent) -> Result<Self, serde_json::Error> {
        let FeedEvent { position, event } = event;
        let json = serde_json::to_string(&event)?;
        let WebhookEvent { event_type, request_id, artifact_type, .. } = event;
        Ok(Self { position, event_type, json, request_id, artifact_type })
    }
}

/// The event as it is told. One that cannot be written stands in nobody's way.
pub(super) fn told(event: FeedEvent) -> Option<Arc<Told>> {
    let position = event.position;
    let told = Told::of(event);
    told.map(Arc::new).inspect_err(|error| tracing::error!(position, %error, "an event is left out")).ok()
}

/// All events above `after` and up to `last`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) after: i64,
    pub(super) last: i64,
    pub(super) events: Vec<Arc<Told>>,
    /// The people for whom `involved` was looked up.
    pub(super) people: HashSet<String>,
    /// Who of them has or had a task in which request.
    pub(super) involved: HashSet<(Uuid, String)>,
}

impl Batch {
    /// Whether it tells which of its events fit.
    pub(super) fn can_judge(&self, filter: &FeedFilter) -> bool {
        self.events.is_empty() || filter.assignee.as_ref().is_none_or(|person| self.people.contains(person))
    }

    /// The events that fit, above a position.
    pub(super) fn fitting<'a>(
        &'a self,
        filter: &'a FeedFilter,
        after: i64,
    ) -> impl Iterator<Item = &'a Arc<Told>> {
        self.events.iter().filter(move |told| told.position > after && self.fits(told, filter))
    }

    fn fits(&self, told: &Told, filter: &FeedFilter) -> bool {
        let concerns = |person: &String| self.involved.contains(&(told.request_id, person.clone()));
        (filter.types.is_empty() || filter.types.contains(&told.event_type))
            && filter.artifact_type.as_ref().is_none_or(|wanted| *wanted == told.artifact_type)
            && filter.request_id.is_none_or(|wanted| wanted == told.request_id)
            && filter.assignee.as_ref().is_none_or(concerns)
    }
}
