//! The live endpoint actors of this process: started when there is something for their endpoint, sent to rest when
//! there has been nothing for a while.

use super::endpoint::{Endpoint, Lane, Look, Shared};
use dashmap::DashMap;
use ractor::{Actor, ActorCell, ActorRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Endpoints with an actor at once. Others wait for one of them to rest; the poll comes to them.
const MOST: usize = 10_000;

struct Live {
    actor: ActorRef<Look>,
    lane: Arc<Lane>,
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Endpoints {
    live: Arc<DashMap<String, Live>>,
    shared: Arc<Shared>,
    supervisor: ActorCell,
}

impl Endpoints {
    pub(super) fn new(shared: Shared, supervisor: ActorCell) -> Self {
        Self { live: Arc::default(), shared: Arc::new(shared), supervisor }
    }

    /// Has the actor of an endpoint look for what is due, starting one when there is none.
    pub(super) async fn look(&self, endpoint: &str) {
        // A second round when the actor had ended; what still comes to nothing is left to the poll.
        for _ in 0..2 {
            if let Some(live) = self.live.get(endpoint) {
                if live.lane.look(&live.actor) {
                    return;
                }
                let dead = live.actor.get_id();
                drop(live);
                self.live.remove_if(endpoint, |_, live| live.actor.get_id() == dead);
            }
            if self.live.len() >= MOST {
                tracing::warn!(endpoint, MOST, "too many endpoints at once; the poll comes back to this one");
                return;
            }
            self.start(endpoint).await;
        }
    }

    async fn start(&self, endpoint: &str) {
        let lane = Arc::new(Lane::new(endpoint, &self.shared.options));
        let arguments = (Arc::clone(&lane), Arc::clone(&self.shared));
        let spawned = Actor::spawn_linked(None, Endpoint, arguments, self.supervisor.clone()).await;
        let actor = match spawned {
            Ok((actor, _)) => actor,
            Err(error) => {
                tracing::error!(endpoint, %error, "the actor of an endpoint did not start; the poll tries again");
                return;
            }
        };
        match self.live.entry(endpoint.to_owned()) {
            // Somebody else was faster.
            dashmap::Entry::Occupied(_) => actor.stop(None),
            dashmap::Entry::Vacant(free) => {
                free.insert(Live { actor, lane });
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
        self.shared.stopping.store(true, Ordering::Release);
        let actors: Vec<_> = self.live.iter().map(|live| live.actor.clone()).collect();
        futures::future::join_all(actors.iter().map(|actor| actor.drain_and_wait(Some(deadline)))).await;
        self.live.clear();
    }
}
