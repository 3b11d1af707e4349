//! The webhooks of one caller to one endpoint (scheme, host and port): an actor that leases what is due there when, and
//! only when, attempts can start at once. Its own bounds (attempts under way, attempts per second, the circuit) hold
//! nobody else up: what a caller's webhooks find out about a host says nothing about those of another caller, whose
//! path or secret may be the better one. Of the attempts that this process may have under way it takes a share that
//! leaves some for others.

use super::attempt::{self, Sender};
use super::breaker::{Breaker, Health, Permission, Tolerance};
use super::gather::{BUSY, GATHER};
use super::options::WebhookOptions;
use super::pace::Pace;
use super::permits::{self, Permits};
use super::shares::Shares;
use crate::Error;
use outbound::redacted_url;
use parking_lot::{Mutex, MutexGuard};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::Store;
use store::deliveries::{Destination, Leased};
use store::secrets::LiveSecrets;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// How long the actor rests after a fault of the database.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// An attempt starts so soon after its lease, or not at all.
const START_WITHIN: Duration = Duration::from_secs(3);
/// A lease outlives the timeout of the attempt by so much: for starting, and for recording.
const LEASE_SLACK: Duration = Duration::from_secs(6);
/// Waiting deliveries that are told at once why they wait.
const EXPLAINED: i64 = 500;

/// What all endpoint actors of a process share.
pub(super) struct Lanes {
    pub(super) store: Store,
    pub(super) sender: Sender,
    /// Attempts that this process may have under way.
    pub(super) slots: Shares,
    /// Attempts under way.
    pub(super) tasks: TaskTracker,
    pub(super) options: WebhookOptions,
    pub(super) stopping: AtomicBool,
}

/// "Look for what is due." A lane holds at most one of these that was not handled yet.
pub(super) struct Look;

/// What an endpoint's actor shares with its attempts under way.
pub(super) struct Lane {
    to: Destination,
    /// The endpoint as logs and operators may see it.
    shown: String,
    caller: Arc<str>,
    slots: Arc<Semaphore>,
    most: usize,
    rest: Duration,
    breaker: Mutex<Breaker>,
    told_to_look: AtomicBool,
    used: Mutex<Instant>,
}

impl Lane {
    pub(super) fn new(to: Destination, options: &WebhookOptions) -> Self {
        let most = options.endpoint.concurrency.max(1);
        let tolerance =
            Tolerance { failures: options.endpoint.open_after_failures.max(1), rest: options.endpoint.open };
        Self {
            shown: redacted_url(&to.endpoint),
            caller: Arc::from(to.caller_service.as_str()),
            to,
            slots: Arc::new(Semaphore::new(most)),
            most,
            rest: tolerance.rest,
            breaker: Mutex::new(Breaker::new(tolerance)),
            told_to_look: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Tells the actor to look, unless it has been told already. Whether it lives.
    pub(super) fn look(&self, actor: &ActorRef<Look>) -> bool {
        let told = self.told_to_look.swap(true, Ordering::AcqRel);
        if told && matches!(actor.get_status(), ractor::ActorStatus::Running | ractor::ActorStatus::Starting)
        {
            return true;
        }
        actor.send_message(Look).is_ok()
    }

    /// Nothing under way and nothing done for `idle`; failures are remembered as long as anything is probed.
    pub(super) fn rests(&self, idle: Duration) -> bool {
        let remember = if self.breaker().is_closed() { Duration::ZERO } else { self.rest * 2 };
        self.slots.available_permits() == self.most && self.used.lock().elapsed() > idle + remember
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock()
    }

    /// Notes how an attempt ended.
    fn ended(&self, health: Health, was_probe: bool) {
        let mut breaker = self.breaker();
        if breaker.ended(health, was_probe, Instant::now()) {
            let closed = breaker.is_closed();
            let (endpoint, caller) = (&self.shown, &*self.caller);
            tracing::warn!(endpoint, caller, closed, "the circuit of a caller's endpoint has changed");
        }
    }
}

/// What may be leased now.
enum Capacity {
    /// So many deliveries, with their permits.
    For(Permits),
    /// One, to see whether the endpoint lives again; or only this one, for which somebody asked.
    Probe(Permits, Option<Uuid>),
    /// Nothing before this much time has passed.
    After(Duration),
    /// Nothing, until an attempt under way ends or somebody says so.
    None,
}

pub(super) struct Endpoint;

pub(super) struct State {
    lane: Arc<Lane>,
    lanes: Arc<Lanes>,
    pace: Pace,
    /// When the actor will look by itself.
    alarm: Option<Instant>,
    /// Until when a busy endpoint waits.
    gathers_until: Option<Instant>,
    /// Up to where waiting deliveries have been told why they wait, while the circuit is open.
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
        // Whoever tells the actor from here on is heard: what it looks at is newer than what it was told of.
        state.lane.told_to_look.store(false, Ordering::Release);
        if state.alarm.is_some_and(|at| at <= Instant::now()) {
            state.alarm = None;
        }
        let gathers = state.gathers_until.map(|until| until.saturating_duration_since(Instant::now()));
        let again = match gathers.filter(|wait| !wait.is_zero()) {
            Some(wait) => Some(wait),
            None => state.take(&me).await.unwrap_or_else(|error| {
                let (endpoint, caller) = (&state.lane.shown, &*state.lane.caller);
                tracing::warn!(endpoint, caller, %error, "deliveries were not leased; trying again");
                Some(AFTER_FAILURE)
            }),
        };
        if let Some(wait) = again {
            state.look_after(&me, wait);
        }
        Ok(())
    }
}

impl State {
    /// Starts as many attempts as may start now. `Some`: there may be more after so long, without anybody saying so.
    async fn take(&mut self, me: &ActorRef<Look>) -> Result<Option<Duration>, Error> {
        loop {
            let (permits, only, probe) = match self.capacity().await? {
                Capacity::For(permits) => (permits, None, false),
                Capacity::Probe(permits, only) => (permits, only, true),
                Capacity::After(wait) => return Ok(Some(wait)),
                Capacity::None => return Ok(None),
            };
            let (wanted, began) = (permits.len(), Instant::now());
            let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
            let lease = self.lanes.options.timeout + LEASE_SLACK;
            let leased = self.lanes.store.lease_due(&self.lane.to, limit, lease, only).await?;
            let got = leased.len();
            self.pace.used(got);
            self.gathers_until = (got >= BUSY).then(|| began + GATHER);
            if got > 0 {
                *self.lane.used.lock() = began;
            }
            let secrets = self.lanes.sender.secrets_of(&leased).await;
            self.start(leased.into_iter().zip(secrets), permits, probe, began + START_WITHIN, me);
            if probe || got < wanted {
                return Ok(None);
            }
        }
    }

    /// What the endpoint's bounds and this process' leave, least costly first.
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

    /// While the circuit is open: what was asked for since it opened goes out as the probe; the rest learns why it
    /// waits.
    async fn asked_or_after(&mut self, since: Instant, until: Instant) -> Result<Capacity, Error> {
        let (store, to) = (&self.lanes.store, &self.lane.to);
        if let Some(asked) = store.asked_delivery(to, since.elapsed()).await? {
            return Ok(self.permits(1).await.map_or(Capacity::None, |one| Capacity::Probe(one, Some(asked))));
        }
        let why = format!(
            "held back, not counted as an attempt: webhooks of {} to {} have failed {} times in a row and rest",
            to.caller_service, self.lane.shown, self.lanes.options.endpoint.open_after_failures
        );
        self.explained = store.explain_wait(to, &why, self.explained, EXPLAINED).await?;
        Ok(Capacity::After(until.saturating_duration_since(Instant::now())))
    }

    async fn permits(&self, most: usize) -> Option<Permits> {
        let permits = permits::take(&self.lane.slots, &self.lanes.slots, &self.lane.caller, most).await;
        // It may have waited for them.
        permits.filter(|_| !self.lanes.stopping.load(Ordering::Acquire))
    }

    fn start(
        &self,
        leased: impl Iterator<Item = (Leased, Result<Arc<LiveSecrets>, Error>)>,
        mut permits: Permits,
        probe: bool,
        start_by: Instant,
        me: &ActorRef<Look>,
    ) {
        for (delivery, secrets) in leased {
            let permit = permits.pop();
            if probe {
                self.lane.breaker().probe(Instant::now());
            }
            let (lane, lanes, me) = (Arc::clone(&self.lane), Arc::clone(&self.lanes), me.clone());
            self.lanes.tasks.spawn(async move {
                let (of_endpoint, of_process) = permit.unzip();
                let sent = lanes.sender.send(&delivery, secrets, start_by).await;
                // Before there is room for another.
                lane.ended(sent.as_ref().map_or(Health::Nothing, attempt::health), probe);
                drop(of_endpoint);
                // An actor that has ended is started anew by the poll.
                lane.look(&me);
                let recorded = match sent {
                    Ok(sent) => lanes.sender.record(&delivery, sent).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = recorded {
                    let request = delivery.event.request_id;
                    tracing::warn!(request.id = %request, %error, "an attempt was not recorded; its lease runs out");
                }
                // Until now it was one of the process' attempts, so that what is not recorded has a bound.
                drop(of_process);
                // What comes next for this request may go.
                lane.look(&me);
            });
        }
    }

    /// Looks again after `wait`, unless it will look before that anyway.
    fn look_after(&mut self, me: &ActorRef<Look>, wait: Duration) {
        let at = Instant::now() + wait;
        if self.alarm.is_none_or(|alarm| at < alarm) {
            self.alarm = Some(at);
            me.send_after(wait, || Look);
        }
    }
}
