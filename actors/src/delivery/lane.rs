//! What an endpoint's actor shares with its attempts under way: its bounds, its circuit, and a way to wake it.

use super::attempt::Sender;
use super::breaker::{Breaker, Health, Permission, Tolerance};
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
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// What all endpoint actors of a process share.
pub(super) struct Lanes {
    pub(super) store: Store,
    pub(super) sender: Sender,
    /// Permits for the attempts that this process may have under way.
    pub(super) slots: Shares,
    /// The attempts under way.
    pub(super) tasks: TaskTracker,
    pub(super) options: WebhookOptions,
    pub(super) stopping: AtomicBool,
}

/// The message "look for what is due". At most one is in the mailbox of an endpoint's actor.
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
            used: Mutex::new(Instant::now()),
        }
    }

    /// Tells the actor to look, unless such a message waits already. Returns whether the actor lives.
    pub(super) fn look(&self, actor: &ActorRef<Look>) -> bool {
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
        self.slots.available_permits() == self.most && self.used.lock().elapsed() > idle + remember
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
