//! Visits every state of a small world, and checks every law there.
//!
//! For each policy below the exploration is complete. It covers every order of: every decision by every seat and by an
//! administrator on its behalf, deadlines, every answer of a resolver (nobody, two people, a failure), cancelling and
//! expiry; and in policies whose stages have one seat also one claim and one reassignment. Only policies of several
//! stages have separation of duties.
//!
//! The policies:
//! - one stage of 1, 2 or 3 seats: every mode (`all`; `any-n` 1, 2, 3; 34, 50, 67 and 100 percent) x both reject modes
//!   x no deadline and every breach action (escalation to a known person and by a resolver) x every number of
//!   required seats (of three seats: none or one);
//! - two stages of 2 seats each, one after the other and side by side, every pair of modes;
//! - three stages of 1 seat each, one after the other, side by side, and two before a third, every pair of modes in the
//!   first two;
//! - three stages of 3 seats each, one after the other, every pair of modes in the first two; and two of them side by
//!   side before a third, in three modes.
//!
//! In policies of more than one stage, reject mode, breach action, required seats and both flags of separation of
//! duties are not combined with everything else: they vary from policy to policy. Larger policies are sampled by the
//! random histories of [`crate::laws`].
//!
//! Two states count as one when they differ in nothing that can still matter: seats of finished stages are left out,
//! except for who approved where that bars somebody, and seats of one stage are interchangeable where nobody is barred.
//! The laws are checked on every transition, also on one that leads to a state seen before.
//!
//! Liveness is checked after the exploration: from every state some path leads to an end without cancelling or expiry.

mod policies;
mod ways;

use crate::fixture::{START, World, caller};
use crate::invariants::{self, Law};
use engine::command::Command;
use engine::policy::{Kind, Policy};
use engine::request::{Action, EventType, Request, RequestStatus, Task};
use serde_json::json;
use stateright::{Checker as _, Model, Property};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use time::Duration;
use ways::Ways;

/// The person to whom seats are reassigned.
const SUBSTITUTE: &str = "sub";

/// Fewer states than this mean that the world is smaller than described above.
const LEAST_STATES: usize = 375_000;

struct SmallWorld {
    policies: Vec<Policy>,
    ways: Arc<Ways>,
    /// Set when a law is broken, so that the exploration stops early.
    enough: AtomicBool,
}

#[derive(Debug, Clone)]
struct State {
    /// Index of the policy.
    policy: usize,
    world: World,
    /// Name of the law that the last transition broke.
    broken: Option<&'static str>,
    /// A hash of everything that can still matter. States with the same key count as one.
    key: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Decide(usize, Action),
    /// A decision by an administrator who holds no seat.
    Override(usize, Action),
    Claim(usize),
    Reassign(usize),
    /// The next deadline passes.
    Deadline,
    /// A resolver finds these people.
    Answer(&'static [&'static str]),
    /// A resolver cannot answer.
    Silence,
    Cancel,
    Expire,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key.hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl State {
    fn new(policy: usize, world: World, broken: Option<&'static str>) -> Self {
        let mut state = Self { policy, world, broken, key: 0 };
        let mut hasher = DefaultHasher::new();
        state.relevant().hash(&mut hasher);
        state.key = hasher.finish();
        state
    }

    fn ended(&self) -> bool {
        self.world.request.status.is_terminal()
    }

    /// Everything about the state that can still matter, as text.
    fn relevant(&self) -> String {
        let (request, policy) = (&self.world.request, &self.world.policy);
        let names_matter = policy.forbid_repeat_approvers || policy.forbid_self_approval;
        let running = request.tasks.iter().filter(|task| runs(request, task));
        let mut seats: Vec<String> = running.map(|task| self.seat(task, names_matter)).collect();
        seats.sort_unstable();
        let stages: Vec<_> = request.stages.iter().map(|run| (run.state, run.escalated)).collect();
        let bars = if policy.forbid_repeat_approvers { earlier_approvers(request) } else { BTreeSet::new() };
        let moved = request.tasks.iter().any(|task| task.reassigned_from.is_some());
        let claimed = request.tasks.iter().any(|task| task.claimed_at.is_some());
        let world = (self.policy, self.broken, request.status);
        format!("{world:?} {stages:?} {bars:?} {seats:?} {moved} {claimed}")
    }

    /// Everything about a task that can still matter, as text. The deadline is relative to now, because only what is
    /// ahead matters.
    fn seat(&self, task: &Task, names_matter: bool) -> String {
        let said = self.world.request.decisions.iter().find(|decision| decision.task_id == task.id);
        let name = if names_matter { task.assignee.as_str() } else { "" };
        // A person who has approved on somebody's behalf may not approve in the stage again.
        let action = said.map(|decision| (decision.action.as_str(), decision.on_behalf_of.is_some()));
        let due = task.due_at.map(|due| (due - self.world.now).whole_hours());
        let flags = (task.kind, task.required, task.seated, task.reassigned_from.is_some());
        format!("{} {name} {flags:?} {:?} {due:?} {action:?}", task.stage_order, task.status)
    }
}

fn runs(request: &Request, task: &Task) -> bool {
    request.stages.iter().any(|run| run.stage_id == task.stage_id && !run.state.is_final())
}

fn earlier_approvers(request: &Request) -> BTreeSet<(i32, &str, Option<&str>)> {
    let approvals = request.decisions.iter().filter(|decision| decision.action == Action::Approve);
    approvals.map(|d| (d.stage_order, d.actor.as_str(), d.on_behalf_of.as_deref())).collect()
}

/// Returns the name of the first law that does not hold.
fn broken(laws: &[Law<'_>]) -> Option<&'static str> {
    let fails = |law: &&Law<'_>| catch_unwind(AssertUnwindSafe(|| (law.1)())).is_err();
    laws.iter().find(fails).map(|law| law.0)
}

impl Act {
    fn command(self, world: &mut World) -> Option<Command> {
        let task_id = |at: usize| world.request.tasks[at].id;
        Some(match self {
            Self::Decide(at, action) => {
                let caller = caller(&world.request.tasks[at].assignee);
                Command::decide(caller, task_id(at), action, None)
            }
            Self::Override(at, action) => {
                let caller = caller("admin");
                Command::decide(caller, task_id(at), action, None)
            }
            Self::Claim(at) => {
                Command::Claim { caller: caller(&world.request.tasks[at].assignee), task_id: task_id(at) }
            }
            Self::Reassign(at) => Command::Reassign {
                caller: caller("admin"),
                task_id: task_id(at),
                new_assignee: SUBSTITUTE.to_owned(),
                reason: None,
            },
            Self::Deadline => {
                world.now = world.now.max(world.request.next_due()?);
                Command::Breach
            }
            Self::Answer(people) => {
                let users: Vec<String> = people.iter().map(|name| (*name).to_owned()).collect();
                let asked = world.request.pending_rules(&world.policy);
                Command::Resolved { answers: asked.into_iter().map(|rule| (rule, users.clone())).collect() }
            }
            Self::Silence => Command::ResolutionFailed { reason: "down".to_owned() },
            Self::Cancel => Command::Cancel { caller: caller("registry"), reason: None },
            Self::Expire => {
                world.now = START + Duration::days(400);
                Command::Expire
            }
        })
    }
}

impl Model for SmallWorld {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        let start = |(policy, rules): (usize, &Policy)| {
            let world = World::start_with(rules.clone(), &[], json!({}));
            let broken = broken(&invariants::always(&world));
            let state = State::new(policy, world, broken);
            self.ways.state(state.key, state.ended());
            state
        };
        self.policies.iter().enumerate().map(start).collect()
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        let request = &state.world.request;
        if state.ended() || self.enough.load(Ordering::Relaxed) {
            return;
        }
        let wide = state.world.policy.stages.iter().any(|stage| stage.rules.len() > 1);
        let moved = wide || request.tasks.iter().any(|task| task.reassigned_from.is_some());
        let claimed = wide || request.tasks.iter().any(|task| task.claimed_at.is_some());
        for (at, _) in request.tasks.iter().enumerate().filter(|(_, task)| runs(request, task)) {
            acts.extend(Action::ALL.iter().map(|action| Act::Decide(at, *action)));
            acts.extend(Action::ALL.iter().map(|action| Act::Override(at, *action)));
            if !claimed {
                acts.push(Act::Claim(at));
            }
            if !moved {
                acts.push(Act::Reassign(at));
            }
        }
        if !request.pending_rules(&state.world.policy).is_empty() {
            acts.extend([Act::Answer(&[]), Act::Answer(&["e1", "e2"]), Act::Silence]);
        }
        acts.extend([Act::Deadline, Act::Cancel, Act::Expire]);
    }

    fn next_state(&self, last: &State, act: Act) -> Option<State> {
        let mut world = last.world.clone();
        let command = act.command(&mut world)?;
        let done = world.send(command).ok()?;
        let broken = {
            let mut laws = invariants::after(&last.world.request, &world, &done);
            laws.extend(invariants::always(&world));
            broken(&laws)
        };
        if broken.is_some() {
            self.enough.store(true, Ordering::Relaxed);
        } else if done.events.is_empty() {
            return None;
        }
        let state = State::new(last.policy, world, broken);
        self.ways.state(state.key, state.ended());
        if !matches!(act, Act::Cancel | Act::Expire) {
            self.ways.way(last.key, state.key);
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        /// One property for each law, so that a failure names the law.
        macro_rules! laws {
            ($($name:literal),* $(,)?) => {
                vec![$(Property::<Self>::always($name, |_, state| state.broken != Some($name))),*]
            };
        }
        let mut properties = laws![
            "terminal is final",
            "no event means no change",
            "reassigning conserves seats",
            "every question is asked",
            "one decision per task",
            "the sequence is gapless",
            "ended requests leave nothing open",
            "quorum law",
            "required law",
            "separation of duties",
            "nobody holds two seats in a stage",
            "delegation conserves seats",
            "liveness",
        ];
        properties.extend([
            Property::<Self>::sometimes("approved", |_, state| {
                state.world.request.status == RequestStatus::Approved
            }),
            Property::<Self>::sometimes("rejected", |_, state| {
                state.world.request.status == RequestStatus::Rejected
            }),
            Property::<Self>::sometimes("expired", |_, state| {
                state.world.request.status == RequestStatus::Expired
            }),
            Property::<Self>::sometimes("escalated", |_, state| {
                state.world.count(EventType::StageEscalated) > 0
            }),
            Property::<Self>::sometimes("observed", |_, state| {
                state.world.request.tasks.iter().any(|t| t.kind == Kind::Observer && t.decision_id.is_some())
            }),
        ]);
        properties
    }
}

#[test]
fn no_state_of_the_small_world_breaks_a_law() {
    let policies = policies::all();
    let (count, ways) = (policies.len(), Arc::<Ways>::default());
    let world = SmallWorld { policies, ways: Arc::clone(&ways), enough: AtomicBool::new(false) };
    let checker = world.checker().threads(2).spawn_bfs().join();
    let states = checker.unique_state_count();
    // Shown on failure and with --nocapture.
    eprintln!("{count} policies, {} transitions, {states} unique states", checker.state_count());
    checker.assert_properties();
    assert_eq!(ways.dead_ends(), 0, "states that nothing but cancelling or expiry ends");
    assert!(states >= LEAST_STATES, "only {states} states were explored");
}
