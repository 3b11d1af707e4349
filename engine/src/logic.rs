//! JSONLogic (jsonlogic.com), compiled once and shared.
//!
//! Authors of policies and callers are not trusted, so an evaluation is bounded in steps, in memory and in the depth
//! of the values that it builds ([`Budget`]). A condition must not be decided by values that are absent, so an
//! evaluation records which paths were. Libraries for JSONLogic offer neither, which is why the language is
//! implemented here; its tests compare it with the reference implementation.

mod arithmetic;
mod bounds;
mod convert;
mod data;
mod evaluate;
mod failure;
mod meter;
mod number;
mod paths;
mod program;
mod reads;
mod text;
mod variables;

pub(crate) use paths::{Path, Within};

pub use bounds::{MAX_MEMORY, MAX_STEPS, MAX_VALUE_DEPTH};
pub use failure::Failure;
pub use meter::Budget;
pub use program::{MAX_BYTES, MAX_DEPTH};

use data::{Data, List};
use evaluate::Evaluation;
use meter::Meter;
use program::{Node, Operator};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Steps that a trial evaluation may take for each value in the expression. They are few, because a policy of
/// thousands of expressions is checked while its author waits.
const TRIAL_STEPS: u64 = 8;

/// A compiled expression, cheap to clone and to share between threads.
#[derive(Debug, Clone)]
pub struct Logic {
    source: Arc<Value>,
    program: Result<Arc<Node>, String>,
}

impl PartialEq for Logic {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Logic {
    /// Checks and compiles an expression.
    ///
    /// # Errors
    /// What is malformed, in words: an unknown operator, an object that is not one operator, too big, too deep.
    pub fn compile(source: &Value) -> Result<Self, String> {
        let program = Arc::new(Node::compile(source)?);
        Ok(Self { source: Arc::new(source.clone()), program: Ok(program) })
    }

    /// Reads an expression that is stored already. One that would be refused today fails whenever it is evaluated,
    /// and the rest of its policy goes on working.
    #[must_use]
    pub fn stored(source: &Value) -> Self {
        Self { source: Arc::new(source.clone()), program: Node::compile(source).map(Arc::new) }
    }

    /// Returns whether the outcome may depend on the context. If not, it is the same for every request.
    #[must_use]
    pub fn reads_context(&self) -> bool {
        self.program.as_ref().is_ok_and(|program| program.reads_data())
    }

    /// Returns every path that the expression names literally; computed paths are left out.
    pub(crate) fn paths(&self) -> BTreeSet<Path> {
        self.program.as_ref().map(|program| paths::paths(program)).unwrap_or_default()
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// A budget for a trial evaluation while a policy is checked. It depends on the size of the expression, not on
    /// how often the expression repeats a part of itself.
    #[must_use]
    pub fn trial(&self) -> Budget {
        Budget::of(TRIAL_STEPS * (1 + self.program.as_ref().map_or(0, |program| program.size())))
    }

    /// Returns whether the expression is true over `context`, as JSONLogic defines truth.
    ///
    /// # Errors
    /// The expression fails on this context.
    pub fn truthy(&self, context: &Value, budget: &Budget) -> Result<bool, Failure> {
        let mut evaluation = Evaluation::new(Data::of(context), Meter::new(budget));
        Ok(evaluation.evaluate(self.program()?)?.is_truthy())
    }

    /// Evaluates a condition: as [`Logic::truthy`], but whatever it reads must be there and not null, unless `var`
    /// has a default for it or `missing` asks for it.
    ///
    /// # Errors
    /// The expression fails on this context, or reads what the context does not have ([`Failure::Absent`]).
    pub fn holds(&self, context: &Value, budget: &Budget) -> Result<bool, Failure> {
        let program = self.program()?;
        let mut evaluation = Evaluation::new(Data::of(context), Meter::new(budget));
        let truth = evaluation.evaluate(program)?.is_truthy();
        evaluation.reads.relied_on(program).map_or(Ok(truth), |paths| Err(Failure::Absent(paths)))
    }

    /// Returns the user ids that the expression gives over `context`: a text or a list of texts; null and the empty
    /// list give nobody. The caller checks whether they can be subject ids.
    ///
    /// # Errors
    /// The expression fails on this context, or gives something else.
    pub fn users(&self, context: &Value, budget: &Budget) -> Result<Vec<String>, Failure> {
        let mut evaluation = Evaluation::new(Data::of(context), Meter::new(budget));
        match evaluation.evaluate(self.program()?)? {
            Data::Null => Ok(Vec::new()),
            Data::List(items) => users(&items, &mut evaluation.meter),
            Data::Text(one) => Ok(vec![one.to_string()]),
            _ => Err(Failure::NoUser),
        }
    }

    fn program(&self) -> Result<&Node, Failure> {
        self.program.as_deref().map_err(|why| Failure::Malformed(why.clone()))
    }
}

fn users(items: &List<'_>, meter: &mut Meter<'_>) -> Result<Vec<String>, Failure> {
    let mut users = Vec::new();
    for item in items.iter() {
        let Data::Text(user) = item else { return Err(Failure::NoUser) };
        meter.step()?;
        meter.build(user.len())?;
        users.push(user.to_string());
    }
    Ok(users)
}

/// The names of all operators.
#[must_use]
pub const fn operators() -> &'static [&'static str] {
    Operator::NAMES
}
