//! A case played: the engine is asked what it would be asked by a server.

use super::Subject;
use super::cases::{Absence, Case, Decide, Directory, Reassign, Step};
use engine::command::{Caller, Command, Create, Environment, Transition, apply, create};
use engine::delegation::{Delegation, Delegations};
use engine::ids::{IdSource, RequestId, RuleId, TaskId};
use engine::policy::{Policy, RuleSource};
use engine::request::{Action, Event, Request, Task};
use engine::simulate::{SimulatedStage, simulate};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A Monday morning.
const START: OffsetDateTime = time::macros::datetime!(2030-01-07 09:00 UTC);
/// A request may be asked about so many questions, and meet so many deadlines, in one step.
const MOST: usize = 1000;

/// What came of a case.
pub(super) struct Played<'a> {
    pub(super) policy: &'a Policy,
    /// The context was refused for this.
    pub(super) refused: Vec<String>,
    pub(super) request: Option<Request>,
    pub(super) events: Vec<Event>,
    /// Every stage as it would start if nobody had decided anything.
    pub(super) simulated: Vec<SimulatedStage>,
    /// Steps that did not go as the case says.
    pub(super) surprises: Vec<String>,
    /// Orders of the stages about which the directory is silent, with the rule.
    pub(super) silent: Vec<(i32, String)>,
}

/// Whom each external rule finds.
type Answers = BTreeMap<RuleId, Vec<String>>;

struct Numbers(u128);

impl IdSource for Numbers {
    fn fresh(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}

struct Player<'a> {
    policy: &'a Policy,
    delegations: Delegations,
    directory: &'a Directory<'a>,
    now: OffsetDateTime,
    ids: Numbers,
    request: Arc<Request>,
    events: Vec<Event>,
}

/// Plays a case to its end.
///
/// # Errors
/// The case cannot be played on: a step names what does not exist, or the directory is silent.
pub(super) fn play<'a>(
    subject: &'a Subject,
    case: &Case,
    absences: &[Absence],
    directory: &Directory<'_>,
) -> Result<Played<'a>, String> {
    let policy = &subject.policy;
    let context = Value::Object(case.context.clone());
    let now = case.now.unwrap_or(START);
    let delegations = delegations(case.delegations.iter().chain(absences));
    let env = Environment { policy, delegations: &delegations, now };
    let (answers, silent) = known_answers(policy, directory);
    let simulated = simulate(&env, &context, &[&case.requester], &answers);
    let refused = subject.schema.as_ref().map(|schema| schema.check(&context)).transpose();
    let refused = refused.err().unwrap_or_default().iter().map(told).collect::<Vec<_>>();
    let mut played = Played {
        policy,
        refused,
        request: None,
        events: Vec::new(),
        simulated,
        surprises: Vec::new(),
        silent,
    };
    if !played.refused.is_empty() {
        return Ok(played);
    }
    let mut ids = Numbers(0);
    let asked = Create {
        id: RequestId(ids.fresh()),
        requester: case.requester.clone(),
        source_service: case.requester.clone(),
        context: context.into(),
        context_sha256: String::new(),
        context_told: false,
        expires_at: None,
        policy_sha256: None,
    };
    let Transition { request, events, .. } = create(&env, asked, &mut ids);
    let mut player = Player { policy, delegations, directory, now, ids, request, events };
    player.answer_questions()?;
    for (index, step) in case.steps.iter().enumerate() {
        let surprise = player.step(step).map_err(|why| format!("step {}: {why}", index + 1))?;
        played.surprises.extend(surprise.map(|text| format!("step {}: {text}", index + 1)));
    }
    played.request = Some(Arc::unwrap_or_clone(player.request));
    played.events = player.events;
    Ok(played)
}

fn told(fault: &schemas::api::ValidationDetail) -> String {
    let steps = fault.loc.iter().skip(1).map(|step| match step {
        schemas::api::Location::Field(name) => name.clone(),
        schemas::api::Location::Index(index) => index.to_string(),
    });
    format!("{}: {}", steps.collect::<Vec<_>>().join("."), fault.msg)
}

fn delegations<'a>(absences: impl Iterator<Item = &'a Absence>) -> Delegations {
    // The first that is written is the newest.
    Delegations::new(absences.zip(0..).map(|(absence, age)| Delegation {
        user_id: absence.user_id.clone(),
        delegate_to: absence.delegate_to.clone(),
        starts_at: absence.starts_at.unwrap_or(time::PrimitiveDateTime::MIN.assume_utc()),
        ends_at: absence.ends_at.unwrap_or(time::PrimitiveDateTime::MAX.assume_utc()),
        created_at: START - Duration::seconds(age),
    }))
}

fn known_answers(policy: &Policy, directory: &Directory<'_>) -> (Answers, Vec<(i32, String)>) {
    let (mut answers, mut silent) = (Answers::new(), Vec::new());
    for stage in &policy.stages {
        for rule in stage.rules.iter().filter(|rule| rule.source.is_external()) {
            match directory.users(&rule.source) {
                Some(users) => drop(answers.insert(rule.id, users.to_vec())),
                None => silent.push((stage.order, question(&rule.source))),
            }
        }
    }
    (answers, silent)
}

/// A rule in the words of the policy.
fn question(source: &RuleSource) -> String {
    match source {
        RuleSource::External { rule_type, value } => format!("{rule_type} {value}"),
        RuleSource::User(user) => user.clone(),
        RuleSource::Expression(logic) => logic.source().to_string(),
    }
}

impl Player<'_> {
    /// The outer error ends the case; the inner text is a step that went differently than the case says.
    fn step(&mut self, step: &Step) -> Result<Option<String>, String> {
        match step {
            Step::Decide(decide) => self.decide(decide),
            Step::Wait(wait) => self.wait(wait.hours).map(|()| None),
            Step::Reassign(reassign) => self.reassign(reassign),
            Step::Cancel(cancel) => {
                let caller = Caller { subject: cancel.by.clone(), admin: false };
                self.send(Command::Cancel { caller, reason: None }, cancel.refused)
            }
        }
    }

    fn decide(&mut self, decide: &Decide) -> Result<Option<String>, String> {
        let action = Action::parse(&decide.action)
            .ok_or_else(|| format!("`{}` is not approve, reject or abstain", decide.action))?;
        let owner = decide.task_of.as_ref().unwrap_or(&decide.by);
        let task_id = self.task(owner, decide.stage)?;
        let caller = Caller { subject: decide.by.clone(), admin: decide.task_of.is_some() };
        let command = Command::Decide { caller, task_id, action, comment: None, attachments_ref: None };
        self.send(command, decide.refused)
    }

    fn reassign(&mut self, reassign: &Reassign) -> Result<Option<String>, String> {
        let task_id = self.task(&reassign.from, reassign.stage)?;
        let caller = Caller { subject: "administrator".to_owned(), admin: true };
        let new_assignee = reassign.to.clone();
        self.send(Command::Reassign { caller, task_id, new_assignee, reason: None }, reassign.refused)
    }

    /// The task of a user that is still undecided, else their newest.
    fn task(&self, user: &str, stage: Option<i32>) -> Result<TaskId, String> {
        let theirs =
            |task: &&Task| task.assignee == user && stage.is_none_or(|order| order == task.stage_order);
        let tasks: Vec<&Task> = self.request.tasks.iter().filter(theirs).collect();
        let open: Vec<&&Task> = tasks.iter().filter(|task| task.status.is_open()).collect();
        match (open.as_slice(), tasks.last()) {
            ([one], _) => Ok(one.id),
            ([_, _, ..], _) => Err(format!("`{user}` has open tasks in several stages: name the `stage`")),
            ([], Some(last)) => Ok(last.id),
            ([], None) => {
                let all: Vec<&str> = self.request.tasks.iter().map(|task| task.assignee.as_str()).collect();
                Err(format!("`{user}` has no task here; those who have: {}", all.join(", ")))
            }
        }
    }

    /// Time passes, and every deadline on the way acts at its own moment.
    fn wait(&mut self, hours: u32) -> Result<(), String> {
        let until = self.now.checked_add(Duration::hours(i64::from(hours))).ok_or("waits too long")?;
        for _ in 0..MOST {
            let Some(due) = self.request.next_due().filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.command(Command::Breach).map_err(|refusal| refusal.to_string())?;
            self.answer_questions()?;
        }
        self.now = until;
        Ok(())
    }

    fn send(&mut self, command: Command, refused: bool) -> Result<Option<String>, String> {
        match (self.command(command), refused) {
            (Err(why), false) => Ok(Some(format!("was refused: {why}"))),
            (Ok(()), true) => {
                self.answer_questions()?;
                Ok(Some("was accepted, and should be refused".to_owned()))
            }
            (Err(_), true) => Ok(None),
            (Ok(()), false) => self.answer_questions().map(|()| None),
        }
    }

    fn command(&mut self, command: Command) -> Result<(), engine::command::Refusal> {
        let env = Environment { policy: self.policy, delegations: &self.delegations, now: self.now };
        let done = apply(&env, &self.request, command, &mut self.ids)?;
        self.request = done.request;
        self.events.extend(done.events);
        Ok(())
    }

    /// What a resolver would do: every external rule that is asked about is answered from the case.
    fn answer_questions(&mut self) -> Result<(), String> {
        for _ in 0..MOST {
            let asked = self.request.pending_rules(self.policy);
            if asked.is_empty() {
                return Ok(());
            }
            let rules =
                self.policy.stages.iter().flat_map(|stage| stage.rules.iter().chain(&stage.escalation_rules));
            let mut answers = BTreeMap::new();
            for rule in rules.filter(|rule| asked.contains(&rule.id)) {
                let users = self.directory.users(&rule.source).ok_or_else(|| {
                    format!(
                        "the directory of this case does not say who is found by {}",
                        question(&rule.source)
                    )
                })?;
                answers.insert(rule.id, users.to_vec());
            }
            self.command(Command::Resolved { answers }).map_err(|refusal| refusal.to_string())?;
        }
        Err("the request asks without end".to_owned())
    }
}
