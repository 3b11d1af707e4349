//! The live request actors of this process, by request.

use super::message::Message;
use dashmap::DashMap;
use engine::ids::RequestId;
use ractor::{ActorCell, ActorRef};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A live request actor and when it was last used.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) actor: ActorRef<Message>,
    used: Arc<AtomicU64>,
    /// Bytes of its state, as last reported.
    weight: Arc<AtomicU64>,
}

/// Live request actors of this process, by request.
#[derive(Debug)]
pub(crate) struct Registry {
    live: DashMap<RequestId, Live>,
    /// Bytes of the states of all actors.
    weight: AtomicU64,
    started: Instant,
    supervisors: Vec<ActorCell>,
}

impl Registry {
    pub(crate) fn new(supervisors: Vec<ActorCell>) -> Self {
        Self { live: DashMap::new(), weight: AtomicU64::new(0), started: Instant::now(), supervisors }
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    pub(crate) fn supervisor_of(&self, id: RequestId) -> ActorCell {
        // The last byte of a UUIDv7 is random, which spreads requests evenly. The remainder is always in range.
        let shard = usize::from(id.0.as_bytes()[15]) % self.supervisors.len();
        self.supervisors[shard].clone()
    }

    /// The live actor of a request, noted as used now.
    pub(crate) fn get(&self, id: RequestId) -> Option<ActorRef<Message>> {
        let live = self.live.get(&id)?;
        live.used.store(self.now(), Ordering::Relaxed);
        Some(live.actor.clone())
    }

    /// Registers an actor. If another one is registered already, returns that one as the error.
    pub(crate) fn insert(&self, id: RequestId, actor: ActorRef<Message>) -> Result<(), ActorRef<Message>> {
        match self.live.entry(id) {
            dashmap::Entry::Occupied(other) => Err(other.get().actor.clone()),
            dashmap::Entry::Vacant(free) => {
                let used = Arc::new(AtomicU64::new(self.now()));
                free.insert(Live { actor, used, weight: Arc::default() });
                Ok(())
            }
        }
    }

    /// Removes this actor of the request, but not a newer one.
    pub(crate) fn remove(&self, id: RequestId, actor: &ActorRef<Message>) {
        let removed = self.live.remove_if(&id, |_, live| live.actor.get_id() == actor.get_id());
        if let Some((_, live)) = removed {
            self.forget(&live);
        }
    }

    /// Notes the bytes of an actor's state. Returns whether the actor should end, because all states together exceed
    /// `most` and its own is above average.
    pub(crate) fn weigh(&self, id: RequestId, weight: u64, most: u64) -> bool {
        let Some(live) = self.live.get(&id) else { return true };
        let before = live.weight.swap(weight, Ordering::Relaxed);
        drop(live);
        // Wrapping arithmetic yields the difference.
        let total = self.weight.fetch_add(weight.wrapping_sub(before), Ordering::Relaxed);
        let total = total.wrapping_add(weight.wrapping_sub(before));
        total > most && weight >= total / u64::try_from(self.live.len().max(1)).unwrap_or(u64::MAX)
    }

    fn forget(&self, live: &Live) {
        self.weight.fetch_sub(live.weight.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Ends actors that were idle for `idle`, each after the messages already sent to it. Returns how many.
    pub(crate) fn passivate(&self, idle: Duration) -> usize {
        let oldest = self.now().saturating_sub(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        let before = self.live.len();
        self.live.retain(|_, live| {
            let keep = live.used.load(Ordering::Relaxed) >= oldest;
            if !keep {
                drain(&live.actor);
                self.forget(live);
            }
            keep
        });
        before.saturating_sub(self.live.len())
    }

    /// Ends all actors, each after the messages already sent to it, and then their supervisors.
    pub(crate) async fn stop(&self, deadline: Duration) {
        let actors: Vec<_> = self.live.iter().map(|l| l.actor.clone()).collect();
        let waits = actors.iter().map(|actor| actor.drain_and_wait(Some(deadline)));
        futures::future::join_all(waits).await;
        for supervisor in &self.supervisors {
            supervisor.stop(None);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Ends an actor after the messages already in its mailbox.
pub(crate) fn drain(actor: &ActorRef<Message>) {
    // An actor that has ended already needs no draining.
    let _ = actor.drain();
}
