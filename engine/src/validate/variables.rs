//! Warns of variables in expressions that the context may lack: a misspelt name reads as absent, so its case never
//! occurs.

use super::Fault;
use super::declared::Schema;
use crate::logic::{Logic, Path, Within};
use crate::policy::{Policy, RuleSource};
use crate::similar;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An expression of a policy, the paths that it reads, and what happens where one of them is absent.
struct Expression {
    stage: i32,
    field: String,
    paths: Vec<Path>,
    otherwise: &'static str,
}

impl Expression {
    fn new(stage: i32, field: String, logic: &Logic, otherwise: &'static str) -> Self {
        Self { stage, field, paths: logic.paths().into_iter().collect(), otherwise }
    }

    fn warning(&self, message: String) -> Fault {
        Fault::of_stage(self.stage, &self.field, message)
    }

    /// The first name of each path that it reads from the context.
    fn heads(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().filter(|path| path.within == Within::Context).map(|path| head(&path.path))
    }
}

/// Returns warnings about variables that the context's schema does not declare or require; without a schema, about
/// those that look misspelt.
#[must_use]
pub fn about_variables(policy: &Policy, schema: Option<&Value>) -> Vec<Fault> {
    let expressions = expressions(policy);
    let mut warnings = Vec::new();
    for (index, expression) in expressions.iter().enumerate() {
        match schema {
            Some(schema) => against_schema(expression, &mut Schema::new(schema), &mut warnings),
            None => against_others(index, &expressions, &mut warnings),
        }
    }
    // One path may occur with a default and without; it is reported once.
    warnings.dedup();
    warnings
}

fn expressions(policy: &Policy) -> Vec<Expression> {
    let mut found = Vec::new();
    for stage in &policy.stages {
        if let Some(logic) = &stage.skip_if {
            let otherwise = "where it is absent or null the stage is not skipped";
            found.push(Expression::new(stage.order, "skip_if".to_owned(), logic, otherwise));
        }
        for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
            for (index, rule) in rules.iter().enumerate() {
                if let RuleSource::Expression(logic) = &rule.source {
                    let field = format!("{field}[{index}].rule_value.logic");
                    let otherwise = "where it is absent or null the rule may fail or seat nobody";
                    found.push(Expression::new(stage.order, field, logic, otherwise));
                }
            }
        }
    }
    found
}

fn against_schema(expression: &Expression, schema: &mut Schema<'_>, warnings: &mut Vec<Fault>) {
    for path in &expression.paths {
        let message = match whole_path(path) {
            Ok(whole) => judged(expression, path, &whole, schema),
            Err(message) => message,
        };
        warnings.extend(message.map(|message| expression.warning(message)));
    }
}

/// Returns the names of a path from the root of the context. `Err` when it does not start there, with the warning
/// about that, if any.
fn whole_path(path: &Path) -> Result<Vec<&str>, Option<String>> {
    let own = path.path.split('.');
    match &path.within {
        Within::Context => Ok(own.collect()),
        Within::Item(Some(list)) => Ok(list.split('.').chain(["*"]).chain(own).collect()),
        Within::Item(None) => Err(None),
        Within::Fold(list) => match (head(&path.path), list) {
            ("current", Some(list)) => Ok(list.split('.').chain(["*"]).chain(own.skip(1)).collect()),
            ("current" | "accumulator", _) => Err(None),
            _ => Err(Some(format!(
                "`{}` is absent inside `reduce`, which has `current` and `accumulator` alone: {OUTER}",
                shown(&path.path)
            ))),
        },
    }
}

/// How an expression reads the context from inside an operator over a list.
const OUTER: &str = "the context is read there by `val`, whose first argument says how many operators further out \
                     to look, as in {\"val\": [[1], \"amount\"]}";

fn judged(expression: &Expression, path: &Path, whole: &[&str], schema: &mut Schema<'_>) -> Option<String> {
    let name = shown(&path.path);
    let declared = schema.look_up(whole);
    if !declared.named {
        let own = path.path.split('.').collect::<Vec<_>>();
        if path.within != Within::Context && schema.look_up(&own).named {
            return Some(format!(
                "`{name}` is read from an item of the list here, not from the context: {OUTER}"
            ));
        }
        let last = whole.last().copied().unwrap_or_default();
        let meant = similar::hint(last, &schema.names_beside(whole).into_iter().collect::<Vec<_>>());
        let fate = if declared.impossible { "does not allow" } else { "does not declare" };
        return Some(format!("reads `{name}`, which context_schema {fate}{meant}"));
    }
    (!declared.certain && !path.may_be_absent).then(|| {
        format!(
            "reads `{name}`, which context_schema does not require: {}; require it, give `var` a default, or ask \
             with `missing`",
            expression.otherwise
        )
    })
}

fn against_others(index: usize, all: &[Expression], warnings: &mut Vec<Fault>) {
    let expression = &all[index];
    // By name: how many expressions read it, and the index of the first one.
    let mut readers: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (place, other) in all.iter().enumerate() {
        for name in other.heads().collect::<BTreeSet<_>>() {
            readers.entry(name).or_insert((0, place)).0 += 1;
        }
    }
    for path in &expression.paths {
        let name = head(&path.path);
        let message = match &path.within {
            Within::Context => {
                // Of two similar names, each read by one expression, the later one is reported.
                let weight = |name: &str| readers.get(name).map(|(count, first)| (*count, usize::MAX - first));
                let own = weight(name);
                let others = readers.keys().copied().filter(|other| weight(other) > own);
                let once = own.is_some_and(|(count, _)| count == 1);
                similar::closest(name, others).filter(|_| once).map(|meant| {
                    format!("reads `{}`, which no other expression reads; did you mean `{meant}`?", shown(name))
                })
            }
            Within::Item(_) => readers.contains_key(name).then(|| {
                format!(
                    "`{}` is read from an item of the list here, not from the context as elsewhere: {OUTER}; if \
                     the items have it, say so in a context_schema",
                    shown(&path.path)
                )
            }),
            Within::Fold(_) => whole_path(path).err().flatten(),
        };
        warnings.extend(message.map(|message| expression.warning(message)));
    }
}

fn head(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

fn shown(path: &str) -> String {
    path.chars().filter(|c| !c.is_control()).take(100).collect()
}
