//! The commands of the reference model.

use super::{Answers, Model, ModelDecision, ModelTask};
use crate::plan::{CREATOR, Who};
use engine::policy::OnBreach;

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Forbidden,
    Conflict,
}

type Outcome = Result<(), Refused>;

impl Model {
    pub(crate) fn decide(&mut self, by: &str, admin: bool, task: usize, action: &'static str) -> Outcome {
        let (who, stage, observer) = {
            let task = &self.tasks[task];
            (task.who.clone(), task.stage, task.observer)
        };
        if !admin && by != who {
            return Err(Refused::Forbidden);
        }
        if !observer && self.is_barred(by, stage) {
            return Err(Refused::Forbidden);
        }
        self.must_be_decidable(task)?;
        if !observer && action == "approve" && self.has_approved(by, stage) {
            return Err(Refused::Conflict);
        }
        self.actor = by.to_owned();
        let late =
            self.tasks[task].status == "expired" || self.tasks[task].due.is_some_and(|due| due <= self.now);
        self.tasks[task].status = "completed";
        self.record(task, action, late);
        if !observer {
            self.judge_and_go_on();
        }
        Ok(())
    }

    /// No stage counts two approvals of one person.
    fn has_approved(&self, who: &str, stage: usize) -> bool {
        self.decisions.iter().any(|decision| {
            let task = &self.tasks[decision.task];
            task.stage == stage && !task.observer && decision.action == "approve" && decision.actor == who
        })
    }

    fn must_be_decidable(&self, task: usize) -> Outcome {
        let (facts, state) = (&self.tasks[task], self.stages[self.tasks[task].stage]);
        let waits =
            ["open", "claimed"].contains(&facts.status) || (facts.status == "expired" && facts.seated);
        let runs = ["active", "escalating"].contains(&state);
        if self.is_over() || self.decision_of(task).is_some() || !runs || !waits {
            return Err(Refused::Conflict);
        }
        Ok(())
    }

    fn record(&mut self, task: usize, action: &'static str, late: bool) {
        let (who, stage) = (self.tasks[task].who.clone(), self.tasks[task].stage);
        let on_behalf_of = (who != self.actor).then_some(who);
        self.decisions.push(ModelDecision { task, actor: self.actor.clone(), on_behalf_of, action, late });
        self.emit("decision_recorded", Some(stage), None);
    }

    pub(crate) fn claim(&mut self, by: &str, admin: bool, task: usize) -> Outcome {
        if !admin && by != self.tasks[task].who {
            return Err(Refused::Forbidden);
        }
        match self.tasks[task].status {
            "claimed" if self.tasks[task].claimed_by.as_deref() == Some(by) => Ok(()),
            "open" => {
                self.actor = by.to_owned();
                self.tasks[task].status = "claimed";
                self.tasks[task].claimed_by = Some(by.to_owned());
                self.emit("task_claimed", Some(self.tasks[task].stage), None);
                Ok(())
            }
            _ => Err(Refused::Conflict),
        }
    }

    pub(crate) fn cancel(&mut self, by: &str, admin: bool) -> Outcome {
        if !admin && by != CREATOR {
            return Err(Refused::Forbidden);
        }
        if self.is_over() {
            return Err(Refused::Conflict);
        }
        self.actor = by.to_owned();
        self.end("cancelled", "request_cancelled", None, None);
        Ok(())
    }

    pub(crate) fn reassign(&mut self, by: &str, admin: bool, task: usize, to: &str) -> Outcome {
        if !admin {
            return Err(Refused::Forbidden);
        }
        self.must_be_decidable(task)?;
        let old = self.tasks[task].clone();
        let same = |other: &ModelTask| {
            other.stage == old.stage && other.observer == old.observer && other.seated && other.who == to
        };
        let barred = !old.observer && (self.is_barred(to, old.stage) || self.has_approved(to, old.stage));
        if self.tasks.iter().any(same) || barred {
            return Err(Refused::Conflict);
        }
        self.actor = by.to_owned();
        self.tasks[task].status = "reassigned";
        self.tasks[task].seated = false;
        // A seat that is moved after its deadline gets a full term.
        let due = if old.status == "expired" { self.fresh_due(old.stage) } else { old.due };
        self.tasks.push(ModelTask {
            who: to.to_owned(),
            delegated_from: None,
            reassigned_from: Some(old.who.clone()),
            claimed_by: None,
            status: "open",
            due,
            ..old.clone()
        });
        self.emit("task_reassigned", Some(old.stage), None);
        Ok(())
    }

    pub(crate) fn resolved(&mut self, answers: &Answers) {
        self.actor = "system:resolver".to_owned();
        let resolving = self.in_state("resolving");
        if !resolving.is_empty() {
            if resolving.iter().all(|stage| self.is_answered(*stage, false, answers)) {
                self.seat_group(&resolving, answers);
                if !self.is_over() && !self.something_runs() {
                    self.start_groups();
                }
            }
            return;
        }
        for stage in self.in_state("escalating") {
            if !self.is_over() && self.is_answered(stage, true, answers) {
                self.escalate(stage, answers);
                self.judge_and_go_on();
            }
        }
    }

    fn in_state(&self, state: &str) -> Vec<usize> {
        (0..self.stages.len()).filter(|stage| self.stages[*stage] == state).collect()
    }

    fn is_answered(&self, stage: usize, escalation: bool, answers: &Answers) -> bool {
        let plan = &self.plan.stages[stage];
        let rules = if escalation { &plan.escalation } else { &plan.rules };
        rules.iter().all(|rule| match rule.who {
            Who::Role(name) => answers.contains_key(&name),
            _ => true,
        })
    }

    pub(crate) fn resolution_failed(&mut self) {
        self.actor = "system:resolver".to_owned();
        let asking =
            (0..self.stages.len()).find(|stage| ["resolving", "escalating"].contains(&self.stages[*stage]));
        if let Some(stage) = asking {
            self.emit("stage_resolution_failed", Some(stage), Some("down"));
        }
    }

    pub(crate) fn expire(&mut self) {
        self.actor = "system".to_owned();
        if !self.is_over() && self.expires_at <= self.now {
            self.end("expired", "request_expired", None, None);
        }
    }

    pub(crate) fn breach(&mut self) {
        self.actor = "system:sla".to_owned();
        let mut acted = false;
        for stage in 0..self.stages.len() {
            if self.is_over() || !["active", "escalating"].contains(&self.stages[stage]) {
                continue;
            }
            let now = self.now;
            let due = self.expire_tasks(stage, |task| task.due.is_some_and(|due| due <= now));
            acted = acted || !due.is_empty();
            let seat_is_late = due.iter().any(|at| !self.tasks[*at].observer);
            if seat_is_late && self.stages[stage] == "active" {
                self.act_on_breach(stage);
            }
        }
        if acted && !self.is_over() {
            self.judge_and_go_on();
        }
    }

    fn act_on_breach(&mut self, stage: usize) {
        let plan = &self.plan.stages[stage];
        let asks = plan.escalation.iter().any(|rule| matches!(rule.who, Who::Role(_)));
        match plan.breach {
            OnBreach::Notify => {}
            OnBreach::Escalate if self.escalated[stage] => {}
            OnBreach::Escalate if asks => self.stages[stage] = "escalating",
            OnBreach::Escalate => self.escalate(stage, &Answers::new()),
            OnBreach::AutoApprove => {
                self.decide_for_all(stage, "approve");
                self.approve_stage(stage, Some("auto_approve"));
            }
            OnBreach::AutoReject => {
                self.decide_for_all(stage, "reject");
                self.reject_stage(stage, "auto_reject");
            }
        }
    }

    fn expire_tasks(&mut self, stage: usize, is_due: impl Fn(&ModelTask) -> bool) -> Vec<usize> {
        let expires = |task: &ModelTask| {
            task.stage == stage && ["open", "claimed"].contains(&task.status) && is_due(task)
        };
        let due: Vec<usize> = (0..self.tasks.len()).filter(|at| expires(&self.tasks[*at])).collect();
        for at in &due {
            self.tasks[*at].status = "expired";
            self.emit("task_expired", Some(stage), None);
        }
        due
    }

    fn decide_for_all(&mut self, stage: usize, action: &'static str) {
        self.expire_tasks(stage, |_| true);
        for seat in self.seats(stage) {
            if self.decision_of(seat).is_none() {
                self.record(seat, action, true);
            }
        }
    }

    fn escalate(&mut self, stage: usize, answers: &Answers) {
        self.stages[stage] = "active";
        self.escalated[stage] = true;
        let (leaving, staying): (Vec<usize>, Vec<usize>) = self
            .seats(stage)
            .into_iter()
            .partition(|at| self.tasks[*at].status == "expired" && self.decision_of(*at).is_none());
        let stays = |model: &Self, who: &str| staying.iter().any(|at| model.tasks[*at].who == who);
        let watches = |model: &Self, who: &str| {
            model.tasks.iter().any(|t| t.stage == stage && t.observer && t.seated && t.who == who)
        };
        let mut seating = self.seats_of(stage, true, answers);
        let (known, new) = seating.approvers.drain(..).partition::<Vec<_>, _>(|(who, ..)| stays(self, who));
        seating.approvers = new;
        seating.observers.retain(|who| !stays(self, who) && !watches(self, who));
        if seating.approvers.is_empty() {
            self.emit("stage_escalation_failed", Some(stage), Some("no_approvers_resolved"));
            return;
        }
        for at in leaving {
            self.tasks[at].seated = false;
        }
        for at in staying {
            let task = &mut self.tasks[at];
            task.required =
                task.required || known.iter().any(|(who, required, _)| *required && *who == task.who);
        }
        self.sit_down(stage, seating);
        self.emit("stage_escalated", Some(stage), None);
    }
}
