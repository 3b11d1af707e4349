//! What a validation costs, counted before it is begun: a validation cannot be interrupted, and a small schema can
//! make it visit a small context more often than there are atoms.
//!
//! Each pair of a subschema and a part of the context is counted once and remembered, so counting is cheap where
//! validating would not be. What keywords do is told generously: the count is a bound, not a forecast.

use super::parts::{TooCostly, items, members};
use super::places::{Places, Target};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Most visits that a validation may need.
pub(super) const MOST: u64 = 2_000_000;
/// Most pairs of a subschema and a part of the context.
const MOST_PAIRS: usize = 200_000;
/// Deepest chain of subschemas within subschemas: a validation recurses.
const DEEPEST: usize = 200;
/// Bytes of text that cost as much as one visit.
const BYTES_A_VISIT: u64 = 16;
/// What a published meta-schema asks of each value, about.
const META_SCHEMA: u64 = 100;

/// Stands for the name of a member, whatever it is.
static NAME: Value = Value::String(String::new());

type Cost = Result<u64, TooCostly>;

/// How many visits validating `context` needs at most.
pub(super) fn of(schema: &Value, context: &Value) -> Cost {
    Counter { places: Places::of(schema), known: HashMap::new() }.visit(schema, context, 0)
}

struct Counter<'a> {
    places: Places<'a>,
    /// What is known of each pair, by address; `None` while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<u64>>,
}

impl<'a> Counter<'a> {
    fn visit(&mut self, schema: &'a Value, value: &'a Value, depth: usize) -> Cost {
        let Value::Object(keywords) = schema else { return Ok(1) };
        let pair = (std::ptr::from_ref(schema), std::ptr::from_ref(value));
        match self.known.get(&pair) {
            Some(Some(cost)) => return Ok(*cost),
            // It leads back to itself without going on in the context. The validator stops there, yet what it does
            // until then depends on the way it came, unless there was only one way to go.
            Some(None) => return if is_alias(keywords) { Ok(1) } else { Err(TooCostly) },
            None if depth == DEEPEST || self.known.len() == MOST_PAIRS => return Err(TooCostly),
            None => self.known.insert(pair, None),
        };
        let mut cost = 1;
        for (keyword, argument) in keywords {
            add(&mut cost, self.keyword(keyword, argument, value, depth + 1)?)?;
        }
        // Which members are evaluated already is found out once more for each of them.
        if keywords.keys().any(|keyword| keyword.starts_with("unevaluated")) {
            cost = bounded(cost.saturating_mul(2 + count(value)))?;
        }
        self.known.insert(pair, Some(cost));
        Ok(cost)
    }

    fn keyword(&mut self, keyword: &str, argument: &'a Value, value: &'a Value, depth: usize) -> Cost {
        match keyword {
            "$ref" | "$dynamicRef" | "$recursiveRef" => match self.places.find(argument)? {
                Target::Here(schemas) => self.each(schemas, [value], depth),
                Target::MetaSchema => bounded(size(value).saturating_mul(META_SCHEMA)),
            },
            "not" | "if" | "then" | "else" => self.visit(argument, value, depth),
            "allOf" | "anyOf" | "oneOf" => self.each(items(argument), [value], depth),
            "dependentSchemas" | "dependencies" => self.each(members(argument), [value], depth),
            "properties" => self.properties(argument, value, depth),
            "patternProperties" => {
                let subschemas = members(argument).collect::<Vec<_>>();
                let matching = (subschemas.len() as u64).saturating_mul(text(value));
                Ok(self.each(subschemas, members(value), depth)?.saturating_add(matching))
            }
            "additionalProperties" | "unevaluatedProperties" => self.each([argument], members(value), depth),
            "propertyNames" => {
                let names = self.visit(argument, &NAME, depth)?.saturating_mul(count(value));
                bounded(names.saturating_add(text(value)))
            }
            "prefixItems" | "items" if argument.is_array() => {
                let mut cost = 1;
                for (subschema, item) in items(argument).zip(items(value)) {
                    add(&mut cost, self.visit(subschema, item, depth)?)?;
                }
                Ok(cost)
            }
            "items" | "additionalItems" | "unevaluatedItems" | "contains" => {
                self.each([argument], items(value), depth)
            }
            "enum" => Ok(count(argument).saturating_add(text(value))),
            "const" | "uniqueItems" => Ok(size(value)),
            "required" | "dependentRequired" => Ok(1 + count(argument)),
            "pattern" | "format" => Ok(1 + text(value)),
            "multipleOf" => Ok(division(argument, value)),
            _ => Ok(1),
        }
    }

    fn properties(&mut self, argument: &'a Value, value: &'a Value, depth: usize) -> Cost {
        let (Value::Object(subschemas), Value::Object(found)) = (argument, value) else { return Ok(1) };
        let mut cost = 1;
        for (name, subschema) in subschemas {
            let member = found.get(name);
            add(&mut cost, member.map_or(Ok(1), |member| self.visit(subschema, member, depth))?)?;
        }
        Ok(cost)
    }

    fn each(
        &mut self,
        schemas: impl IntoIterator<Item = &'a Value>,
        values: impl IntoIterator<Item = &'a Value> + Clone,
        depth: usize,
    ) -> Cost {
        let mut cost = 1;
        for schema in schemas {
            for value in values.clone() {
                add(&mut cost, self.visit(schema, value, depth)?)?;
            }
        }
        Ok(cost)
    }
}

/// It says nothing but where to look.
fn is_alias(keywords: &Map<String, Value>) -> bool {
    const SILENT: &[&str] =
        &["$ref", "$defs", "definitions", "$id", "$schema", "$comment", "title", "description"];
    keywords.keys().all(|keyword| SILENT.contains(&keyword.as_str()))
}

fn bounded(cost: u64) -> Cost {
    if cost > MOST { Err(TooCostly) } else { Ok(cost) }
}

fn add(cost: &mut u64, more: u64) -> Result<(), TooCostly> {
    *cost = bounded(cost.saturating_add(more))?;
    Ok(())
}

/// How many members or items it has.
fn count(value: &Value) -> u64 {
    (value.as_object().map_or(0, Map::len) + value.as_array().map_or(0, Vec::len)) as u64
}

/// How many values it is made of, long texts counting for several.
fn size(value: &Value) -> u64 {
    1 + text(value) + members(value).chain(items(value)).map(size).sum::<u64>()
}

/// The text of a string, or of the names of an object.
fn text(value: &Value) -> u64 {
    let bytes = match value {
        Value::String(text) => text.len(),
        Value::Object(members) => members.keys().map(String::len).sum(),
        _ => 0,
    };
    bytes as u64 / BYTES_A_VISIT
}

/// What dividing by a fraction takes: it is done exactly, with as many digits as there are.
fn division(divisor: &Value, value: &Value) -> u64 {
    const LARGE: f64 = 1e15;
    let whole = divisor.is_i64() || divisor.is_u64();
    match value.as_f64() {
        Some(number) if !whole && number.abs() > LARGE => 1_000,
        Some(_) if !whole => 20,
        _ => 1,
    }
}
