//! Finds the paths that an expression names, without evaluating it.

use super::program::{Node, Operator};
use serde_json::Value;
use std::collections::BTreeSet;

/// A path that an expression names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    /// Dotted, as it is written.
    pub(crate) path: String,
    /// Where it is looked up.
    pub(crate) within: Within,
    /// The author knows that it may be absent: `var` has a default for it, or `missing` asks for it in the same
    /// expression.
    pub(crate) may_be_absent: bool,
}

/// Where a path is looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Within {
    Context,
    /// An item of the list at this path of the context; `None` when the list is computed.
    Item(Option<String>),
    /// `current` and `accumulator` of `reduce`, over the list at this path.
    Fold(Option<String>),
}

/// Returns every path that stands in an expression as a literal. Computed paths are not known.
pub(crate) fn paths(program: &Node) -> BTreeSet<Path> {
    let mut walk = Walk { scopes: vec![Within::Context], named: BTreeSet::new(), asked: BTreeSet::new() };
    walk.node(program);
    let asked = walk.asked;
    let mark = |mut named: Path| {
        named.may_be_absent |= asked.contains(&(named.within.clone(), named.path.clone()));
        named
    };
    walk.named.into_iter().map(mark).collect()
}

struct Walk {
    scopes: Vec<Within>,
    named: BTreeSet<Path>,
    asked: BTreeSet<(Within, String)>,
}

impl Walk {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Literal(_) => {}
            Node::List(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Node::Operation(operator, arguments) => {
                match operator {
                    Operator::Var => self.var(arguments),
                    Operator::Val => self.val(arguments),
                    Operator::Missing | Operator::MissingSome => {
                        arguments.iter().for_each(|node| self.asked(node));
                    }
                    _ => {}
                }
                self.arguments(*operator, arguments);
            }
        }
    }

    fn arguments(&mut self, operator: Operator, arguments: &[Node]) {
        for (index, node) in arguments.iter().enumerate() {
            if operator.iterates() && index == 1 {
                let list = self.list(&arguments[0]);
                let fold = operator == Operator::Reduce;
                self.scopes.push(if fold { Within::Fold(list) } else { Within::Item(list) });
                self.node(node);
                self.scopes.pop();
            } else {
                self.node(node);
            }
        }
    }

    /// Returns the path of a list that `var` reads from the context; `None` for any other list.
    fn list(&self, node: &Node) -> Option<String> {
        let Node::Operation(Operator::Var, arguments) = node else { return None };
        let [Node::Literal(Value::String(path)), ..] = &arguments[..] else { return None };
        (self.scopes.len() == 1).then(|| path.clone())
    }

    fn name(&mut self, up: usize, path: &str, may_be_absent: bool) {
        if !path.is_empty() {
            let within = self.scopes[self.scopes.len().saturating_sub(up + 1)].clone();
            self.named.insert(Path { path: path.to_owned(), within, may_be_absent });
        }
    }

    fn var(&mut self, arguments: &[Node]) {
        match arguments {
            [Node::Literal(Value::String(path)), default @ ..] => self.name(0, path, !default.is_empty()),
            // The compiler turns a list without operations into one literal.
            [Node::Literal(Value::Array(list))] => {
                if let [Value::String(path), default @ ..] = &list[..] {
                    self.name(0, path, !default.is_empty());
                }
            }
            _ => {}
        }
    }

    fn val(&mut self, arguments: &[Node]) {
        let mut names = Vec::new();
        for node in arguments {
            let Node::Literal(value) = node else { return };
            names.push(value);
        }
        if let [Value::Array(list)] = &names[..] {
            names = list.iter().collect();
        }
        let up = match names.first() {
            Some(Value::Array(levels)) => levels.first().and_then(Value::as_i64).map(i64::unsigned_abs),
            _ => None,
        };
        let names: Option<Vec<&str>> =
            names.iter().skip(usize::from(up.is_some())).map(|name| name.as_str()).collect();
        match names.as_deref() {
            // The index of the item.
            Some(["index"]) if up.is_some() => {}
            // A name that holds a dot cannot be written as a dotted path, so it is not checked.
            Some(names) if names.len() == 1 || !names.iter().any(|name| name.contains('.')) => {
                let up = usize::try_from(up.unwrap_or(0)).unwrap_or(usize::MAX - 1);
                self.name(up, &names.join("."), false);
            }
            _ => {}
        }
    }

    fn asked(&mut self, node: &Node) {
        match node {
            Node::Literal(Value::String(path)) => self.ask(path),
            Node::Literal(Value::Array(paths)) => {
                paths.iter().filter_map(Value::as_str).for_each(|path| self.ask(path));
            }
            Node::List(nodes) => nodes.iter().for_each(|node| self.asked(node)),
            _ => {}
        }
    }

    fn ask(&mut self, path: &str) {
        self.name(0, path, true);
        let within = self.scopes[self.scopes.len() - 1].clone();
        self.asked.insert((within, path.to_owned()));
    }
}
