//! What an endpoint's actor shares with its attempts under way: its bounds, its circuit, and a way to wake it.

use super::attempt::Sender;
use super::breaker::{Breaker, Health, Permission, Tolerance};
use super::handed::{Handed, LetGo};
use super::options::WebhookOptions;
use super::shares::Shares;
use outbound::redacted_url;
use parking_lot::{Mutex, MutexGuard};
use ractor::ActorRef;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::Store;
use store::deliveries::Destination;
use store::processes::Circuit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Longest time between a lease and the start of its attempt.
pub(super) const START_WITHIN: Duration = Duration::from_secs(3);
/// How much longer than the timeout of an attempt a lease lasts: time to start and to record.
const LEASE_SLACK: Duration = Duration::from_secs(6);

/// What all endpoint actors of a process share.
pub(super) struct Lanes {
    pub(super) store: Store,
    pub(super) sender: Sender,
    /// Permits for the attempts that this process may have under way.
    pub(super) slots: Shares,
    /// Places for transitions whose webhooks are handed over by their commits.
    pub(super) handed: Shares,
    /// The attempts under way.
    pub(super) tasks: TaskTracker,
    pub(super) options: WebhookOptions,
    pub(super) stopping: AtomicBool,
}

impl Lanes {
    /// How long a lease lasts.
    pub(super) fn lease(&self) -> Duration {
        lease(&self.options)
    }
}

fn lease(options: &WebhookOptions) -> Duration {
    options.timeout + LEASE_SLACK
}

/// The message "there may be something to do". At most one is in the mailbox of an endpoint's actor.
pub(super) struct Look;

/// What an endpoint's actor shares with its attempts under way.
pub(super) struct Lane {
    pub(super) to: Destination,
    /// The endpoint without credentials, for logs and operators.
    pub(super) shown: String,
    pub(super) caller: Arc<str>,
    pub(super) slots: Arc<Semaphore>,
    most: usize,
    rest: Duration,
    /// Failures in a row that open the circuit.
    tolerated: u32,
    breaker: Mutex<Breaker>,
    pub(super) told_to_look: AtomicBool,
    /// The database may hold due deliveries.
    pub(super) owes: AtomicBool,
    /// It holds some that could not be leased yet, for want of room.
    pub(super) is_behind: AtomicBool,
    /// When somebody last told of due deliveries in the database.
    announced: Mutex<Instant>,
    /// Webhooks that commits of this process have leased to this lane.
    pub(super) handed: Arc<Handed>,
    /// Transitions whose webhooks may be handed over and not yet begun.
    rooms: Arc<Semaphore>,
    /// Names this lane in their leases.
    pub(super) token: Uuid,
    pub(super) used: Mutex<Instant>,
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
            tolerated: tolerance.failures,
            breaker: Mutex::new(Breaker::new(tolerance)),
            told_to_look: AtomicBool::new(false),
            owes: AtomicBool::new(true),
            is_behind: AtomicBool::new(false),
            announced: Mutex::new(Instant::now()),
            handed: Arc::new(Handed::new(lease(options))),
            rooms: Arc::new(Semaphore::new(most)),
            token: Uuid::now_v7(),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Tells the actor to look for due deliveries in the database. Returns whether the actor lives.
    pub(super) fn look(&self, actor: &ActorRef<Look>) -> bool {
        *self.announced.lock() = Instant::now();
        self.look_again(actor)
    }

    /// The same, where nobody has told of any.
    pub(super) fn look_again(&self, actor: &ActorRef<Look>) -> bool {
        self.owes.store(true, Ordering::Release);
        self.wake(actor)
    }

    /// Whether somebody has told of due deliveries in the database within this time.
    pub(super) fn was_told_within(&self, time: Duration) -> bool {
        self.announced.lock().elapsed() < time
    }

    /// Tells the actor that there may be something to do, unless such a message waits already. Returns whether the actor
    /// lives.
    pub(super) fn wake(&self, actor: &ActorRef<Look>) -> bool {
        let told = self.told_to_look.swap(true, Ordering::AcqRel);
        if told && matches!(actor.get_status(), ractor::ActorStatus::Running | ractor::ActorStatus::Starting)
        {
            return true;
        }
        actor.send_message(Look).is_ok()
    }

    /// Whether the actor can be stopped: nothing is under way and nothing happened for `idle`. With an open circuit
    /// it stays longer, because it would forget the failures.
    pub(super) fn rests(&self, idle: Duration) -> bool {
        let remember = if self.breaker().is_closed() { Duration::ZERO } else { self.rest * 2 };
        let waits = self.handed.waiting().0 > 0;
        !waits && self.slots.available_permits() == self.most && self.used.lock().elapsed() > idle + remember
    }

    /// Room for the webhooks of one transition until they begin, if a commit may lease them to this lane: it could send
    /// them at once, and nothing older waits for it.
    pub(super) fn room(&self, lanes: &Lanes) -> Option<OwnedSemaphorePermit> {
        let taken = self.most - self.rooms.available_permits();
        let free = lanes.options.endpoint.rate_per_second == 0
            && !lanes.stopping.load(Ordering::Acquire)
            && !self.is_behind.load(Ordering::Acquire)
            && self.is_open_to_all()
            && self.handed.is_open()
            && taken < self.slots.available_permits()
            && taken < lanes.slots.left(&self.caller);
        if free { Arc::clone(&self.rooms).try_acquire_owned().ok() } else { None }
    }

    /// Lets others have leased deliveries that are not attempted. While the circuit is open they are told why they wait:
    /// the actor may have told all others before these came back.
    pub(super) async fn give_back(&self, lanes: &Lanes, actor: &ActorRef<Look>, let_go: LetGo) {
        let why = (!self.is_open_to_all()).then(|| self.why_it_rests());
        let (ids, tokens): (Vec<_>, Vec<_>) =
            let_go.webhooks().iter().map(|leased| (leased.id, leased.token)).unzip();
        match lanes.store.give_back(&ids, &tokens, why.as_deref()).await {
            Ok(()) => let_go.given_back(),
            Err(error) => {
                let (endpoint, count) = (&self.shown, ids.len());
                tracing::warn!(endpoint, count, %error, "leases were not given back; they run out");
            }
        }
        self.look(actor);
    }

    /// The circuit, unless it is closed.
    pub(super) fn circuit(&self) -> Option<Circuit> {
        let state = match self.breaker().permits(Instant::now()) {
            Permission::All => return None,
            Permission::Closed { .. } | Permission::Probe => "open",
            Permission::Probing => "probing",
        };
        let (caller_service, endpoint) = (self.to.caller_service.clone(), self.shown.clone());
        Some(Circuit { caller_service, endpoint, state: state.to_owned() })
    }

    /// Whether as many attempts are under way as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// Whether attempts may start without asking the actor first.
    pub(super) fn is_open_to_all(&self) -> bool {
        matches!(self.breaker().permits(Instant::now()), Permission::All)
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock()
    }

    /// What deliveries are told that wait for the circuit.
    pub(super) fn why_it_rests(&self) -> String {
        format!(
            "held back, not counted as an attempt: webhooks of {} to {} have failed {} times in a row and rest",
            self.caller, self.shown, self.tolerated
        )
    }

    /// Notes how an attempt ended.
    pub(super) fn ended(&self, health: Health, was_probe: bool) {
        let mut breaker = self.breaker();
        if breaker.ended(health, was_probe, Instant::now()) {
            let closed = breaker.is_closed();
            let (endpoint, caller) = (&self.shown, &*self.caller);
            tracing::warn!(endpoint, caller, closed, "the circuit of a caller's endpoint has changed");
        }
    }
}
