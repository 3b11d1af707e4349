//! Room for the webhooks of a transition that is being committed.

use super::handed::{Place, Waiting};
use super::lane::{Lane, Lanes, Look, START_WITHIN};
use super::live::LiveEndpoints;
use ractor::ActorRef;
use std::sync::{Arc, Weak};
use std::time::Instant;
use store::deliveries::{Destination, Lease, Leased};

/// A place for the webhooks of one transition, asked for before its commit. Dropped without a word, it counts as a
/// commit of which nobody knows whether it took place.
pub(crate) struct Room {
    lane: Arc<Lane>,
    lanes: Arc<Lanes>,
    actor: ActorRef<Look>,
    asked: Instant,
    place: Option<Place>,
}

/// Gives room for webhooks to transitions that are being committed, for as long as the delivery role is there: it must
/// not keep the recorder from ending.
#[derive(Clone)]
pub(crate) struct Rooms(Weak<LiveEndpoints>);

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rooms")
    }
}

impl Rooms {
    pub(super) fn new(endpoints: &Arc<LiveEndpoints>) -> Self {
        Self(Arc::downgrade(endpoints))
    }

    /// Room for webhooks to this destination, if they could be sent at once: attempts go to the endpoint and one more
    /// may begin, no pace is set for it, nothing older waits for it, and the process does not keep many in memory.
    pub(crate) fn find(&self, to: &Destination) -> Option<Room> {
        let endpoints = self.0.upgrade()?;
        let (lane, actor) = endpoints.lane_of(to)?;
        let lanes = endpoints.lanes();
        let place = Place { _of_lane: lane.room(lanes)?, _of_process: lanes.handed.try_take(&lane.caller)? };
        let asked = Instant::now();
        *lane.used.lock() = asked;
        Some(Room { lane, lanes: Arc::clone(lanes), actor, asked, place: Some(place) })
    }
}

impl Room {
    /// What the commit asks for.
    pub(crate) fn lease(&self) -> Lease {
        Lease { token: self.lane.token, lasts: self.lanes.lease() }
    }

    /// The webhooks were leased by the commit: they go out now.
    pub(crate) fn hand(mut self, webhooks: Vec<Leased>) {
        let Some(place) = self.place.take() else { return };
        let waiting = Waiting::all(webhooks, self.asked + START_WITHIN, place);
        let Some(let_go) = self.lane.handed.put(self.asked, waiting) else {
            // A message to an actor that has ended is lost, and the leases run out.
            self.lane.wake(&self.actor);
            return;
        };
        let (lane, lanes, actor) = (Arc::clone(&self.lane), Arc::clone(&self.lanes), self.actor.clone());
        self.lanes.tasks.spawn(async move { lane.give_back(&lanes, &actor, let_go).await });
    }

    /// Nothing was leased.
    pub(crate) fn unused(mut self) {
        self.place = None;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.lane.handed.lost();
        }
    }
}
