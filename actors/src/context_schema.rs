//! The JSON Schema that a policy may demand of the contexts of its requests. The only place that speaks
//! `jsonschema`; nothing is ever fetched for one.
//!
//! A validation cannot be interrupted, so what it will cost is counted first ([`cost`]), and the costly ones are done
//! away from the threads that answer everybody ([`Validations`]).

mod cost;
mod parts;
mod places;
mod probe;
mod validations;

pub(crate) use validations::Validations;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location as Pointer;
use jsonschema::{PatternOptions, ValidationError, Validator};
use schemas::api::{Location, ValidationDetail};
use serde_json::Value;

/// Longest schema accepted, in bytes of JSON.
const MAX_BYTES: usize = 256 * 1024;
/// Most memory that a compiled pattern may take, in bytes.
const MAX_PATTERN: usize = 1024 * 1024;
/// Most patterns of a schema: each is compiled, whether it is ever used or not.
const MOST_PATTERNS: usize = 100;
/// Most faults told about one context.
const MAX_FAULTS: usize = 50;
/// Longest message about one fault, in characters.
const MAX_MESSAGE: usize = 300;

/// Faults are explained one by one only where looking for them all costs no more visits than this: each takes memory.
const EXPLAINED: u64 = 20_000;

/// A checked schema, compiled once.
#[derive(Debug)]
pub struct ContextSchema {
    validator: Validator,
    source: Value,
}

impl ContextSchema {
    /// Checks and compiles what is written now. A `$ref` may lead to another place of the schema or to a published meta-schema.
    ///
    /// # Errors
    /// Says in words why it is no valid schema.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        if patterns(schema) > MOST_PATTERNS {
            return Err(format!("the schema has more than {MOST_PATTERNS} patterns"));
        }
        Self::stored(schema)
    }

    /// Compiles what is stored: it goes on although it has more patterns than may be written now.
    ///
    /// # Errors
    /// As [`ContextSchema::compile`].
    pub(crate) fn stored(schema: &Value) -> Result<Self, String> {
        if schema.to_string().len() > MAX_BYTES {
            return Err(format!("the schema is longer than {MAX_BYTES} bytes"));
        }
        // Linear patterns: whoever writes a context must not be able to make one run for ever.
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        let options =
            jsonschema::options().offline().should_validate_formats(true).with_pattern_options(patterns);
        let validator = options.build(schema).map_err(|fault| refusal(&fault))?;
        Ok(Self { validator, source: schema.clone() })
    }

    /// Whether a context keeps it.
    ///
    /// # Errors
    /// Every fault (at most 50), each with its way from the request's body on.
    pub fn check(&self, context: &Value) -> Result<(), Vec<ValidationDetail>> {
        let Some(cost) = self.cost(context) else { return Err(vec![about_context(TOO_COSTLY)]) };
        if self.validator.is_valid(context) {
            return Ok(());
        }
        if cost > EXPLAINED {
            return Err(vec![about_context("does not keep the policy's context_schema")]);
        }
        let faults = self.validator.iter_errors(context).take(MAX_FAULTS);
        Err(faults.map(|fault| detail(&fault, context)).collect())
    }

    /// How many visits validating a context needs at most; `None` when these are too many.
    fn cost(&self, context: &Value) -> Option<u64> {
        cost::of(&self.source, context).ok()
    }

    /// What its author should look at, if anything.
    #[must_use]
    pub fn advise(&self) -> Option<String> {
        probe::contexts(&self.source).iter().any(|context| self.cost(context).is_none()).then(|| {
            "takes too many steps on contexts that are nested deeply, which are refused then: it leads back to itself \
             in more than one way"
                .to_owned()
        })
    }
}

const TOO_COSTLY: &str = "takes too many steps to compare with the policy's context_schema: nest it less deeply, \
                          make it smaller, or have the schema changed";

fn about_context(message: &str) -> ValidationDetail {
    let loc = vec![Location::Field("body".to_owned()), Location::Field("context".to_owned())];
    ValidationDetail { loc, msg: message.to_owned(), kind: "value_error".to_owned() }
}

fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Array(items) => items.iter().map(patterns).sum(),
        Value::Object(keywords) => {
            let own = usize::from(keywords.get("pattern").is_some_and(Value::is_string));
            let by_name =
                keywords.get("patternProperties").and_then(Value::as_object).map_or(0, |map| map.len());
            own + by_name + keywords.values().map(patterns).sum::<usize>()
        }
        _ => 0,
    }
}

fn refusal(fault: &ValidationError<'_>) -> String {
    match fault.kind() {
        ValidationErrorKind::Referencing(cause) => {
            format!("{cause}: a `$ref` must lead to a place inside this schema, nothing is fetched")
        }
        _ => format!("is no valid JSON Schema, at `{}`: {}", fault.instance_path(), shortened(fault)),
    }
}

fn shortened(fault: &ValidationError<'_>) -> String {
    fault.masked().to_string().chars().take(MAX_MESSAGE).collect()
}

fn detail(fault: &ValidationError<'_>, context: &Value) -> ValidationDetail {
    let mut loc = vec![Location::Field("body".to_owned()), Location::Field("context".to_owned())];
    loc.extend(way(fault.instance_path(), context));
    let (named, kind) = match fault.kind() {
        ValidationErrorKind::Required { property } => (property.as_str(), "missing"),
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            (unexpected.first().map(String::as_str), "extra_forbidden")
        }
        _ => (None, "value_error"),
    };
    loc.extend(named.map(|name| Location::Field(name.to_owned())));
    ValidationDetail { loc, msg: shortened(fault), kind: kind.to_owned() }
}

/// A pointer does not tell the name `"0"` from the index 0; the context does.
fn way(pointer: &Pointer, context: &Value) -> Vec<Location> {
    let mut at = Some(context);
    let step = |segment: jsonschema::paths::LocationSegment<'_>| {
        let name = segment.to_string();
        match (at, name.parse::<u64>()) {
            (Some(Value::Array(items)), Ok(index)) => {
                at = usize::try_from(index).ok().and_then(|index| items.get(index));
                Location::Index(index)
            }
            (value, _) => {
                at = value.and_then(|value| value.get(&name));
                Location::Field(name)
            }
        }
    };
    pointer.iter().map(step).collect()
}

#[cfg(test)]
mod tests;
