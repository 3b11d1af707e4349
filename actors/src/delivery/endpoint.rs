//! The webhooks of one caller to one endpoint (scheme, host and port). An actor leases due deliveries only when it
//! can start attempts at once.
//!
//! Its bounds (attempts under way, attempts per second, circuit breaker) affect nobody else. The caller is part of
//! the key because what one caller's webhooks reveal about a host says nothing about another caller's, which may have
//! a working path or secret. Of the attempts that this process may have under way, an endpoint takes a share that
//! leaves room for others.

use super::breaker::Permission;
use super::chain::{self, Chain, Link};
use super::gather::{BUSY, GATHER};
use super::handed::UnderWay;
use super::lane::{Lane, Lanes, Look, START_WITHIN};
use super::pace::Pace;
use super::permits::{self, Permits};
use crate::Error;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// Pause after a fault of the database.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Waiting deliveries whose `last_error` is set by one statement.
const EXPLAINED: i64 = 500;

/// How much may be leased now.
enum Capacity {
    /// As many deliveries as there are permits.
    For(Permits),
    /// One, to probe the endpoint; with an id, only the delivery that an operator asked for.
    Probe(Permits, Option<Uuid>),
    /// Nothing before this time has passed.
    After(Duration),
    /// Nothing until an attempt ends or a message comes.
    None,
}

pub(super) struct Endpoint;

pub(super) struct State {
    lane: Arc<Lane>,
    lanes: Arc<Lanes>,
    pace: Pace,
    /// When the actor looks again without a message.
    alarm: Option<Instant>,
    /// Until when a busy endpoint gathers work.
    gathers_until: Option<Instant>,
    /// The due time up to which waiting deliveries have been told why they wait; used while the circuit is open.
    explained: OffsetDateTime,
}

impl Actor for Endpoint {
    type Msg = Look;
    type State = State;
    type Arguments = (Arc<Lane>, Arc<Lanes>);

    async fn pre_start(
        &self,
        _: ActorRef<Look>,
        (lane, lanes): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let pace = Pace::new(lanes.options.endpoint.rate_per_second);
        Ok(State {
            lane,
            lanes,
            pace,
            alarm: None,
            gathers_until: None,
            explained: OffsetDateTime::UNIX_EPOCH,
        })
    }

    async fn handle(&self, me: ActorRef<Look>, _: Look, state: &mut State) -> Result<(), ActorProcessingErr> {
        // The flag is cleared before the actor looks, so a message that is sent from here on is not lost: whatever it
        // announces is either found now or looked for again.
        state.lane.told_to_look.store(false, Ordering::Release);
        if state.alarm.is_some_and(|at| at <= Instant::now()) {
            state.alarm = None;
        }
        let gathers = state.gathers_until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(wait) = gathers.filter(|wait| !wait.is_zero()) {
            state.look_after(&me, wait);
            return Ok(());
        }
        if let Some(wait) = state.start_handed(&me).await {
            state.look_after(&me, wait);
        }
        if state.lane.owes.swap(false, Ordering::AcqRel)
            && let Some(wait) = state.look(&me).await
        {
            state.lane.owes.store(true, Ordering::Release);
            state.look_after(&me, wait);
        }
        Ok(())
    }
}

impl State {
    /// Starts as many of the webhooks that commits have handed over as may start now. `Some`: when the first that waits
    /// on has to be given back.
    async fn start_handed(&mut self, me: &ActorRef<Look>) -> Option<Duration> {
        let (lane, lanes) = (Arc::clone(&self.lane), Arc::clone(&self.lanes));
        loop {
            self.give_back_late(me).await;
            let (waiting, start_by) = lane.handed.waiting();
            let wait = start_by?.saturating_duration_since(Instant::now());
            // Without a permit, the end of an attempt wakes this actor.
            let Some(mut permits) = self.permits(waiting.min(lanes.options.batch_size.max(1))).await else {
                return Some(wait);
            };
            let began = Instant::now();
            *lane.used.lock() = began;
            let begun = (0..permits.len()).map_while(|_| UnderWay::begin(&lane.handed));
            let (begun, webhooks): (Vec<_>, Vec<_>) = begun.unzip();
            self.gathers_until = (begun.len() >= BUSY).then(|| began + GATHER);
            let counts: Vec<_> = webhooks.iter().map(Vec::len).collect();
            let mut links =
                chain::links_of(&lanes, webhooks.into_iter().flatten().collect()).await.into_iter();
            for (under_way, count) in begun.into_iter().zip(counts) {
                let chain = self.chain(false, Some(under_way), me);
                lanes.tasks.spawn(chain.send(links.by_ref().take(count).collect(), permits.pop()));
            }
        }
    }

    /// Lets others have what was handed over and cannot start here any more.
    async fn give_back_late(&self, me: &ActorRef<Look>) {
        let open = self.lane.is_open_to_all() && !self.lanes.stopping.load(Ordering::Acquire);
        if let Some(late) = self.lane.handed.late(open.then(Instant::now)) {
            self.lane.give_back(&self.lanes, me, late).await;
        }
    }

    /// Looks for due deliveries in the database. `Some`: there may be more after this time, without a message.
    async fn look(&mut self, me: &ActorRef<Look>) -> Option<Duration> {
        self.take(me).await.unwrap_or_else(|error| {
            let (endpoint, caller) = (&self.lane.shown, &*self.lane.caller);
            tracing::warn!(endpoint, caller, %error, "deliveries were not leased; trying again");
            Some(AFTER_FAILURE)
        })
    }

    /// Leases and starts as many attempts as may start now. `Some`: there may be more after this time, without a
    /// message.
    async fn take(&mut self, me: &ActorRef<Look>) -> Result<Option<Duration>, Error> {
        loop {
            let (permits, only, probe) = match self.capacity().await? {
                Capacity::For(permits) => (permits, None, false),
                Capacity::Probe(permits, only) => (permits, only, true),
                Capacity::After(wait) => return Ok(Some(wait)),
                Capacity::None => {
                    self.lane.is_behind.store(true, Ordering::Release);
                    self.lane.owes.store(true, Ordering::Release);
                    return Ok(None);
                }
            };
            let (wanted, began) = (permits.len(), Instant::now());
            let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
            let leased = self.lanes.store.lease_due(&self.lane.to, limit, self.lanes.lease(), only).await?;
            let got = leased.len();
            self.pace.used(got);
            if got > 0 {
                *self.lane.used.lock() = began;
            }
            let start_by = std::iter::repeat(began + START_WITHIN);
            let chains = chain::of_requests(chain::links(&self.lanes, leased, start_by).await.into_iter());
            self.gathers_until = (chains.len() >= BUSY).then(|| began + GATHER);
            self.start(chains, permits, probe, me);
            self.lane.is_behind.store(got == wanted && !probe, Ordering::Release);
            if probe || got < wanted {
                return Ok(None);
            }
        }
    }

    /// What the bounds of this endpoint and of this process leave. The cheapest checks come first.
    async fn capacity(&mut self) -> Result<Capacity, Error> {
        if self.lanes.stopping.load(Ordering::Acquire) {
            return Ok(Capacity::None);
        }
        let permission = self.lane.breaker().permits(Instant::now());
        match permission {
            Permission::Probing => Ok(Capacity::None),
            Permission::Closed { since, until } => self.asked_or_after(since, until).await,
            Permission::Probe => {
                Ok(self.permits(1).await.map_or(Capacity::None, |one| Capacity::Probe(one, None)))
            }
            Permission::All => {
                self.explained = OffsetDateTime::UNIX_EPOCH;
                let free = self.lane.slots.available_permits().min(self.lanes.options.batch_size.max(1));
                if free == 0 {
                    return Ok(Capacity::None);
                }
                match self.pace.draw(free) {
                    Err(wait) => Ok(Capacity::After(wait)),
                    Ok(most) => Ok(self.permits(most).await.map_or(Capacity::None, Capacity::For)),
                }
            }
        }
    }

    /// With an open circuit: sends a delivery that an operator asked for since then as a probe, and notes in all
    /// others why they wait.
    async fn asked_or_after(&mut self, since: Instant, until: Instant) -> Result<Capacity, Error> {
        let (store, to) = (&self.lanes.store, &self.lane.to);
        if let Some(asked) = store.asked_delivery(to, since.elapsed()).await? {
            return Ok(self.permits(1).await.map_or(Capacity::None, |one| Capacity::Probe(one, Some(asked))));
        }
        let why = self.lane.why_it_rests();
        self.explained = store.explain_wait(to, &why, self.explained, EXPLAINED).await?;
        Ok(Capacity::After(until.saturating_duration_since(Instant::now())))
    }

    async fn permits(&self, most: usize) -> Option<Permits> {
        let permits = permits::take(&self.lane.slots, &self.lanes.slots, &self.lane.caller, most).await;
        // Taking permits may have waited, and the process may be stopping by now.
        permits.filter(|_| !self.lanes.stopping.load(Ordering::Acquire))
    }

    fn start(&self, chains: Vec<Vec<Link>>, mut permits: Permits, probe: bool, me: &ActorRef<Look>) {
        for links in chains {
            let permit = permits.pop();
            if probe {
                self.lane.breaker().probe(Instant::now());
            }
            self.lanes.tasks.spawn(self.chain(probe, None, me).send(links, permit));
        }
    }

    fn chain(&self, probe: bool, handed: Option<UnderWay>, me: &ActorRef<Look>) -> Chain {
        Chain { lane: Arc::clone(&self.lane), lanes: Arc::clone(&self.lanes), me: me.clone(), probe, handed }
    }

    /// Schedules the next look in `wait`, unless an earlier one is scheduled.
    fn look_after(&mut self, me: &ActorRef<Look>, wait: Duration) {
        let at = Instant::now() + wait;
        if self.alarm.is_none_or(|alarm| at < alarm) {
            self.alarm = Some(at);
            me.send_after(wait, || Look);
        }
    }
}
