//! Parses YAML (and so JSON) into a value and a tree with the position of everything in it.

use super::flaw::{Flaw, Position};
use crate::extract::first_inexact;
use schemas::api::Location;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, NonFiniteFloatPolicy, Spanned, options};
use std::collections::BTreeMap;
use std::fmt;
use std::thread::ScopedJoinHandle;

/// Levels of nesting that are read: parsing recurses, and policies need far fewer levels.
const DEEPEST: usize = 64;
/// Stack of the parsing thread: an unoptimised build needs thirty kilobytes a level, and far more is given.
const STACK: usize = 16 * 1024 * 1024;
/// Values of a document at most, counting what aliases repeat.
const MOST_VALUES: usize = 250_000;

/// Characters of a number that a message repeats.
const SHOWN: usize = 60;

/// The position of a value, and of everything in it.
#[derive(Debug)]
pub(super) struct Tree {
    at: Position,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Leaf,
    List(Vec<Tree>),
    /// Members by name, with the position of the name.
    Object(BTreeMap<String, (Position, Tree)>),
}

/// The tree, the value, and the flaws that do not depend on what the document is meant to be, with their paths.
type Read = (Tree, Value, Vec<(Vec<Location>, Flaw)>);

impl Tree {
    /// Parses on a thread whose stack suffices for the deepest document.
    pub(super) fn read(text: &str) -> Result<Read, Flaw> {
        let read = std::thread::scope(|scope| {
            let reader = std::thread::Builder::new().stack_size(STACK);
            reader.spawn_scoped(scope, || Self::read_here(text)).map(ScopedJoinHandle::join)
        });
        match read {
            Ok(Ok(read)) => read,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => {
                let message = format!("no thread can be started to read it: {error}");
                Err(Flaw { at: Position::START, message })
            }
        }
    }

    fn read_here(text: &str) -> Result<Read, Flaw> {
        let mut options = options! {
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            merge_keys: MergeKeyPolicy::Error,
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
            strict_booleans: true,
            underscored_numbers_as_strings: true,
            leading_zero_numbers_as_strings: true,
            with_snippet: false,
        };
        if let Some(budget) = &mut options.budget {
            budget.max_depth = DEEPEST;
            budget.max_nodes = MOST_VALUES;
        }
        let node: Spanned<Node> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| flaw(&error))?;
        if matches!(node.value, Node::Scalar(Value::Null)) {
            return Err(Flaw { at: Position::START, message: "is empty".to_owned() });
        }
        let mut build = Build { text, way: Vec::new(), flaws: Vec::new() };
        let (tree, value) = build.build(node);
        Ok((tree, value, build.flaws))
    }

    /// The position of a value or, where there is none, of the nearest value around it. For a member it is that of the
    /// name.
    pub(super) fn place(&self, way: &[Location]) -> Position {
        let Some((step, rest)) = way.split_first() else { return self.at };
        match (&self.inner, step) {
            (Inner::List(items), Location::Index(index)) => {
                let item = usize::try_from(*index).ok().and_then(|index| items.get(index));
                item.map_or(self.at, |item| item.place(rest))
            }
            (Inner::Object(members), Location::Field(name)) => match members.get(name) {
                Some((place, _)) if rest.is_empty() => *place,
                Some((_, member)) => member.place(rest),
                None => self.at,
            },
            _ => self.at,
        }
    }
}

fn flaw(error: &Error) -> Flaw {
    let at = error.location().map_or(Position::START, |at| Position { line: at.line(), column: at.column() });
    Flaw { at, message: message(error) }
}

/// The parser's error in plain words. The scanner's errors have no kinds, so its messages are told apart by their text.
fn message(error: &Error) -> String {
    match error.without_snippet() {
        Error::AliasError { error, .. } => message(error),
        Error::MultipleDocuments { .. } => {
            "a second document begins here: write each into a file of its own".to_owned()
        }
        Error::MergeKeyNotAllowed { .. } => "`<<` is not read: write the fields themselves".to_owned(),
        Error::UnknownAnchor { .. } => "is no YAML: no anchor of that name stands above".to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_large(),
        other => {
            let said = other.render();
            match said.split(" at line ").next().unwrap_or_default() {
                tab if tab.contains("tab") => {
                    format!("is no YAML: a tab stands where YAML wants spaces ({tab})")
                }
                "recursion limit exceeded" => too_large(),
                "expected string scalar" => "the name of a field must be a text".to_owned(),
                other => format!("is no YAML: {other}"),
            }
        }
    }
}

fn too_large() -> String {
    format!(
        "is too large: at most {MOST_VALUES} values in {DEEPEST} levels are read, what aliases repeat included"
    )
}

/// A parsed value that still knows the positions of its parts.
enum Node {
    Scalar(Value),
    /// A number that is too large for any JSON value.
    Beyond,
    List(Vec<Spanned<Self>>),
    Object(Vec<(Spanned<String>, Spanned<Self>)>),
}

/// Whether a number that is written like this would be kept as another one; then the message that says so.
fn inexact(number: &str) -> Option<String> {
    first_inexact(number.as_bytes()).map(|inexact| inexact.message())
}

struct Build<'a> {
    text: &'a str,
    way: Vec<Location>,
    flaws: Vec<(Vec<Location>, Flaw)>,
}

impl Build<'_> {
    fn flaw(&mut self, at: Position, message: String) {
        self.flaws.push((self.way.clone(), Flaw { at, message }));
    }

    fn build(&mut self, node: Spanned<Node>) -> (Tree, Value) {
        let at = place(&node);
        let (inner, value) = match node.value {
            Node::Scalar(value @ Value::Number(_)) => {
                if let Some(message) =
                    inexact(self.written(&node.defined.span()).unwrap_or(&value.to_string()))
                {
                    self.flaw(at, message);
                }
                (Inner::Leaf, value)
            }
            Node::Scalar(value) => (Inner::Leaf, value),
            Node::Beyond => {
                let number: String =
                    self.written(&node.defined.span()).unwrap_or_default().chars().take(SHOWN).collect();
                self.flaw(at, format!("the number {number} cannot be kept exactly: send it as a string"));
                // Zero stands in for it, so that no second fault is reported for its type.
                (Inner::Leaf, Value::from(0))
            }
            Node::List(items) => {
                let mut trees = Vec::with_capacity(items.len());
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in (0..).zip(items) {
                    self.way.push(Location::Index(index));
                    let (tree, value) = self.build(item);
                    self.way.pop();
                    trees.push(tree);
                    values.push(value);
                }
                (Inner::List(trees), Value::Array(values))
            }
            Node::Object(members) => self.object(members),
        };
        (Tree { at, inner }, value)
    }

    fn object(&mut self, members: Vec<(Spanned<String>, Spanned<Node>)>) -> (Inner, Value) {
        let mut trees: BTreeMap<String, (Position, Tree)> = BTreeMap::new();
        let mut values = Map::new();
        for (name, member) in members {
            let at = place(&name);
            self.way.push(Location::Field(name.value.clone()));
            if let Some((first, _)) = trees.get(&name.value) {
                let message = format!("field `{}` is written twice, first at {first}", name.value);
                self.flaw(at, message);
            } else {
                let (tree, value) = self.build(member);
                trees.insert(name.value.clone(), (at, tree));
                values.insert(name.value, value);
            }
            self.way.pop();
        }
        (Inner::Object(trees), Value::Object(values))
    }

    /// The text of a number as it is written, since its digits must be judged.
    fn written(&self, span: &serde_saphyr::Span) -> Option<&str> {
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let length = usize::try_from(span.byte_len()?).ok()?;
        self.text.get(start..start.checked_add(length)?).map(str::trim)
    }
}

fn place<T>(node: &Spanned<T>) -> Position {
    Position { line: node.referenced.line(), column: node.referenced.column() }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::from(number)))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Beyond)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Beyond)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Number::from_f64(number).map_or(Node::Beyond, |number| Node::Scalar(Value::Number(number))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element()? {
            read.push(item);
        }
        Ok(Node::List(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut read = Vec::new();
        while let Some(member) = members.next_entry()? {
            read.push(member);
        }
        Ok(Node::Object(read))
    }
}
