//! Plays random histories of random policies on the engine and on the reference model side by side. After every step
//! the whole observable state is compared, and every law is checked.

use crate::fixture::{START, World, caller};
use crate::invariants::{holds_after, holds_always};
use crate::model::{Answers, Model, ModelDecision, ModelEvent, ModelTask, Refused};
use crate::plan::{By, PEOPLE, Plan, Step, absences, plans, role_of, steps};
use engine::command::{Caller, Command, Environment, Refusal, Transition};
use engine::delegation::Delegation;
use engine::policy::Kind;
use engine::request::{Action, Request, Task, TaskStatus};
use engine::simulate::simulate;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use time::Duration;

/// The engine and the model on the same request.
pub(crate) struct Pair {
    pub(crate) world: World,
    model: Model,
}

impl Pair {
    pub(crate) fn start(plan: &Plan, delegations: &[Delegation]) -> Self {
        let world = World::start_with(plan.policy(), delegations, json!({}));
        let model = Model::create(plan.clone(), delegations.to_vec(), START, START + Duration::days(365));
        Self { world, model }
    }

    /// Takes a step on both; `None` when there is no task to take it on, or only time passes.
    pub(crate) fn take(&mut self, step: &Step) -> Option<Result<Transition, Refusal>> {
        let task = |n: usize| (0..self.model.tasks.len()).rev().cycle().nth(n);
        let (command, model) = match step {
            Step::Hours(hours) => {
                self.pass(Duration::hours(*hours));
                return None;
            }
            Step::Decide { task: n, by, action } => {
                let task = task(*n)?;
                let (task_id, caller) = (self.task_id(task), self.caller(*by, task));
                let action = *Action::ALL.get(*action).unwrap_or(&Action::Approve);
                let expected = self.model.decide(&caller.subject, caller.admin, task, action.as_str());
                (Command::decide(caller, task_id, action, None), expected)
            }
            Step::Claim { task: n, by } => {
                let task = task(*n)?;
                let (task_id, caller) = (self.task_id(task), self.caller(*by, task));
                let expected = self.model.claim(&caller.subject, caller.admin, task);
                (Command::Claim { caller, task_id }, expected)
            }
            Step::Reassign { task: n, to, by } => {
                let task = task(*n)?;
                let (task_id, caller) = (self.task_id(task), self.caller(*by, task));
                let new_assignee = PEOPLE[*to].to_owned();
                let expected = self.model.reassign(&caller.subject, caller.admin, task, &new_assignee);
                (Command::Reassign { caller, task_id, new_assignee, reason: None }, expected)
            }
            Step::Cancel { by } => {
                let caller = match by {
                    By::Owner => caller(crate::plan::CREATOR),
                    By::Person(i) => Caller { subject: PEOPLE[*i].into(), admin: false },
                    By::Admin(i) => Caller { subject: PEOPLE[*i].into(), admin: true },
                };
                let expected = self.model.cancel(&caller.subject, caller.admin);
                (Command::Cancel { caller, reason: None }, expected)
            }
            Step::Resolved { people, all } => self.resolved(people, *all),
            Step::ResolutionFailed => {
                self.model.resolution_failed();
                (Command::ResolutionFailed { reason: "down".into() }, Ok(()))
            }
            Step::Breach => {
                self.model.breach();
                (Command::Breach, Ok(()))
            }
            Step::Expire => {
                self.pass(Duration::days(400));
                self.model.expire();
                (Command::Expire, Ok(()))
            }
        };
        let done = self.world.send(command);
        let refused = done.as_ref().err().map(|refusal| match refusal {
            Refusal::Forbidden(..) => Refused::Forbidden,
            _ => Refused::Conflict,
        });
        assert_eq!(refused, model.err(), "{step:?} {done:?}");
        Some(done)
    }

    fn resolved(&mut self, people: &[usize], all: bool) -> (Command, Result<(), Refused>) {
        let users: Vec<String> = people.iter().map(|i| PEOPLE[*i].to_owned()).collect();
        let mut asked = self.world.request.pending_rules(&self.world.policy);
        if !all {
            asked.truncate(1);
        }
        let stages = &self.world.policy.stages;
        let rules = stages.iter().flat_map(|stage| stage.rules.iter().chain(&stage.escalation_rules));
        let roles = rules.filter(|rule| asked.contains(&rule.id)).filter_map(role_of);
        let by_role: Answers = roles.map(|role| (role, users.clone())).collect();
        self.model.resolved(&by_role);
        (Command::Resolved { answers: asked.into_iter().map(|rule| (rule, users.clone())).collect() }, Ok(()))
    }

    fn pass(&mut self, time: Duration) {
        self.world.now += time;
        self.model.now += time;
    }

    fn task_id(&self, task: usize) -> engine::ids::TaskId {
        self.world.request.tasks[task].id
    }

    fn caller(&self, by: By, task: usize) -> Caller {
        match by {
            By::Owner => Caller { subject: self.model.tasks[task].who.clone(), admin: false },
            By::Person(i) => Caller { subject: PEOPLE[i].into(), admin: false },
            By::Admin(i) => Caller { subject: PEOPLE[i].into(), admin: true },
        }
    }

    fn assert_equal(&self) {
        let (model, request) = (&self.model, &self.world.request);
        assert_eq!((request.status.as_str(), request.current_stage_order), (model.status, model.order));
        assert_eq!(self.world.states(), model.stages);
        let escalated: Vec<bool> = request.stages.iter().map(|run| run.escalated).collect();
        assert_eq!(escalated, model.escalated);
        assert_eq!(
            request.tasks.iter().map(|task| seen_task(request, task)).collect::<Vec<_>>(),
            model.tasks
        );
        let decisions: Vec<ModelDecision> =
            request.decisions.iter().map(|d| seen_decision(request, d)).collect();
        assert_eq!(decisions, model.decisions);
        assert_eq!(self.world.log.iter().map(seen_event).collect::<Vec<_>>(), model.events);
        let mut asked = self.asked();
        asked.sort_unstable();
        assert_eq!(asked, model.asks());
    }

    /// The roles about which the engine waits for an answer.
    fn asked(&self) -> Vec<usize> {
        let asked = self.world.request.pending_rules(&self.world.policy);
        let stages = &self.world.policy.stages;
        let rules = stages.iter().flat_map(|stage| stage.rules.iter().chain(&stage.escalation_rules));
        rules.filter(|rule| asked.contains(&rule.id)).filter_map(role_of).collect()
    }
}

fn seen_task(request: &Request, task: &Task) -> ModelTask {
    let stage = request.stages.iter().position(|run| run.stage_id == task.stage_id);
    ModelTask {
        claimed_by: task.claimed_by.clone(),
        stage: stage.expect("a stage of the request"),
        who: task.assignee.clone(),
        observer: task.kind == Kind::Observer,
        required: task.required,
        seated: task.seated,
        delegated_from: task.delegated_from.clone(),
        reassigned_from: task.reassigned_from.clone(),
        status: task.status.as_str(),
        due: task.due_at,
    }
}

fn seen_decision(request: &Request, decision: &engine::request::Decision) -> ModelDecision {
    let task = request.tasks.iter().position(|task| task.id == decision.task_id);
    ModelDecision {
        task: task.expect("a task of the request"),
        actor: decision.actor.clone(),
        on_behalf_of: decision.on_behalf_of.clone(),
        action: decision.action.as_str(),
        late: decision.late,
    }
}

fn seen_event(event: &engine::request::Event) -> ModelEvent {
    ModelEvent {
        what: event.event_type.as_str(),
        stage_order: event.stage_order,
        actor: event.actor.clone(),
        reason: event.reason.clone(),
        status: event.status.as_str(),
    }
}

/// Lets people approve and resolvers answer until the request ends.
fn everybody_approves(world: &mut World) {
    for _ in 0..200 {
        if world.request.status.is_terminal() {
            return;
        }
        if !world.request.pending_rules(&world.policy).is_empty() {
            world.resolve(&["ann", "eva"]);
            continue;
        }
        let waiting = |t: &&Task| {
            t.kind == Kind::Approver && t.seated && t.decision_id.is_none() && t.status != TaskStatus::Skipped
        };
        let running = |t: &&Task| {
            let run = world.request.stages.iter().find(|run| run.stage_id == t.stage_id);
            run.is_some_and(|run| !run.state.is_final())
        };
        let task = world.request.tasks.iter().filter(waiting).find(running).expect("somebody can move it");
        let (by, id) = (task.assignee.clone(), task.id);
        // A person who has approved on somebody's behalf in this stage may not approve for their own seat, so an
        // administrator does.
        let another = format!("admin for {by}");
        let used = world.decide_task(&by, id, Action::Approve);
        used.or_else(|_| world.decide_task(&another, id, Action::Approve)).expect("a seat may be used");
    }
    panic!("the request does not end: {:#?}", world.request);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn the_engine_does_what_the_reference_model_does_and_keeps_every_law(
        plan in plans(),
        delegations in absences(),
        steps in steps(),
    ) {
        let mut pair = Pair::start(&plan, &delegations);
        pair.assert_equal();
        holds_always(&pair.world);
        for step in &steps {
            let before = pair.world.request.clone();
            let done = pair.take(step).and_then(Result::ok);
            pair.assert_equal();
            holds_after(&before, &pair.world, done.as_ref());
        }
        everybody_approves(&mut pair.world);
        holds_always(&pair.world);
    }

    #[test]
    fn a_simulation_seats_whom_the_model_would_seat(plan in plans(), delegations in absences()) {
        let pair = Pair::start(&plan, &delegations);
        let mut model = pair.model.clone();
        model.decisions.clear();
        let world = &pair.world;
        let env = Environment { policy: &world.policy, delegations: &world.delegations, now: world.now };
        let simulated = simulate(&env, &json!({}), &[crate::plan::REQUESTER, crate::plan::CREATOR], &BTreeMap::new());
        for (index, (stage, planned)) in simulated.iter().zip(&plan.stages).enumerate() {
            let seats = model.seats_of(index, false, &Answers::new());
            let by_condition = planned.skip == crate::plan::Skip::Always;
            let by_emptiness = !by_condition && seats.approvers.is_empty() && !planned.block;
            prop_assert_eq!(stage.skipped, by_condition || by_emptiness);
            if !by_condition {
                let approvers: Vec<_> = seats.approvers.into_iter().map(|(who, ..)| who).collect();
                prop_assert_eq!(&stage.resolved_approvers, &approvers);
                prop_assert_eq!(&stage.resolved_observers, &seats.observers);
            }
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_transition(plan in plans(), steps in steps()) {
        let (mut one, mut two) = (Pair::start(&plan, &[]), Pair::start(&plan, &[]));
        two.world.policy = one.world.policy.clone();
        two.world.request = one.world.request.clone();
        for step in &steps {
            let (a, b) = (one.take(step), two.take(step));
            prop_assert_eq!(a, b);
        }
    }
}
