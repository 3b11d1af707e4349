//! When to leave an endpoint alone: a state machine without a clock of its own.
//!
//! ```text
//! closed --failures in a row--> open --time, or somebody asks--> probing --failure--> open
//!    ^----------------------------any attempt that finds it alive------------------------'
//! ```
//!
//! Attempts that an open circuit holds back are not made, and so count as no attempt of their deliveries.

use std::time::{Duration, Instant};

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance {
    /// Failures in a row that open it.
    pub(super) failures: u32,
    /// How long it stays open before one attempt is made to see.
    pub(super) rest: Duration,
}

/// What may be attempted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Whatever there is room for.
    All,
    /// One attempt, to see; its outcome must be told as that of a probe.
    Probe,
    /// Nothing before this moment, but what was asked for after the circuit opened.
    Closed {
        /// When it opened.
        since: Instant,
        /// When a probe may be made.
        until: Instant,
    },
    /// Nothing: a probe is under way.
    Probing,
}

/// What an attempt said about the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers, whatever it thinks of the webhook.
    Alive,
    /// No answer, or one that says that it cannot cope.
    Failing,
    /// Nothing: the attempt did not reach it, through no fault of its own.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { since: Instant, until: Instant },
    Probing { since: Instant },
}

/// The circuit of one endpoint, as this process sees it.
#[derive(Debug)]
pub(super) struct Breaker {
    tolerance: Tolerance,
    state: State,
}

impl Breaker {
    pub(super) fn new(tolerance: Tolerance) -> Self {
        Self { tolerance, state: State::Closed { failures: 0 } }
    }

    /// Whether attempts go out as ever.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// What may be attempted at `now`.
    pub(super) fn permits(&self, now: Instant) -> Permission {
        match self.state {
            State::Closed { .. } => Permission::All,
            State::Open { until, .. } if until <= now => Permission::Probe,
            State::Open { since, until } => Permission::Closed { since, until },
            State::Probing { .. } => Permission::Probing,
        }
    }

    /// A probe goes out.
    pub(super) fn probe(&mut self, now: Instant) {
        self.state = match self.state {
            State::Open { since, .. } | State::Probing { since } => State::Probing { since },
            State::Closed { .. } => State::Probing { since: now },
        };
    }

    /// An attempt has ended at `now`. Answers whether that opened or closed the circuit.
    pub(super) fn ended(&mut self, health: Health, was_probe: bool, now: Instant) -> bool {
        let before = self.is_closed();
        self.state = match (self.state, health) {
            (_, Health::Alive) => State::Closed { failures: 0 },
            (State::Closed { failures }, Health::Failing) if failures + 1 < self.tolerance.failures => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, Health::Failing) => self.open(now),
            (State::Probing { .. }, Health::Failing) if was_probe => self.open(now),
            // Nobody knows more than before: the next look may probe again.
            (State::Probing { since }, Health::Nothing) if was_probe => State::Open { since, until: now },
            (unchanged, _) => unchanged,
        };
        before != self.is_closed()
    }

    fn open(&self, now: Instant) -> State {
        State::Open { since: now, until: now + self.tolerance.rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(30);

    fn breaker() -> Breaker {
        Breaker::new(Tolerance { failures: 3, rest: REST })
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = breaker();
        for _ in 0..3 {
            breaker.ended(Health::Failing, false, now);
        }
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_the_circuit() {
        let now = Instant::now();
        let mut breaker = breaker();
        for health in [Health::Failing, Health::Failing, Health::Alive, Health::Failing, Health::Failing] {
            assert!(!breaker.ended(health, false, now));
        }
        assert_eq!(breaker.permits(now), Permission::All);
        assert!(breaker.ended(Health::Failing, false, now));
        assert_eq!(breaker.permits(now), Permission::Closed { since: now, until: now + REST });
    }

    #[test]
    fn what_never_reached_the_endpoint_says_nothing_about_it() {
        let now = Instant::now();
        let mut breaker = breaker();
        for health in [Health::Failing, Health::Failing, Health::Nothing] {
            breaker.ended(health, false, now);
        }
        assert!(breaker.is_closed());
        assert!(breaker.ended(Health::Failing, false, now), "the third failure in a row");
    }

    #[test]
    fn after_its_rest_one_probe_goes_out_and_its_failure_opens_the_circuit_again() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + REST;
        assert_eq!(breaker.permits(later), Permission::Probe);
        breaker.probe(later);
        assert_eq!(breaker.permits(later), Permission::Probing);
        assert!(!breaker.ended(Health::Failing, true, later));
        assert_eq!(breaker.permits(later), Permission::Closed { since: later, until: later + REST });
    }

    #[test]
    fn any_sign_of_life_closes_the_circuit() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(breaker.ended(Health::Alive, false, now), "of an attempt from before it opened");
        assert_eq!(breaker.permits(now), Permission::All);
        let mut breaker = opened(now);
        breaker.probe(now);
        assert!(breaker.ended(Health::Alive, true, now));
        assert_eq!(breaker.permits(now), Permission::All);
    }

    #[test]
    fn a_probe_that_came_to_nothing_may_be_made_again_at_once() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.probe(now + REST);
        breaker.ended(Health::Nothing, true, now + REST);
        assert_eq!(breaker.permits(now + REST), Permission::Probe);
    }

    #[test]
    fn late_failures_of_earlier_attempts_do_not_prolong_the_rest_nor_end_the_probe() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.ended(Health::Failing, false, now + REST / 2);
        assert_eq!(breaker.permits(now + REST), Permission::Probe);
        breaker.probe(now + REST);
        breaker.ended(Health::Failing, false, now + REST);
        assert_eq!(breaker.permits(now + REST), Permission::Probing);
    }
}
