//! Webhooks of one request that were leased together: sent one after the other, in their order, without asking the
//! database in between.

use super::attempt;
use super::breaker::Health;
use super::courier::Sent;
use super::lane::{Lane, Lanes, Look};
use super::shares::Share;
use crate::Error;
use ractor::ActorRef;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use store::deliveries::Leased;
use store::secrets::LiveSecrets;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// One leased delivery, and what signs it.
pub(super) struct Link {
    pub(super) delivery: Leased,
    pub(super) secrets: Result<Arc<LiveSecrets>, Error>,
}

/// The untried deliveries of each request in one list, in the order in which they came; everything else alone. A retry
/// holds nobody up, and the next one does not wait for it.
pub(super) fn of_requests(links: impl Iterator<Item = Link>) -> Vec<Vec<Link>> {
    let mut chains: Vec<Vec<Link>> = Vec::new();
    for link in links {
        let follows = |last: &Vec<Link>| {
            let before = &last[0].delivery;
            before.attempt == 0
                && link.delivery.attempt == 0
                && before.event.request_id == link.delivery.event.request_id
        };
        match chains.last_mut().filter(|last| follows(last)) {
            Some(last) => last.push(link),
            None => chains.push(vec![link]),
        }
    }
    chains
}

/// What the attempts of a chain share.
pub(super) struct Chain {
    pub(super) lane: Arc<Lane>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) me: ActorRef<Look>,
    pub(super) probe: bool,
    /// An attempt that starts later could outlive its lease.
    pub(super) start_by: Instant,
}

impl Chain {
    /// Sends the deliveries with one permit, because one of them is under way at a time. An outcome is recorded while
    /// the next one is sent.
    pub(super) async fn send(self, links: Vec<Link>, permit: Option<(OwnedSemaphorePermit, Share)>) {
        let (of_endpoint, of_process) = permit.unzip();
        let of_process = Arc::new(of_process);
        let mut links = links.into_iter().peekable();
        while let Some(link) = links.next() {
            let sent = self.attempt(&link).await;
            // One that was not sent is still untried, and the others must not overtake it.
            let goes_on = sent.is_ok() && links.peek().is_some() && self.may_go_on();
            self.record(link.delivery, sent, Arc::clone(&of_process), !goes_on);
            if !goes_on {
                break;
            }
        }
        let was_full = self.lane.is_full();
        drop(of_endpoint);
        if was_full {
            // A message to an actor that has ended is lost; the poll starts a new one.
            self.lane.look(&self.me);
        }
        let left: Vec<Leased> = links.map(|link| link.delivery).collect();
        if !left.is_empty() {
            self.give_back(&left).await;
        }
    }

    /// Whether the next delivery of the chain may start now.
    fn may_go_on(&self) -> bool {
        Instant::now() < self.start_by
            && !self.lanes.stopping.load(Ordering::Acquire)
            && self.lane.is_open_to_all()
    }

    async fn attempt(&self, link: &Link) -> Result<Sent, Error> {
        let span = attempt::span(&link.delivery, &self.lane.shown);
        let sending = self.lanes.sender.send(&link.delivery, link.secrets.clone(), self.start_by);
        let sent = sending.instrument(span).await;
        // The breaker is told before the permit is returned, so that the next attempt sees the new state.
        self.lane.ended(sent.as_ref().map_or(Health::Nothing, attempt::health), self.probe);
        sent
    }

    /// Records an outcome in a task of its own, which holds the share of the process so long: so the number of unrecorded
    /// outcomes is bounded.
    fn record(&self, delivery: Leased, sent: Result<Sent, Error>, share: Arc<Option<Share>>, last: bool) {
        let (lane, lanes, me) = (Arc::clone(&self.lane), Arc::clone(&self.lanes), self.me.clone());
        self.lanes.tasks.spawn(async move {
            let recorded = match sent {
                Ok(sent) => lanes.sender.record(&delivery, sent, &lane.shown).await,
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                let request = delivery.event.request_id;
                tracing::warn!(request.id = %request, %error, "an attempt was not recorded; its lease runs out");
            }
            drop(share);
            if last {
                // The next delivery of this request may be due now.
                lane.look(&me);
            }
        });
    }

    /// Lets others have what this chain does not come to. While the circuit is open they are told why they wait: the
    /// actor may have told all others before these came back.
    async fn give_back(&self, left: &[Leased]) {
        let ids: Vec<_> = left.iter().map(|delivery| delivery.id).collect();
        let why = (!self.lane.is_open_to_all()).then(|| self.lane.why_it_rests());
        if let Err(error) = self.lanes.store.give_back(&ids, left[0].token, why.as_deref()).await {
            let (endpoint, count) = (&self.lane.shown, ids.len());
            tracing::warn!(endpoint, count, %error, "leases were not given back; they run out");
        }
        self.lane.look(&self.me);
    }
}
