//! Sample contexts with deep nesting, to find out whether a schema becomes expensive where a context is nested.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The depth that a context may have.
const DEPTH: usize = 32;
/// Most member names tried.
const MOST_NAMES: usize = 50;

/// Nested lists, and for each member name of the schema nested objects, with and without lists between them.
pub(super) fn contexts(schema: &Value) -> Vec<Value> {
    let mut names = BTreeSet::new();
    collect(schema, &mut names);
    // Stands for any name that the schema does not know.
    let names = names.into_iter().take(MOST_NAMES).chain(["x"]);
    let nested = names.flat_map(|name| {
        let objects = (0..DEPTH).fold(json!({}), |inner, _| json!({name: inner}));
        let lists_too = (0..DEPTH / 2).fold(json!({}), |inner, _| json!({name: [inner]}));
        [json!({name: lists_in_lists()}), objects, lists_too]
    });
    nested.collect()
}

fn lists_in_lists() -> Value {
    (1..DEPTH).fold(json!([]), |inner, _| json!([inner]))
}

fn collect<'a>(schema: &'a Value, names: &mut BTreeSet<&'a str>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(keywords) => {
            if let Some(Value::Object(properties)) = keywords.get("properties") {
                names.extend(properties.keys().map(String::as_str));
            }
            keywords.values().for_each(|inner| collect(inner, names));
        }
        _ => {}
    }
}
