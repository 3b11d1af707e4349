//! The live endpoint actors of this process, one for each caller and endpoint: started when there is something for them,
//! sent to rest when there has been nothing for a while.

use super::endpoint::{Endpoint, Lane, Lanes, Look};
use super::shares::{Share, Shares};
use dashmap::DashMap;
use outbound::redacted_url;
use ractor::{Actor, ActorCell, ActorRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::deliveries::Destination;

/// Actors at once, shared out among the callers. Others wait for one of them to rest; the poll comes to them.
const MOST: usize = 10_000;

struct Live {
    actor: ActorRef<Look>,
    lane: Arc<Lane>,
    _share: Share,
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct LiveEndpoints {
    live: Arc<DashMap<Destination, Live>>,
    places: Shares,
    lanes: Arc<Lanes>,
    supervisor: ActorCell,
}

impl LiveEndpoints {
    pub(super) fn new(lanes: Lanes, supervisor: ActorCell) -> Self {
        Self { live: Arc::default(), places: Shares::new(MOST), lanes: Arc::new(lanes), supervisor }
    }

    /// Has the actor of a destination look for what is due, starting one when there is none.
    pub(super) async fn look(&self, to: &Destination) {
        // A second round when the actor had ended; what still comes to nothing is left to the poll.
        for _ in 0..2 {
            if let Some(live) = self.live.get(to) {
                if live.lane.look(&live.actor) {
                    return;
                }
                let dead = live.actor.get_id();
                drop(live);
                self.live.remove_if(to, |_, live| live.actor.get_id() == dead);
            }
            let Some(share) = self.places.try_take(&Arc::from(to.caller_service.as_str())) else {
                let Destination { caller_service: caller, endpoint } = to;
                tracing::debug!(
                    endpoint,
                    caller,
                    "too many endpoints at once; the poll comes back to this one"
                );
                return;
            };
            self.start(to, share).await;
        }
    }

    async fn start(&self, to: &Destination, share: Share) {
        let lane = Arc::new(Lane::new(to.clone(), &self.lanes.options));
        let arguments = (Arc::clone(&lane), Arc::clone(&self.lanes));
        let spawned = Actor::spawn_linked(None, Endpoint, arguments, self.supervisor.clone()).await;
        let actor = match spawned {
            Ok((actor, _)) => actor,
            Err(error) => {
                let endpoint = redacted_url(&to.endpoint);
                tracing::error!(endpoint, %error, "the actor of an endpoint did not start; the poll tries again");
                return;
            }
        };
        match self.live.entry(to.clone()) {
            // Somebody else was faster.
            dashmap::Entry::Occupied(_) => actor.stop(None),
            dashmap::Entry::Vacant(free) => {
                free.insert(Live { actor, lane, _share: share });
            }
        }
    }

    /// Sends actors to rest that have had nothing to do for `idle`. One that remembers failures stays.
    pub(super) fn rest(&self, idle: Duration) {
        self.live.retain(|_, live| {
            let keep = !live.lane.rests(idle);
            if !keep {
                // An actor that has ended already needs no draining.
                let _ = live.actor.drain();
            }
            keep
        });
    }

    /// No attempt starts from now on; those under way go on.
    pub(super) async fn stop(&self, deadline: Duration) {
        self.lanes.stopping.store(true, Ordering::Release);
        let actors: Vec<_> = self.live.iter().map(|live| live.actor.clone()).collect();
        futures::future::join_all(actors.iter().map(|actor| actor.drain_and_wait(Some(deadline)))).await;
        self.live.clear();
    }
}
