//! Room for the webhooks of a transition that is being committed.

use super::handed::{Place, Waiting};
use super::lane::{Lane, Lanes, Look, START_WITHIN};
use super::live::LiveEndpoints;
use ractor::ActorRef;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::deliveries::{Destination, Lease, Leased};

/// A place for the webhooks of one transition, asked for before its commit. Dropped without a word, it counts as a
/// commit of which nobody knows whether it took place.
pub(crate) struct Room {
    lane: Arc<Lane>,
    lanes: Arc<Lanes>,
    actor: ActorRef<Look>,
    asked: Instant,
    lease: Duration,
    place: Option<Place>,
}

impl LiveEndpoints {
    /// Room for webhooks to this destination, if they could be sent at once: attempts go to the endpoint and one more
    /// may begin, no pace is set for it, nothing older waits for it, and the process does not keep many in memory.
    pub(crate) fn room(&self, to: &Destination) -> Option<Room> {
        let (lane, actor) = self.lane_of(to)?;
        let lanes = self.lanes();
        let place = Place { _of_lane: lane.room(lanes)?, _of_process: lanes.handed.try_take(&lane.caller)? };
        let asked = Instant::now();
        *lane.used.lock() = asked;
        Some(Room { lane, lanes: Arc::clone(lanes), actor, asked, lease: lanes.lease(), place: Some(place) })
    }
}

impl Room {
    /// What the commit asks for.
    pub(crate) fn lease(&self) -> Lease {
        Lease { token: self.lane.token, lasts: self.lease }
    }

    /// The webhooks were leased by the commit: they go out now.
    pub(crate) fn hand(mut self, webhooks: Vec<Leased>) {
        let Some(place) = self.place.take() else { return };
        let waiting = Waiting::all(webhooks, self.asked + START_WITHIN, place);
        match self.lane.handed.put(self.asked, waiting) {
            Ok(()) => {
                // A message to an actor that has ended is lost, and the leases run out.
                self.lane.wake(&self.actor);
            }
            Err(waiting) => {
                let (lane, lanes, actor) =
                    (Arc::clone(&self.lane), Arc::clone(&self.lanes), self.actor.clone());
                let left = waiting.into_iter().map(|waiting| waiting.delivery).collect();
                self.lanes.tasks.spawn(async move { lane.give_back(&lanes, &actor, left).await });
            }
        }
    }

    /// Nothing was leased.
    pub(crate) fn unused(mut self) {
        self.place = None;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.lane.handed.lost(self.lease);
        }
    }
}
