//! Records which paths an evaluation found absent. A condition that depends on absent values must not skip a stage.

use super::program::{Node, Operator};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most paths that one message names.
const MOST_NAMED: usize = 5;
/// Longest path in a message, in characters.
const LONGEST_NAME: usize = 100;

/// Paths with the depth of their scope: 0 is the context, higher numbers are items of lists.
#[derive(Debug, Default)]
pub(super) struct Reads {
    absent: BTreeSet<(usize, String)>,
    asked: BTreeSet<(usize, String)>,
}

impl Reads {
    /// Records a path that was absent or null and had no default.
    pub(super) fn absent(&mut self, scope: usize, path: &str) {
        self.absent.insert((scope, path.to_owned()));
    }

    /// Records a path that `missing` or `missing_some` asked for: the author knows that it may be absent.
    pub(super) fn asked(&mut self, scope: usize, path: &str) {
        self.asked.insert((scope, path.to_owned()));
    }

    /// Returns the absent paths that were read and that no `missing` asks for, in words; `None` when there are none.
    pub(super) fn relied_on(mut self, program: &Node) -> Option<String> {
        if self.absent.is_empty() {
            return None;
        }
        // A `missing` in a branch that was not taken counts too.
        self.ask_all(program, 0);
        let mut names: Vec<String> =
            self.absent.difference(&self.asked).map(|(scope, path)| named(*scope, path)).collect();
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        match (names.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(names.join(", ")),
            (false, more) => Some(format!("{} and {more} more", names.join(", "))),
        }
    }

    fn ask_all(&mut self, node: &Node, scope: usize) {
        match node {
            Node::Literal(_) => {}
            Node::List(nodes) => nodes.iter().for_each(|node| self.ask_all(node, scope)),
            Node::Operation(operator, arguments) => {
                if matches!(operator, Operator::Missing | Operator::MissingSome) {
                    arguments.iter().for_each(|node| self.ask_literal(node, scope));
                }
                for (index, node) in arguments.iter().enumerate() {
                    let inner = usize::from(operator.iterates() && index == 1);
                    self.ask_all(node, scope + inner);
                }
            }
        }
    }

    fn ask_literal(&mut self, node: &Node, scope: usize) {
        match node {
            Node::Literal(Value::String(path)) => self.asked(scope, path),
            Node::Literal(Value::Array(paths)) => {
                paths.iter().filter_map(Value::as_str).for_each(|path| self.asked(scope, path));
            }
            Node::List(nodes) => nodes.iter().for_each(|node| self.ask_literal(node, scope)),
            _ => {}
        }
    }
}

fn named(scope: usize, path: &str) -> String {
    let shown: String = path.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    match (scope, path) {
        (0, _) => format!("`{shown}`"),
        (_, "") => "an item of a list".to_owned(),
        _ => format!("`{shown}` of an item of a list"),
    }
}
