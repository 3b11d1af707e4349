//! The live endpoint actors of this process, one for each caller and endpoint. They start when something is due and
//! stop after being idle.

use super::endpoint::Endpoint;
use super::lane::{Lane, Lanes, Look};
use super::shares::{Share, Shares};
use dashmap::DashMap;
use outbound::redacted_url;
use ractor::{Actor, ActorCell, ActorRef, ActorStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::deliveries::Destination;
use store::processes::Circuit;

/// Most actors at once, shared among the callers. An endpoint without one waits until another stops; the poll finds
/// it again.
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

    pub(super) fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// The lane of a destination, if its actor lives.
    pub(super) fn lane_of(&self, to: &Destination) -> Option<(Arc<Lane>, ActorRef<Look>)> {
        let live = self.live.get(to)?;
        let lives = matches!(live.actor.get_status(), ActorStatus::Running | ActorStatus::Starting);
        lives.then(|| (Arc::clone(&live.lane), live.actor.clone()))
    }

    /// Tells the actor of a destination to look for due deliveries; starts the actor if there is none.
    pub(super) async fn look(&self, to: &Destination) {
        // A second round in case the actor has just ended. If that fails too, the poll finds the destination again.
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
            // Another task has started it meanwhile.
            dashmap::Entry::Occupied(_) => actor.stop(None),
            dashmap::Entry::Vacant(free) => {
                free.insert(Live { actor, lane, _share: share });
            }
        }
    }

    /// The circuits that are not closed, at most `most`.
    pub(super) fn circuits(&self, most: usize) -> Vec<Circuit> {
        self.live.iter().filter_map(|live| live.lane.circuit()).take(most).collect()
    }

    /// Stops actors that were idle for `idle`, except those that remember failures.
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

    /// Starts no attempt from now on. Those under way go on.
    pub(super) async fn stop(&self, deadline: Duration) {
        self.lanes.stopping.store(true, Ordering::Release);
        let actors: Vec<_> = self.live.iter().map(|live| live.actor.clone()).collect();
        for live in self.live.iter() {
            // Looked at while stopping, a lane lets others have what it has not begun.
            live.lane.wake(&live.actor);
        }
        futures::future::join_all(actors.iter().map(|actor| actor.drain_and_wait(Some(deadline)))).await;
        self.live.clear();
    }
}
