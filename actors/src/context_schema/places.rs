//! Where a `$ref` may lead inside a schema.

use super::parts::{TooCostly, items, members};
use serde_json::Value;
use std::collections::HashMap;

/// Most places that one reference may lead to, as far as can be told without resolving URIs.
const MOST_CANDIDATES: usize = 20;
const META_SCHEMAS: [&str; 2] = ["http://json-schema.org/", "https://json-schema.org/"];

/// Subschemas by name. Which of several places of one name is meant depends on URIs that are not resolved here: all
/// of them are given, so that a count over them is a bound.
pub(super) struct Places<'a> {
    /// The schema itself, and subschemas with an id of their own.
    resources: Vec<&'a Value>,
    /// By the last part of their id.
    by_id: HashMap<&'a str, Vec<&'a Value>>,
    by_anchor: HashMap<&'a str, Vec<&'a Value>>,
}

pub(super) enum Target<'a> {
    Here(Vec<&'a Value>),
    /// A published meta-schema.
    MetaSchema,
}

impl<'a> Places<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        let mut places = Self { resources: vec![schema], by_id: HashMap::new(), by_anchor: HashMap::new() };
        places.collect(schema);
        places
    }

    fn collect(&mut self, schema: &'a Value) {
        let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
        for id in ["$id", "id"].into_iter().filter_map(text) {
            match id.split_once('#') {
                Some((_, anchor)) if !anchor.is_empty() => {
                    self.by_anchor.entry(anchor).or_default().push(schema);
                }
                _ => {
                    self.resources.push(schema);
                    self.by_id.entry(last_part(id)).or_default().push(schema);
                }
            }
        }
        for anchor in ["$anchor", "$dynamicAnchor"].into_iter().filter_map(text) {
            self.by_anchor.entry(anchor).or_default().push(schema);
        }
        members(schema).chain(items(schema)).for_each(|inner| self.collect(inner));
    }

    /// Everywhere a reference may lead.
    pub(super) fn find(&self, reference: &Value) -> Result<Target<'a>, TooCostly> {
        let reference = reference.as_str().unwrap_or_default();
        if META_SCHEMAS.iter().any(|start| reference.starts_with(start)) {
            return Ok(Target::MetaSchema);
        }
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let bases = match base {
            "" => self.resources.clone(),
            base => self.by_id.get(last_part(base)).cloned().unwrap_or_default(),
        };
        let found: Vec<&Value> = if fragment.is_empty() {
            bases
        } else if fragment.starts_with('/') {
            let pointer = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
            bases.into_iter().filter_map(|base| base.pointer(&pointer)).collect()
        } else {
            self.by_anchor.get(fragment).cloned().unwrap_or_default()
        };
        // One that cannot be followed cannot be counted.
        if found.is_empty() || found.len() > MOST_CANDIDATES {
            Err(TooCostly)
        } else {
            Ok(Target::Here(found))
        }
    }
}

fn last_part(id: &str) -> &str {
    let id = id.split_once('#').map_or(id, |(base, _)| base);
    id.rsplit(['/', ':']).next().unwrap_or(id)
}
