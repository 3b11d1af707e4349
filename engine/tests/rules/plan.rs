//! Policies and histories as plain data, from which both the engine's policy and the reference model are made, and
//! the strategies that generate them.

use crate::fixture::{START, logic, policy, rule, stage_of};
use engine::delegation::Delegation;
use engine::policy::{
    CommentRequired, Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, RuleSource, Stage,
};
use proptest::prelude::*;
use serde_json::json;
use time::Duration;

pub(crate) const PEOPLE: &[&str] = &["rita", "ann", "bob", "cy", "registry"];
/// The requester of every request.
pub(crate) const REQUESTER: &str = "rita";
/// The subject that creates every request.
pub(crate) const CREATOR: &str = "registry";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quorum {
    All,
    Any(usize),
    Percent(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    Never,
    Always,
    /// The condition fails, so the stage is not skipped.
    Fails,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    User(usize),
    /// An expression that gives a list of people.
    People(Vec<usize>),
    /// An expression that fails.
    Nobody,
    /// A role that a resolver is asked about. Each name occurs once in the policy.
    Role(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct PlanRule {
    pub(crate) who: Who,
    pub(crate) observer: bool,
    pub(crate) required: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct PlanStage {
    pub(crate) quorum: Quorum,
    pub(crate) veto: bool,
    pub(crate) block: bool,
    pub(crate) skip: Skip,
    pub(crate) hours: Option<i32>,
    pub(crate) breach: OnBreach,
    pub(crate) group: Option<i32>,
    pub(crate) rules: Vec<PlanRule>,
    pub(crate) escalation: Vec<PlanRule>,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) own: bool,
    pub(crate) again: bool,
    pub(crate) stages: Vec<PlanStage>,
}

/// Who gives the command: the person whose task or request it is about, or a person by index, as an admin or not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    Owner,
    Person(usize),
    Admin(usize),
}

/// One command, or some time that passes. Tasks are counted from the newest one.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Decide {
        task: usize,
        by: By,
        action: usize,
    },
    Claim {
        task: usize,
        by: By,
    },
    Reassign {
        task: usize,
        to: usize,
        by: By,
    },
    /// Answers to the open questions: to every one if `all`, else only to the first.
    Resolved {
        people: Vec<usize>,
        all: bool,
    },
    ResolutionFailed,
    Hours(i64),
    Breach,
    Expire,
    Cancel {
        by: By,
    },
}

impl Plan {
    /// The engine's policy for this plan. The rule value of a role holds its number.
    pub(crate) fn policy(&self) -> Policy {
        let stages = self.stages.iter().zip(1..).map(|(stage, order)| stage.engine(order)).collect();
        Policy { forbid_self_approval: self.own, forbid_repeat_approvers: self.again, ..policy(stages) }
    }

    fn name_roles(&mut self) {
        let mut last = 0;
        for stage in &mut self.stages {
            for rule in stage.rules.iter_mut().chain(&mut stage.escalation) {
                if let Who::Role(name) = &mut rule.who {
                    last += 1;
                    *name = last;
                }
            }
        }
    }
}

impl PlanStage {
    fn engine(&self, order: i32) -> Stage {
        let rules = |rules: &[PlanRule]| rules.iter().map(PlanRule::engine).collect::<Vec<_>>();
        Stage {
            mode: match self.quorum {
                Quorum::All => Mode::All,
                Quorum::Any(n) => Mode::AnyN(u32::try_from(n).expect("small")),
                Quorum::Percent(p) => Mode::Percentage(u32::try_from(p).expect("small")),
            },
            reject_mode: if self.veto { RejectMode::Veto } else { RejectMode::Unreachable },
            comment_required: CommentRequired::Never,
            on_empty: if self.block { OnEmpty::Block } else { OnEmpty::Skip },
            skip_if: match self.skip {
                Skip::Never => None,
                Skip::Always => Some(logic(&json!(true))),
                Skip::Fails => Some(logic(&json!({"+": ["x", 1]}))),
            },
            sla_hours: self.hours,
            on_breach: self.breach,
            parallel_group: self.group,
            escalation_rules: rules(&self.escalation),
            ..stage_of(order, rules(&self.rules))
        }
    }
}

impl PlanRule {
    fn engine(&self) -> Rule {
        let source = match &self.who {
            Who::User(i) => RuleSource::User(PEOPLE[*i].into()),
            Who::People(list) => {
                let names: Vec<_> = list.iter().map(|i| PEOPLE[*i]).collect();
                RuleSource::Expression(logic(&json!(names)))
            }
            Who::Nobody => RuleSource::Expression(logic(&json!({"+": ["x", 1]}))),
            Who::Role(name) => {
                RuleSource::External { rule_type: "role".into(), value: json!({ "role": name }) }
            }
        };
        let kind = if self.observer { Kind::Observer } else { Kind::Approver };
        Rule { required: self.required, ..rule(kind, source) }
    }
}

/// Returns the name of the role that a rule asks about.
pub(crate) fn role_of(rule: &Rule) -> Option<usize> {
    let RuleSource::External { value, .. } = &rule.source else { return None };
    value["role"].as_u64().and_then(|name| usize::try_from(name).ok())
}

fn rules() -> impl Strategy<Value = Vec<PlanRule>> {
    let person = 0..PEOPLE.len();
    let who = prop_oneof![
        10 => person.clone().prop_map(Who::User),
        2 => prop::collection::vec(person, 0..4).prop_map(Who::People),
        1 => Just(Who::Nobody),
        2 => Just(Who::Role(0)),
    ];
    let rule = (who, 0..8_u8).prop_map(|(who, kind)| PlanRule {
        who,
        observer: kind == 0,
        required: kind == 1 || kind == 2,
    });
    prop::collection::vec(rule, 1..5)
}

fn stages() -> impl Strategy<Value = PlanStage> {
    let quorum = prop_oneof![
        2 => Just(Quorum::All),
        3 => (1..4_usize).prop_map(Quorum::Any),
        2 => prop_oneof![Just(50), Just(67), Just(100), 1..=100_usize].prop_map(Quorum::Percent),
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.3), 0..14_u8, prop::bool::weighted(0.8));
    (rules(), rules(), quorum, flags, 0..4_usize, prop::option::of(1..3_i32)).prop_map(
        |(rules, escalation, quorum, (veto, block, skip, timed), breach, group)| PlanStage {
            quorum,
            veto,
            block,
            skip: match skip {
                0 => Skip::Always,
                1 => Skip::Fails,
                _ => Skip::Never,
            },
            hours: timed.then_some(2),
            breach: if timed { OnBreach::ALL[breach] } else { OnBreach::Notify },
            group,
            rules,
            escalation,
        },
    )
}

/// Policies of none to four stages in which validation may find faults, because even such a policy must not make a
/// request hang once it is stored.
pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    (prop::collection::vec(stages(), 0..5), any::<bool>(), any::<bool>()).prop_map(|(stages, own, again)| {
        let mut plan = Plan { own, again, stages };
        plan.name_roles();
        plan
    })
}

/// Delegations, some of which form chains and cycles, and some of which end or begin during the history.
pub(crate) fn absences() -> impl Strategy<Value = Vec<Delegation>> {
    let person = 0..PEOPLE.len();
    let one = (person.clone(), person, -4..4_i64, 1..8_i64);
    prop::collection::vec(one, 0..5).prop_map(|all| {
        let age = |(index, (from, to, starts, lasts)): (i64, (usize, usize, i64, i64))| Delegation {
            user_id: PEOPLE[from].into(),
            delegate_to: PEOPLE[to].into(),
            starts_at: START + Duration::hours(starts),
            ends_at: START + Duration::hours(starts + lasts),
            created_at: START - Duration::days(9 - index),
        };
        (0..).zip(all).map(age).filter(|d| d.user_id != d.delegate_to).collect()
    })
}

fn callers() -> impl Strategy<Value = By> {
    prop_oneof![
        12 => Just(By::Owner),
        2 => (0..PEOPLE.len()).prop_map(By::Person),
        2 => (0..PEOPLE.len()).prop_map(By::Admin),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let task = 0..9_usize;
    let admins = prop_oneof![6 => (0..PEOPLE.len()).prop_map(By::Admin), 1 => callers()];
    let people = prop::collection::vec(0..PEOPLE.len(), 0..4);
    let step = prop_oneof![
        14 => (task.clone(), callers(), 0..6_usize)
            .prop_map(|(task, by, action)| Step::Decide { task, by, action }),
        2 => (task.clone(), callers()).prop_map(|(task, by)| Step::Claim { task, by }),
        4 => (task, 0..PEOPLE.len(), admins.clone())
            .prop_map(|(task, to, by)| Step::Reassign { task, to, by }),
        6 => (people, prop::bool::weighted(0.8)).prop_map(|(people, all)| Step::Resolved { people, all }),
        1 => Just(Step::ResolutionFailed),
        3 => (1..4_i64).prop_map(Step::Hours),
        4 => Just(Step::Breach),
    ];
    let rare = prop_oneof![
        90 => step,
        1 => admins.prop_map(|by| Step::Cancel { by }),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(rare, 1..40)
}
