//! The JSON Schema that a policy may demand of the contexts of its requests. The only place that speaks
//! `jsonschema`; nothing is ever fetched for one.

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location as Pointer;
use jsonschema::{PatternOptions, ValidationError, Validator};
use schemas::api::{Location, ValidationDetail};
use serde_json::Value;

/// Longest schema accepted, in bytes of JSON.
const MAX_BYTES: usize = 256 * 1024;
/// Most memory that a compiled pattern may take, in bytes.
const MAX_PATTERN: usize = 1024 * 1024;
/// Most faults told about one context.
const MAX_FAULTS: usize = 50;
/// Longest message about one fault, in characters.
const MAX_MESSAGE: usize = 300;

/// A checked schema, compiled once.
#[derive(Debug)]
pub struct ContextSchema(Validator);

impl ContextSchema {
    /// Checks and compiles. A `$ref` may lead to another place of the schema or to a published meta-schema.
    ///
    /// # Errors
    /// Says in words why it is no valid schema.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        if schema.to_string().len() > MAX_BYTES {
            return Err(format!("the schema is longer than {MAX_BYTES} bytes"));
        }
        // Linear patterns: whoever writes a context must not be able to make one run for ever.
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        let options =
            jsonschema::options().offline().should_validate_formats(true).with_pattern_options(patterns);
        options.build(schema).map(Self).map_err(|fault| refusal(&fault))
    }

    /// Whether a context keeps it.
    ///
    /// # Errors
    /// Every fault (at most 50), each with its way from the request's body on.
    pub fn check(&self, context: &Value) -> Result<(), Vec<ValidationDetail>> {
        if self.0.is_valid(context) {
            return Ok(());
        }
        let faults = self.0.iter_errors(context).take(MAX_FAULTS);
        Err(faults.map(|fault| detail(&fault, context)).collect())
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
