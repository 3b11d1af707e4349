//! A compiled expression.

use crate::similar;
use serde_json::Value;

/// Longest expression accepted, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting accepted, because evaluation recurses and must not overflow the stack.
pub const MAX_DEPTH: usize = 64;

#[derive(Debug)]
pub(super) enum Node {
    /// A value that stands for itself. A list without operations is one literal, however long it is.
    Literal(Value),
    List(Vec<Self>),
    Operation(Operator, Vec<Self>),
}

macro_rules! operators {
    ($($variant:ident = $name:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Operator { $($variant),* }

        impl Operator {
            /// Every operator's name.
            pub(super) const NAMES: &[&str] = &[$($name),*];

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

operators! {
    Var = "var", Val = "val", Missing = "missing", MissingSome = "missing_some",
    If = "if", Ternary = "?:", And = "and", Or = "or", Not = "!", Truth = "!!",
    Equal = "==", StrictlyEqual = "===", Unequal = "!=", StrictlyUnequal = "!==",
    More = ">", MoreOrEqual = ">=", Less = "<", LessOrEqual = "<=",
    Max = "max", Min = "min", Add = "+", Subtract = "-", Multiply = "*", Divide = "/", Remainder = "%",
    Map = "map", Reduce = "reduce", Filter = "filter", All = "all", None = "none", Some = "some",
    Merge = "merge", In = "in", Cat = "cat", Substr = "substr",
}

impl Operator {
    /// Returns whether the operator reads data. Nothing else in an expression can differ between contexts.
    pub(super) const fn reads_data(self) -> bool {
        matches!(self, Self::Var | Self::Val | Self::Missing | Self::MissingSome)
    }

    /// Returns whether the operator evaluates its second argument once for each item of its first.
    pub(super) const fn iterates(self) -> bool {
        matches!(self, Self::Map | Self::Reduce | Self::Filter | Self::All | Self::None | Self::Some)
    }

    /// Returns whether the arguments must be written as a list, because a single one is probably a mistake.
    const fn needs_a_list(self) -> bool {
        matches!(self, Self::If | Self::Ternary | Self::And | Self::Or)
    }
}

impl Node {
    /// Checks and compiles an expression.
    pub(super) fn compile(source: &Value) -> Result<Self, String> {
        let node = Self::read(source, 1)?;
        if source.to_string().len() > MAX_BYTES {
            return Err(format!("expression is longer than {MAX_BYTES} bytes"));
        }
        Ok(node)
    }

    fn read(source: &Value, depth: usize) -> Result<Self, String> {
        if depth > MAX_DEPTH {
            return Err(format!("expression is nested deeper than {MAX_DEPTH} levels"));
        }
        match source {
            Value::Array(items) => {
                let nodes = Self::read_all(items, depth)?;
                let literal = nodes.iter().all(|node| matches!(node, Self::Literal(_)));
                Ok(if literal { Self::Literal(source.clone()) } else { Self::List(nodes) })
            }
            Value::Object(operation) => match operation.iter().next() {
                Some((name, arguments)) if operation.len() == 1 => Self::operation(name, arguments, depth),
                Some(_) => {
                    let count = operation.len();
                    Err(format!("an operation is an object with one key, this one has {count}"))
                }
                None => Ok(Self::Literal(source.clone())),
            },
            _ => Ok(Self::Literal(source.clone())),
        }
    }

    fn read_all(items: &[Value], depth: usize) -> Result<Vec<Self>, String> {
        items.iter().map(|item| Self::read(item, depth + 1)).collect()
    }

    fn operation(name: &str, arguments: &Value, depth: usize) -> Result<Self, String> {
        let operator = Operator::parse(name)
            .ok_or_else(|| format!("unknown operator `{name}`{}", similar::hint(name, Operator::NAMES)))?;
        let arguments = match arguments {
            // The list of arguments counts as a level of nesting.
            Value::Array(items) => Self::read_all(items, depth + 1)?,
            _ if operator.needs_a_list() => {
                return Err(format!("operator `{name}` needs a list of arguments"));
            }
            one => vec![Self::read(one, depth + 1)?],
        };
        Ok(Self::Operation(operator, arguments))
    }

    /// Returns whether the outcome may depend on the data.
    pub(super) fn reads_data(&self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::List(items) => items.iter().any(Self::reads_data),
            Self::Operation(operator, arguments) => {
                operator.reads_data() || arguments.iter().any(Self::reads_data)
            }
        }
    }

    /// The number of operations and values, with a long text counted several times.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Literal(value) => values_in(value),
            Self::List(nodes) | Self::Operation(_, nodes) => 1 + nodes.iter().map(Self::size).sum::<u64>(),
        }
    }
}

fn values_in(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(values_in).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64 / 64,
        _ => 1,
    }
}
