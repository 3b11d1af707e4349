//! Finds which rules named the holders of tasks. Nothing of it is stored: rules and context are immutable, so what they
//! name is found again.

use super::facts::StageFacts;
use crate::ids::RuleId;
use crate::logic::Budget;
use crate::policy::{Kind, Rule, RuleSource};
use crate::request::{Task, TaskStatus};
use serde_json::Value;
use std::collections::HashMap;

/// The rules of each task of a stage, in the order of its tasks.
pub(super) fn of_tasks(stage: &StageFacts<'_>, context: &Value, budget: &Budget) -> Vec<Vec<RuleId>> {
    if stage.tasks.is_empty() {
        return Vec::new();
    }
    let first = Named::by(&stage.stage.rules, context, budget);
    let added = Named::by(&stage.stage.escalation_rules, context, budget);
    let started = stage.started_at();
    // The newest task so far by the assignee that it was taken from.
    let mut moved: HashMap<(Kind, &str), Vec<RuleId>> = HashMap::new();
    let mut all = Vec::with_capacity(stage.tasks.len());
    for task in &stage.tasks {
        let inherited =
            task.reassigned_from.as_deref().and_then(|from| moved.get(&(task.kind, from)).cloned());
        let named = if Some(task.created_at) == started { &first } else { &added };
        let rules = inherited.unwrap_or_else(|| named.rules_of(task));
        if task.status == TaskStatus::Reassigned {
            moved.insert((task.kind, &task.assignee), rules.clone());
        }
        all.push(rules);
    }
    all
}

/// Whom a list of rules names.
struct Named {
    by_person: HashMap<(Kind, String), Vec<RuleId>>,
    /// Rules that ask outside. The answers are not kept.
    asking: Vec<(Kind, RuleId)>,
}

impl Named {
    fn by(rules: &[Rule], context: &Value, budget: &Budget) -> Self {
        let mut named = Self { by_person: HashMap::new(), asking: Vec::new() };
        for rule in rules {
            let users = match &rule.source {
                RuleSource::User(user) => vec![user.clone()],
                // An expression that fails named nobody.
                RuleSource::Expression(logic) => logic.users(context, budget).unwrap_or_default(),
                RuleSource::External { .. } => {
                    named.asking.push((rule.kind, rule.id));
                    continue;
                }
            };
            for user in users {
                let rules = named.by_person.entry((rule.kind, user)).or_default();
                // An expression may name one person twice.
                if rules.last() != Some(&rule.id) {
                    rules.push(rule.id);
                }
            }
        }
        named
    }

    fn rules_of(&self, task: &Task) -> Vec<RuleId> {
        let owner = task.delegated_from.as_ref().unwrap_or(&task.assignee);
        let sure = self.by_person.get(&(task.kind, owner.clone()));
        let asking =
            || self.asking.iter().filter(|(kind, _)| *kind == task.kind).map(|(_, id)| *id).collect();
        sure.cloned().unwrap_or_else(asking)
    }
}
