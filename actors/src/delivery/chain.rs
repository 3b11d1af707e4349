//! Webhooks of one request that are leased to this process: sent one after the other, in their order, without asking
//! the database in between.

use super::attempt;
use super::breaker::Health;
use super::courier::Sent;
use super::handed::{UnderWay, Waiting};
use super::lane::{Lane, Lanes, Look};
use super::shares::Share;
use crate::Error;
use ractor::ActorRef;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::deliveries::Leased;
use store::secrets::LiveSecrets;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// A chain that took longer may have kept waiting what other processes were told of.
const LONG: Duration = Duration::from_millis(50);

/// One leased delivery, and what signs it.
pub(super) struct Link {
    pub(super) delivery: Leased,
    pub(super) secrets: Result<Arc<LiveSecrets>, Error>,
    /// An attempt that starts later could outlive its lease.
    pub(super) start_by: Instant,
}

/// The links of deliveries, each to be started by its moment.
pub(super) async fn links(
    lanes: &Lanes,
    leased: Vec<Leased>,
    start_by: impl Iterator<Item = Instant>,
) -> Vec<Link> {
    let secrets = lanes.sender.secrets_of(&leased).await;
    let each = leased.into_iter().zip(secrets).zip(start_by);
    each.map(|((delivery, secrets), start_by)| Link { delivery, secrets, start_by }).collect()
}

/// The links of webhooks that were handed over.
pub(super) async fn links_of(lanes: &Lanes, waiting: Vec<Waiting>) -> Vec<Link> {
    let (leased, start_by): (Vec<_>, Vec<_>) =
        waiting.into_iter().map(|waiting| (waiting.delivery, waiting.start_by)).unzip();
    links(lanes, leased, start_by.into_iter()).await
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
    /// Set where commits have handed the webhooks over, and may hand over more of the request meanwhile.
    pub(super) handed: Option<UnderWay>,
}

impl Chain {
    /// Sends the deliveries with one permit of the endpoint, because one of them is under way at a time. An outcome is
    /// recorded while the next one is sent; each takes a share of the process until then.
    pub(super) async fn send(mut self, links: Vec<Link>, permit: Option<(OwnedSemaphorePermit, Share)>) {
        let (of_endpoint, mut of_process) = permit.unzip();
        let began = Instant::now();
        let (mut links, mut left) = (links.into_iter().peekable(), Vec::new());
        while let Some(link) = links.next() {
            let share = match of_process.take() {
                Some(share) => Some(share),
                None => self.lanes.slots.take(&self.lane.caller).await,
            };
            if !self.may_start(&link) {
                left.push(link.delivery);
                break;
            }
            let sent = self.attempt(&link).await;
            // One that was not sent is still untried, and the others must not overtake it.
            let was_sent = sent.is_ok();
            let looks = links.peek().is_none() && self.owes_a_look(began);
            self.record(link.delivery, sent, share, looks || !was_sent);
            if !was_sent {
                self.lane.handed.lost();
                break;
            }
            if links.peek().is_none() {
                links = self.handed_meanwhile().await.into_iter().peekable();
            }
        }
        left.extend(links.map(|link| link.delivery));
        let let_go = match &mut self.handed {
            Some(under_way) => under_way.end(left),
            None => self.lane.handed.let_go(left),
        };
        let was_full = self.lane.is_full();
        drop(of_endpoint);
        if was_full {
            // A message to an actor that has ended is lost; the poll starts a new one.
            self.lane.wake(&self.me);
        }
        if let Some(let_go) = let_go {
            self.lane.give_back(&self.lanes, &self.me, let_go).await;
        }
    }

    /// Whether the delivery may start now.
    fn may_start(&self, link: &Link) -> bool {
        Instant::now() < link.start_by
            && !self.lanes.stopping.load(Ordering::Acquire)
            && (self.probe || self.lane.is_open_to_all())
    }

    /// Whether a delivery in the database may have waited for this chain. Of those that were handed over, the
    /// commits of this process know; of the others, somebody was told.
    fn owes_a_look(&self, began: Instant) -> bool {
        self.handed.is_none() || began.elapsed() > LONG || self.lane.was_told_within(self.lanes.lease())
    }

    /// What the commits of the request have handed over since this chain began.
    async fn handed_meanwhile(&mut self) -> Vec<Link> {
        match self.handed.as_mut().and_then(UnderWay::more) {
            Some(waiting) => links_of(&self.lanes, waiting).await,
            None => Vec::new(),
        }
    }

    async fn attempt(&self, link: &Link) -> Result<Sent, Error> {
        let span = attempt::span(&link.delivery, &self.lane.shown);
        let sending = self.lanes.sender.send(&link.delivery, link.secrets.clone(), link.start_by);
        let sent = sending.instrument(span).await;
        // The breaker is told before the permit is returned, so that the next attempt sees the new state.
        self.lane.ended(sent.as_ref().map_or(Health::Nothing, attempt::health), self.probe);
        sent
    }

    /// Records an outcome in a task of its own, which holds the share of the process so long: so the number of unrecorded
    /// outcomes is bounded.
    fn record(&self, delivery: Leased, sent: Result<Sent, Error>, share: Option<Share>, looks: bool) {
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
            if looks {
                // The next delivery of this request may be due now.
                lane.look_again(&me);
            }
        });
    }
}
