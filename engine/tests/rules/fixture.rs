//! A request under test, and short functions to build policies with.

use engine::command::{Caller, Command, Create, Environment, Refusal, Transition, apply, create};
use engine::delegation::{Delegation, Delegations};
use engine::ids::{IdSource, PolicyId, RequestId, RuleId, StageId, TaskId};
use engine::policy::{
    CommentRequired, Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, RuleSource, Stage,
};
use engine::request::{Action, Event, EventType, Request, StageState, Task};
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub(crate) const START: OffsetDateTime = time::macros::datetime!(2030-01-01 08:00 UTC);

#[derive(Debug, Clone)]
pub(crate) struct Counter(pub(crate) u128);

impl IdSource for Counter {
    fn fresh(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}

/// Ids of policies, stages and rules. Their values do not matter as long as they differ.
pub(crate) fn uuid() -> Uuid {
    thread_local!(static LAST: Cell<u128> = const { Cell::new(1 << 64) });
    LAST.with(|last| {
        last.set(last.get() + 1);
        Uuid::from_u128(last.get())
    })
}

pub(crate) fn rule(kind: Kind, source: RuleSource) -> Rule {
    Rule { id: RuleId(uuid()), kind, required: false, source }
}

pub(crate) fn user(id: &str) -> Rule {
    rule(Kind::Approver, RuleSource::User(id.into()))
}

pub(crate) fn required(id: &str) -> Rule {
    Rule { required: true, ..user(id) }
}

pub(crate) fn observer(id: &str) -> Rule {
    rule(Kind::Observer, RuleSource::User(id.into()))
}

pub(crate) fn role(name: &str) -> Rule {
    rule(Kind::Approver, RuleSource::External { rule_type: "role".into(), value: json!({ "role": name }) })
}

pub(crate) fn logic(source: &Value) -> engine::logic::Logic {
    engine::logic::Logic::compile(source).expect("the expression is well formed")
}

pub(crate) fn stage_of(order: i32, rules: Vec<Rule>) -> Stage {
    Stage {
        id: StageId(uuid()),
        order,
        name: format!("stage {order}"),
        mode: Mode::All,
        reject_mode: RejectMode::Veto,
        sla_hours: None,
        skip_if: None,
        on_empty: OnEmpty::Block,
        comment_required: CommentRequired::Never,
        parallel_group: None,
        on_breach: OnBreach::Notify,
        rules,
        escalation_rules: Vec::new(),
    }
}

pub(crate) fn stage(order: i32, users: &[&str]) -> Stage {
    stage_of(order, users.iter().map(|id| user(id)).collect())
}

pub(crate) fn policy(stages: Vec<Stage>) -> Policy {
    Policy {
        id: PolicyId(uuid()),
        key: "payments".into(),
        version: 1,
        forbid_self_approval: false,
        forbid_repeat_approvers: false,
        stages,
    }
}

pub(crate) fn away(user: &str, to: &str) -> Delegation {
    Delegation {
        user_id: user.into(),
        delegate_to: to.into(),
        starts_at: START - Duration::days(1),
        ends_at: START + Duration::days(1),
        created_at: START - Duration::days(2),
    }
}

pub(crate) fn caller(subject: &str) -> Caller {
    Caller { subject: subject.into(), admin: subject.starts_with("admin") }
}

/// The request that `registry` creates for `rita`.
pub(crate) fn rita_creates() -> Create {
    Create {
        id: RequestId(uuid()),
        requester: "rita".into(),
        source_service: "registry".into(),
        context: json!({}).into(),
        context_sha256: "of-the-context".into(),
        context_told: true,
        expires_at: Some(START + Duration::days(365)),
        policy_sha256: None,
    }
}

/// A request, what commands on it are judged by, and all its events.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) policy: Arc<Policy>,
    pub(crate) delegations: Delegations,
    pub(crate) now: OffsetDateTime,
    pub(crate) ids: Counter,
    pub(crate) request: Request,
    pub(crate) log: Vec<Event>,
}

impl World {
    pub(crate) fn start(policy: Policy) -> Self {
        Self::start_with(policy, &[], json!({}))
    }

    /// The requester is `rita`, the creating service `registry`.
    pub(crate) fn start_with(policy: Policy, delegations: &[Delegation], context: Value) -> Self {
        let delegations = Delegations::new(delegations.iter().cloned());
        let mut ids = Counter(0);
        let env = Environment { policy: &policy, delegations: &delegations, now: START };
        let done = create(&env, Create { context: context.into(), ..rita_creates() }, &mut ids);
        Self {
            policy: Arc::new(policy),
            delegations,
            now: START,
            ids,
            request: std::sync::Arc::unwrap_or_clone(done.request),
            log: done.events,
        }
    }

    /// Returns how many external rules await an answer.
    pub(crate) fn asked(&self) -> usize {
        self.request.pending_rules(&self.policy).len()
    }

    pub(crate) fn send(&mut self, command: Command) -> Result<Transition, Refusal> {
        let env = Environment { policy: &self.policy, delegations: &self.delegations, now: self.now };
        let done = apply(&env, &self.request, command, &mut self.ids)?;
        self.request = done.request.as_ref().clone();
        self.log.extend(done.events.iter().cloned());
        Ok(done)
    }

    pub(crate) fn decide_task(
        &mut self,
        by: &str,
        task_id: TaskId,
        action: Action,
    ) -> Result<Transition, Refusal> {
        let caller = caller(by);
        self.send(Command::decide(caller, task_id, action, None))
    }

    /// Decides the newest task of `by`, as themselves.
    pub(crate) fn decide(&mut self, by: &str, action: Action) -> Result<Transition, Refusal> {
        let task = self.task(by).id;
        self.decide_task(by, task, action)
    }

    pub(crate) fn approve(&mut self, by: &str) {
        self.decide(by, Action::Approve).expect("the approval is accepted");
    }

    pub(crate) fn reject(&mut self, by: &str) {
        self.decide(by, Action::Reject).expect("the reject is accepted");
    }

    pub(crate) fn abstain(&mut self, by: &str) {
        self.decide(by, Action::Abstain).expect("the abstention is accepted");
    }

    pub(crate) fn reassign(&mut self, from: &str, to: &str) -> Result<Transition, Refusal> {
        let (task_id, new_assignee) = (self.task(from).id, to.to_owned());
        self.send(Command::Reassign { caller: caller("admin"), task_id, new_assignee, reason: None })
    }

    pub(crate) fn resolve(&mut self, users: &[&str]) {
        let list: Vec<String> = users.iter().map(|id| (*id).to_owned()).collect();
        let rules = self.request.pending_rules(&self.policy);
        let answers = rules.into_iter().map(|rule| (rule, list.clone())).collect();
        self.send(Command::Resolved { answers }).expect("answers are accepted");
    }

    /// Lets time pass, and acts on deadlines.
    pub(crate) fn hours_pass(&mut self, hours: i64) {
        self.now += Duration::hours(hours);
        self.send(Command::Breach).expect("a breach is never refused");
    }

    /// The newest task of a user.
    pub(crate) fn task(&self, assignee: &str) -> &Task {
        self.request.tasks.iter().rev().find(|t| t.assignee == assignee).expect("the user has a task")
    }

    /// The assignees of the open tasks, in order.
    pub(crate) fn open(&self) -> Vec<&str> {
        let open = self.request.tasks.iter().filter(|task| task.status.is_open());
        open.map(|task| task.assignee.as_str()).collect()
    }

    pub(crate) fn status(&self) -> &'static str {
        self.request.status.as_str()
    }

    pub(crate) fn states(&self) -> Vec<&'static str> {
        self.request.stages.iter().map(|run| run.state.as_str()).collect()
    }

    pub(crate) fn state(&self, index: usize) -> StageState {
        self.request.stages[index].state
    }

    /// The reason in the last event.
    pub(crate) fn why(&self) -> Option<&str> {
        self.log.last()?.reason.as_deref()
    }

    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.log.iter().map(|event| event.event_type.as_str()).collect()
    }

    pub(crate) fn count(&self, kind: EventType) -> usize {
        self.log.iter().filter(|event| event.event_type == kind).count()
    }

    pub(crate) fn event(&self, kind: EventType) -> &Event {
        self.log.iter().rev().find(|event| event.event_type == kind).expect("the event was told")
    }
}
