//! An example of every answer that is no error, put together from the examples of its fields.

use super::facts;
use serde_json::{Map, Value, json};
use utoipa::openapi::{OpenApi, RefOr, Response};

const MOMENT: &str = "2026-01-31T08:15:00Z";
const ID: &str = "0199c1f2-7d00-7a10-8b01-000000000001";
/// Objects inside of objects; the deepest answer has six.
const DEEPEST: usize = 16;

/// What answers consist of, as the document says it.
pub(super) struct Answers {
    schemas: Value,
}

impl Answers {
    pub(super) fn new(document: &OpenApi) -> Self {
        let schemas = document.components.as_ref().map(|components| &components.schemas);
        Self { schemas: serde_json::to_value(schemas).unwrap_or_default() }
    }

    /// Adds an example to each kind of content of an operation's answer.
    pub(super) fn describe(&self, operation: &str, answer: &mut Response) {
        for (kind, content) in &mut answer.content {
            let RefOr::T(content) = content else { continue };
            if content.example.is_some() || !content.examples.is_empty() {
                continue;
            }
            let schema = serde_json::to_value(&content.schema).unwrap_or_default();
            content.example = Some(match kind.as_str() {
                "text/plain" => json!("AWE__SERVER__PORT=8080\n"),
                "application/yaml" => json!("server:\n  port: 8080\n"),
                // A schema that takes anything says nothing.
                _ if schema.as_object().is_none_or(Map::is_empty) => json!({"server": {"port": 8080}}),
                _ => merged(self.example(&schema, 0), facts::of(operation)),
            });
        }
    }

    fn example(&self, schema: &Value, depth: usize) -> Value {
        if let Some(said) = said(schema) {
            return said;
        }
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return merged(self.example(&self.schemas[name], depth + 1), facts::of(name));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().fold(self.members(schema, depth), |known, part| {
                merged(known, self.example(part, depth + 1))
            });
        }
        let choices = [&schema["oneOf"], &schema["anyOf"]];
        if let Some(choices) = choices.into_iter().find_map(Value::as_array) {
            let chosen = choices.iter().find(|choice| choice["type"] != "null");
            return chosen.map_or(Value::Null, |choice| self.example(choice, depth + 1));
        }
        match kind(schema) {
            "object" => self.members(schema, depth),
            "array" => json!([self.example(&schema["items"], depth + 1)]),
            "boolean" => json!(false),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "string" => match schema["format"].as_str() {
                Some("uuid") => json!(ID),
                Some("date-time") => json!(MOMENT),
                _ => json!("text"),
            },
            // May be null, or be anything.
            _ => Value::Null,
        }
    }

    fn members(&self, schema: &Value, depth: usize) -> Value {
        let fields = schema["properties"].as_object().into_iter().flatten();
        Value::Object(fields.map(|(name, field)| (name.clone(), self.example(field, depth + 1))).collect())
    }
}

/// The example that the schema has itself, or the only value, or the first, that it allows.
fn said(schema: &Value) -> Option<Value> {
    let listed = ["examples", "enum"].into_iter().find_map(|word| schema[word].as_array()?.first());
    [schema.get("example"), schema.get("const"), schema.get("default"), listed]
        .into_iter()
        .flatten()
        .next()
        .cloned()
}

/// The type; nothing of a schema that also takes null.
fn kind(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or_default()
}

/// Two objects as one; `more` wins. What is no object stays as it is.
fn merged(known: Value, more: Value) -> Value {
    match (known, more) {
        (Value::Object(known), Value::Object(more)) => {
            Value::Object(known.into_iter().chain(more).collect::<Map<_, _>>())
        }
        (known, _) => known,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn every_answer_has_an_example_that_keeps_its_schema() {
        let document = serde_json::to_value(super::super::super::openapi()).expect("the document is JSON");
        let mut answers = 0;
        for item in document["paths"].as_object().expect("paths").values() {
            for operation in item.as_object().expect("methods").values() {
                let id = operation["operationId"].as_str().expect("an id");
                for (status, answer) in operation["responses"].as_object().expect("answers") {
                    let kinds = answer["content"].as_object().into_iter().flatten();
                    for (kind, content) in kinds.filter(|_| status.starts_with('2')) {
                        let place = format!("{status} of {id}, {kind}");
                        keeps(&document, content, &place);
                        answers += 1;
                    }
                }
            }
        }
        assert!(answers > 50, "only {answers} answers were found");
    }

    fn keeps(document: &Value, content: &Value, place: &str) {
        let example = content.get("example").unwrap_or_else(|| panic!("{place} has no example"));
        assert!(!example.is_null(), "the example of {place} says nothing");
        let mut schema = content["schema"].clone();
        schema["components"] = document["components"].clone();
        let judge = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        let faults: Vec<_> =
            judge.iter_errors(example).map(|one| format!("{}: {one}", one.instance_path())).collect();
        assert!(faults.is_empty(), "{place}: {faults:?}");
        no_filler(example, place);
    }

    /// A text that no field says an example of would be shown as "text".
    fn no_filler(example: &Value, place: &str) {
        match example {
            Value::String(text) => assert_ne!(text, "text", "a field of {place} has no example"),
            Value::Array(items) => items.iter().for_each(|item| no_filler(item, place)),
            Value::Object(map) => map.values().for_each(|item| no_filler(item, place)),
            _ => {}
        }
    }
}
