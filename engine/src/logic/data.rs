//! The values that an expression computes with: parts of the context and of the expression, which are borrowed, and
//! values that it builds.

use super::number::Number;
use serde_json::{Map, Value};
use std::ops::Deref;
use std::rc::Rc;

/// A value, cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Data<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text<'a>),
    List(List<'a>),
    Object(&'a Map<String, Value>),
}

#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Built(Rc<str>),
}

/// `depth` is the nesting of lists that the expression has built. It is bounded where lists are built, so that
/// recursion over a value, also when it is dropped, cannot overflow the stack.
#[derive(Debug, Clone)]
pub(super) enum List<'a> {
    Borrowed(&'a [Value]),
    Built { items: Rc<[Data<'a>]>, depth: usize },
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Built(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Borrowed(items) => items.len(),
            Self::Built { items, .. } => items.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Data<'a>> {
        match self {
            Self::Borrowed(items) => items.get(index).map(Data::of),
            Self::Built { items, .. } => items.get(index).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Data<'a>> + use<'a, '_> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Data<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Number::of_json(number).map_or(Self::Null, Self::Number),
            Value::String(text) => Self::Text(Text::Borrowed(text)),
            Value::Array(items) => Self::List(List::Borrowed(items)),
            Value::Object(members) => Self::Object(members),
        }
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether JSONLogic takes the value as true: everything but null, false, 0, the empty text and the empty
    /// list.
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(flag) => *flag,
            Self::Number(number) => !number.is_zero(),
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => list.len() > 0,
            Self::Object(_) => true,
        }
    }

    /// The nesting of lists that the expression has built; 0 for other values.
    pub(super) const fn depth(&self) -> usize {
        match self {
            Self::List(List::Built { depth, .. }) => *depth,
            _ => 0,
        }
    }

    /// A member of an object or an item of a list.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => members.get(name).map(Self::of),
            // "01" and "+1" are no indexes.
            Self::List(list) => {
                let index = name.parse::<usize>().ok().filter(|index| index.to_string() == name)?;
                list.get(index)
            }
            _ => None,
        }
    }

    /// The name of the value's kind, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
