//! JSONLogic (jsonlogic.com), compiled once and shared.

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::{DataValue, Engine};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// Longest expression accepted, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting accepted: evaluation recurses, and must not run out of stack.
pub const MAX_DEPTH: usize = 64;

/// What one evaluation may allocate: `reduce` can double its result at every step.
const MAX_MEMORY: usize = 64 * 1024 * 1024;

const OPERATORS: &[&str] = &[
    "var",
    "val",
    "missing",
    "missing_some",
    "if",
    "?:",
    "==",
    "===",
    "!=",
    "!==",
    "!",
    "!!",
    "or",
    "and",
    ">",
    ">=",
    "<",
    "<=",
    "max",
    "min",
    "+",
    "-",
    "*",
    "/",
    "%",
    "map",
    "reduce",
    "filter",
    "all",
    "none",
    "some",
    "merge",
    "in",
    "cat",
    "substr",
];

/// Operators that look at the data; nothing else of an expression can differ from one context to the next.
const READ_DATA: &[&str] = &["var", "val", "missing", "missing_some"];

/// Operators whose arguments must be written as a list: with anything else every evaluation would fail.
const NEED_A_LIST: &[&str] = &["if", "?:", "or", "and"];

/// A checked expression, cheap to clone and to share between threads.
#[derive(Debug, Clone)]
pub struct Logic {
    source: Arc<Value>,
    compiled: Arc<datalogic_rs::Logic>,
}

impl PartialEq for Logic {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Logic {
    /// Checks and compiles.
    ///
    /// # Errors
    /// Says in words what is malformed: an unknown operator, an object that is not one operator, too big, too deep.
    pub fn compile(source: &Value) -> Result<Self, String> {
        check(source, 1)?;
        if source.to_string().len() > MAX_BYTES {
            return Err(format!("expression is longer than {MAX_BYTES} bytes"));
        }
        let compiled = guarded(|| engine().compile(source).map_err(|e| e.to_string()))?;
        Ok(Self { source: Arc::new(source.clone()), compiled: Arc::new(compiled) })
    }

    /// Whether the outcome may depend on the context; without, it is the same for every request.
    #[must_use]
    pub fn reads_context(&self) -> bool {
        reads_data(&self.source)
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Whether it holds over `context`, by JSONLogic's notion of truth.
    ///
    /// # Errors
    /// The expression fails on this context.
    pub fn truthy(&self, context: &Value) -> Result<bool, String> {
        self.evaluate(context, |result| Ok(engine().truthy(result)))
    }

    /// The subject ids it gives over `context`: a string or a list of strings; null and the empty list give nobody.
    ///
    /// # Errors
    /// The expression fails on this context, or gives something else.
    pub fn users(&self, context: &Value) -> Result<Vec<String>, String> {
        self.evaluate(context, |result| match result {
            DataValue::Null => Ok(Vec::new()),
            DataValue::Array(items) => items.iter().map(user).collect(),
            one => Ok(vec![user(one)?]),
        })
    }

    fn evaluate<T>(
        &self,
        context: &Value,
        read: impl FnOnce(&DataValue<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        guarded(|| {
            let arena = Bump::new();
            arena.set_allocation_limit(Some(MAX_MEMORY));
            let result = engine().evaluate(&self.compiled, context, &arena).map_err(|e| e.to_string())?;
            read(result)
        })
    }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    // Folding constants would evaluate while compiling, outside the bounds that `evaluate` sets.
    ENGINE.get_or_init(|| Engine::builder().with_constant_folding(false).build())
}

/// The library panics when its memory is used up. That, or a defect in it, must fail one expression, not the thread
/// that carries everybody's requests.
fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err("the expression could not be evaluated".into()))
}

fn user(value: &DataValue<'_>) -> Result<String, String> {
    match value.as_str().map(str::trim) {
        Some("") => Err("expression gave an empty user id".into()),
        Some(_) => Ok(value.as_str().unwrap_or_default().to_owned()),
        None => Err("expression gave something that is neither a user id nor a list of user ids".into()),
    }
}

fn reads_data(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(reads_data),
        Value::Object(operation) => operation
            .iter()
            .any(|(operator, arguments)| READ_DATA.contains(&operator.as_str()) || reads_data(arguments)),
        _ => false,
    }
}

fn check(value: &Value, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("expression is nested deeper than {MAX_DEPTH} levels"));
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth + 1)),
        Value::Object(object) => match object.iter().next() {
            None => Ok(()),
            Some(_) if object.len() > 1 => {
                Err(format!("an operation is an object with one key, this one has {}", object.len()))
            }
            Some((operator, _)) if !OPERATORS.contains(&operator.as_str()) => {
                Err(format!("unknown operator `{operator}`"))
            }
            Some((operator, arguments)) => {
                if NEED_A_LIST.contains(&operator.as_str()) && !arguments.is_array() {
                    return Err(format!("operator `{operator}` needs a list of arguments"));
                }
                check(arguments, depth + 1)
            }
        },
        _ => Ok(()),
    }
}
