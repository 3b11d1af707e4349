//! Plays a case: sends the engine the commands that a server would send it.

use super::cases::{Absence, Case, Decide, Directory, Reassign, Step};
use super::subject::Subject;
use anyhow::{Context as _, anyhow, bail};
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

/// When a case starts that names no `now`: a Monday morning.
const START: OffsetDateTime = time::macros::datetime!(2030-01-07 09:00 UTC);
/// Rounds of questions, or deadlines, that one step may have: a bound against endless loops.
const MOST: usize = 1000;

/// What a case led to.
pub(super) struct Played<'a> {
    pub(super) policy: &'a Policy,
    /// Why the context was refused; empty when it was not.
    pub(super) refused: Vec<String>,
    pub(super) request: Option<Request>,
    pub(super) events: Vec<Event>,
    /// Every stage as the engine's simulation would start it.
    pub(super) simulated: Vec<SimulatedStage>,
    /// Steps that did not go as the case says.
    pub(super) surprises: Vec<String>,
    /// Stages with a rule that no entry of the directory answers, and that rule.
    pub(super) silent: Vec<(i32, String)>,
}

/// The users that each external rule finds.
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
    delegations: &'a Delegations,
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
) -> anyhow::Result<Played<'a>> {
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
    let mut player = Player::begin(&env, case, context, directory);
    player.answer_questions()?;
    for (index, step) in case.steps.iter().enumerate() {
        let surprise = player.step(step).map_err(|why| anyhow!("step {}: {why}", index + 1))?;
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
    // Where several fit, the engine takes the newest; the first one in the file is to count.
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

impl<'a> Player<'a> {
    /// Creates the request.
    fn begin(env: &Environment<'a>, case: &Case, context: Value, directory: &'a Directory<'a>) -> Self {
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
        let Transition { request, events, .. } = create(env, asked, &mut ids);
        let Environment { policy, delegations, now } = *env;
        Self { policy, delegations, directory, now, ids, request, events }
    }

    /// `Err` ends the case. `Ok(Some(_))` says how the step went differently than the case expects.
    fn step(&mut self, step: &Step) -> anyhow::Result<Option<String>> {
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

    fn decide(&mut self, decide: &Decide) -> anyhow::Result<Option<String>> {
        let unknown = || anyhow!("`{}` is not one of {}", decide.action, Action::WORDS.join(", "));
        let action = Action::parse(&decide.action).ok_or_else(unknown)?;
        let owner = decide.task_of.as_ref().unwrap_or(&decide.by);
        let task_id = self.task(owner, decide.stage)?;
        let caller = Caller { subject: decide.by.clone(), admin: decide.task_of.is_some() };
        let command = Command::decide(caller, task_id, action, None);
        self.send(command, decide.refused)
    }

    fn reassign(&mut self, reassign: &Reassign) -> anyhow::Result<Option<String>> {
        let task_id = self.task(&reassign.from, reassign.stage)?;
        let caller = Caller { subject: "administrator".to_owned(), admin: true };
        let new_assignee = reassign.to.clone();
        self.send(Command::Reassign { caller, task_id, new_assignee, reason: None }, reassign.refused)
    }

    /// The user's open task or, when there is none, their newest.
    fn task(&self, user: &str, stage: Option<i32>) -> anyhow::Result<TaskId> {
        let theirs =
            |task: &&Task| task.assignee == user && stage.is_none_or(|order| order == task.stage_order);
        let tasks: Vec<&Task> = self.request.tasks.iter().filter(theirs).collect();
        let open: Vec<&&Task> = tasks.iter().filter(|task| task.status.is_open()).collect();
        match (open.as_slice(), tasks.last()) {
            ([one], _) => Ok(one.id),
            ([_, _, ..], _) => bail!("`{user}` has open tasks in several stages: name the `stage`"),
            ([], Some(last)) => Ok(last.id),
            ([], None) => {
                let all: Vec<&str> = self.request.tasks.iter().map(|task| task.assignee.as_str()).collect();
                bail!("`{user}` has no task here; those who have: {}", all.join(", "))
            }
        }
    }

    /// Lets time pass. Every deadline on the way takes effect at its own moment.
    fn wait(&mut self, hours: u32) -> anyhow::Result<()> {
        let until = self.now.checked_add(Duration::hours(i64::from(hours))).context("waits too long")?;
        for _ in 0..MOST {
            let Some(due) = self.request.next_due().filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.command(Command::Breach)?;
            self.answer_questions()?;
        }
        self.now = until;
        Ok(())
    }

    fn send(&mut self, command: Command, refused: bool) -> anyhow::Result<Option<String>> {
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
        let env = Environment { policy: self.policy, delegations: self.delegations, now: self.now };
        let done = apply(&env, &self.request, command, &mut self.ids)?;
        self.request = done.request;
        self.events.extend(done.events);
        Ok(())
    }

    /// Does what the resolver does in a server: answers external rules, here from the directory of the case.
    fn answer_questions(&mut self) -> anyhow::Result<()> {
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
                    anyhow!(
                        "the directory of this case does not say who is found by {}",
                        question(&rule.source)
                    )
                })?;
                answers.insert(rule.id, users.to_vec());
            }
            self.command(Command::Resolved { answers })?;
        }
        bail!("the request asks without end")
    }
}
