//! A reference model of the whole engine, slow and obvious, written from docs/policies.md. It searches its lists anew
//! for every question, and shares nothing with the engine but the values that its policies are made of.

mod commands;
mod seats;

use crate::plan::{CREATOR, Plan, PlanStage, REQUESTER, Skip, Who};
pub(crate) use commands::Refused;
use engine::delegation::Delegation;
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

/// The people found for a role, by the role's name.
pub(crate) type Answers = BTreeMap<usize, Vec<String>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelTask {
    /// Position of its stage.
    pub(crate) stage: usize,
    pub(crate) who: String,
    pub(crate) claimed_by: Option<String>,
    pub(crate) observer: bool,
    pub(crate) required: bool,
    pub(crate) seated: bool,
    pub(crate) delegated_from: Option<String>,
    pub(crate) reassigned_from: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) due: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelDecision {
    /// Position of its task.
    pub(crate) task: usize,
    pub(crate) actor: String,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) action: &'static str,
    pub(crate) late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelEvent {
    pub(crate) what: &'static str,
    pub(crate) stage_order: Option<i32>,
    pub(crate) actor: String,
    pub(crate) reason: Option<String>,
    /// Status of the request right after it.
    pub(crate) status: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) plan: Plan,
    pub(crate) delegations: Vec<Delegation>,
    pub(crate) now: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) status: &'static str,
    /// `current_stage_order`.
    pub(crate) order: i32,
    pub(crate) stages: Vec<&'static str>,
    pub(crate) escalated: Vec<bool>,
    pub(crate) tasks: Vec<ModelTask>,
    pub(crate) decisions: Vec<ModelDecision>,
    pub(crate) events: Vec<ModelEvent>,
    /// The actor of the present step.
    actor: String,
}

impl Model {
    pub(crate) fn create(
        plan: Plan,
        delegations: Vec<Delegation>,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Self {
        let count = plan.stages.len();
        let mut model = Self {
            plan,
            delegations,
            now,
            expires_at,
            status: "pending",
            order: 0,
            stages: vec!["waiting"; count],
            escalated: vec![false; count],
            tasks: Vec::new(),
            decisions: Vec::new(),
            events: Vec::new(),
            actor: CREATOR.to_owned(),
        };
        model.emit("request_created", None, None);
        model.start_groups();
        model
    }

    pub(crate) fn is_over(&self) -> bool {
        !["pending", "in_review"].contains(&self.status)
    }

    /// The roles that a resolver is asked about.
    pub(crate) fn asks(&self) -> Vec<usize> {
        let mut roles = Vec::new();
        for (index, stage) in self.plan.stages.iter().enumerate() {
            let rules = match self.stages[index] {
                "resolving" => &stage.rules,
                "escalating" => &stage.escalation,
                _ => continue,
            };
            roles.extend(rules.iter().filter_map(|rule| match rule.who {
                Who::Role(name) => Some(name),
                _ => None,
            }));
        }
        roles
    }

    fn emit(&mut self, what: &'static str, stage: Option<usize>, reason: Option<&str>) {
        self.events.push(ModelEvent {
            what,
            stage_order: stage.map(order_of),
            actor: self.actor.clone(),
            reason: reason.map(str::to_owned),
            status: self.status,
        });
    }

    /// Returns the first stage of the group that a stage belongs to.
    fn group_start(&self, stage: usize) -> usize {
        let group = self.plan.stages[stage].group;
        let mut first = stage;
        while first > 0 && group.is_some() && self.plan.stages[first - 1].group == group {
            first -= 1;
        }
        first
    }

    fn group(&self, stage: usize) -> Vec<usize> {
        let start = self.group_start(stage);
        (0..self.plan.stages.len()).filter(|other| self.group_start(*other) == start).collect()
    }

    /// Starts one group after another until one has something to wait for.
    fn start_groups(&mut self) {
        while let Some(first) = self.stages.iter().position(|state| *state == "waiting") {
            let group = self.group(first);
            for stage in &group {
                if self.plan.stages[*stage].skip == Skip::Always {
                    self.stages[*stage] = "skipped";
                    self.emit("stage_skipped", Some(*stage), Some("skip_if"));
                }
            }
            let running: Vec<usize> = group.into_iter().filter(|s| self.stages[*s] == "waiting").collect();
            if running.iter().any(|stage| asks_outside(&self.plan.stages[*stage])) {
                self.order = order_of(self.group_start(running[0]));
                for stage in running {
                    self.stages[stage] = "resolving";
                }
                return;
            }
            self.seat_group(&running, &Answers::new());
            if self.is_over() || self.something_runs() {
                return;
            }
        }
        let reason = if self.stages.is_empty() {
            Some("no_stages")
        } else if self.stages.iter().all(|state| *state == "skipped") {
            Some("all_stages_skipped")
        } else {
            None
        };
        self.end("approved", "request_approved", None, reason);
    }

    fn something_runs(&self) -> bool {
        self.stages.iter().any(|state| ["resolving", "active", "escalating"].contains(state))
    }

    /// Starts all stages of a group; the first one that blocks ends the request instead.
    fn seat_group(&mut self, running: &[usize], answers: &Answers) {
        for stage in running {
            let nobody = self.seats_of(*stage, false, answers).approvers.is_empty();
            if nobody && self.plan.stages[*stage].block {
                self.order = order_of(self.group_start(*stage));
                self.stages[*stage] = "rejected";
                self.end("rejected", "request_rejected", Some(*stage), Some("no_approvers_resolved"));
                return;
            }
        }
        for stage in running {
            let seating = self.seats_of(*stage, false, answers);
            if seating.approvers.is_empty() {
                self.stages[*stage] = "skipped";
                self.emit("stage_skipped", Some(*stage), Some("on_empty"));
            } else {
                self.status = "in_review";
                self.order = order_of(self.group_start(*stage));
                self.stages[*stage] = "active";
                self.sit_down(*stage, seating);
                self.emit("stage_started", Some(*stage), None);
            }
        }
        self.judge();
    }

    fn fresh_due(&self, stage: usize) -> Option<OffsetDateTime> {
        self.plan.stages[stage].hours.map(|hours| self.now + Duration::hours(i64::from(hours)))
    }

    /// Ends every running stage that its seats decide.
    fn judge(&mut self) {
        for stage in 0..self.stages.len() {
            if self.is_over() || !["active", "escalating"].contains(&self.stages[stage]) {
                continue;
            }
            match self.verdict(stage) {
                None => {}
                Some(Ok(())) => self.approve_stage(stage, None),
                Some(Err(reason)) => self.reject_stage(stage, reason),
            }
        }
    }

    fn judge_and_go_on(&mut self) {
        self.judge();
        if !self.is_over() && !self.something_runs() {
            self.start_groups();
        }
    }

    fn approve_stage(&mut self, stage: usize, reason: Option<&str>) {
        self.stages[stage] = "approved";
        for task in self.tasks.iter_mut().filter(|task| task.stage == stage) {
            if ["open", "claimed"].contains(&task.status) {
                task.status = "skipped";
            }
        }
        self.emit("stage_completed", Some(stage), reason);
    }

    fn reject_stage(&mut self, stage: usize, reason: &str) {
        self.stages[stage] = "rejected";
        self.emit("stage_completed", Some(stage), Some(reason));
        self.end("rejected", "request_rejected", Some(stage), Some(reason));
    }

    fn end(&mut self, status: &'static str, what: &'static str, stage: Option<usize>, reason: Option<&str>) {
        for task in self.tasks.iter_mut().filter(|task| ["open", "claimed"].contains(&task.status)) {
            task.status = "skipped";
        }
        for state in &mut self.stages {
            if !["approved", "rejected", "skipped"].contains(state) {
                *state = "closed";
            }
        }
        self.status = status;
        self.emit(what, stage, reason);
    }

    fn decision_of(&self, task: usize) -> Option<&ModelDecision> {
        self.decisions.iter().find(|decision| decision.task == task)
    }

    /// Returns whether separation of duties bars somebody from a stage.
    pub(crate) fn is_barred(&self, who: &str, stage: usize) -> bool {
        let approved_before = self.decisions.iter().any(|decision| {
            let task = &self.tasks[decision.task];
            decision.action == "approve"
                && decision.actor != "system:sla"
                && !task.observer
                && task.stage < self.group_start(stage)
                && (decision.actor == who || decision.on_behalf_of.as_deref() == Some(who))
        });
        (self.plan.own && [REQUESTER, CREATOR].contains(&who)) || (self.plan.again && approved_before)
    }
}

fn order_of(stage: usize) -> i32 {
    i32::try_from(stage).expect("few stages") + 1
}

fn asks_outside(stage: &PlanStage) -> bool {
    stage.rules.iter().any(|rule| matches!(rule.who, Who::Role(_)))
}
