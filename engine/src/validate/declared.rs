//! Looks up what a `context_schema` declares about a path of the context.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most subschemas visited for one question, because a `$ref` may lead back to itself.
const MOST_SCHEMAS: usize = 10_000;
/// Deepest nesting that is followed, in levels.
const DEEPEST: usize = 64;

/// What a schema declares about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declared {
    /// Some part of the schema names it.
    pub(super) named: bool,
    /// Every valid context has it, and not as null.
    pub(super) certain: bool,
    /// No valid context has it.
    pub(super) impossible: bool,
}

impl Declared {
    const UNNAMED: Self = Self { named: false, certain: false, impossible: false };
    /// The schema was not read to the end. The path counts as declared and required, so that nothing is warned of.
    const UNKNOWN: Self = Self { named: true, certain: true, impossible: false };

    /// What holds when both schemas apply.
    const fn and(self, other: Self) -> Self {
        Self {
            named: self.named || other.named,
            certain: self.certain || other.certain,
            impossible: self.impossible || other.impossible,
        }
    }

    /// What holds when one of the schemas applies.
    const fn or(self, other: Self) -> Self {
        Self {
            named: self.named || other.named,
            certain: self.certain && other.certain,
            impossible: self.impossible && other.impossible,
        }
    }
}

/// A schema, and how many of its subschemas may still be visited.
pub(super) struct Schema<'a> {
    root: &'a Value,
    left: usize,
}

impl<'a> Schema<'a> {
    pub(super) const fn new(root: &'a Value) -> Self {
        Self { root, left: MOST_SCHEMAS }
    }

    /// Returns what the schema declares about a path. `*` stands for any item of a list.
    pub(super) fn look_up(&mut self, path: &[&str]) -> Declared {
        self.left = MOST_SCHEMAS;
        self.look(self.root, path, 0)
    }

    /// Returns the names that are declared beside the last name of a path.
    pub(super) fn names_beside(&mut self, path: &[&str]) -> BTreeSet<&'a str> {
        self.left = MOST_SCHEMAS;
        let mut names = BTreeSet::new();
        let parent = path.split_last().map_or(path, |(_, parent)| parent);
        self.names(self.root, parent, 0, &mut names);
        names
    }

    /// Counts one more visited subschema. Returns false once these are too many or nested too deep.
    const fn step(&mut self, depth: usize) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && depth < DEEPEST
    }

    fn look(&mut self, schema: &'a Value, path: &[&str], depth: usize) -> Declared {
        if !self.step(depth) {
            return Declared::UNKNOWN;
        }
        let Value::Object(keywords) = schema else {
            return match (schema, path) {
                (Value::Bool(false), _) => Declared { impossible: true, ..Declared::UNNAMED },
                (_, []) => Declared::UNKNOWN,
                _ => Declared::UNNAMED,
            };
        };
        let own = match path {
            [] => Declared { certain: !allows_null(keywords), ..Declared::UNKNOWN },
            [name, rest @ ..] => self.member(keywords, name, rest, depth),
        };
        self.applied(keywords, own, path, depth)
    }

    /// Adds what the subschemas declare that apply to the same value (`$ref`, `allOf`, `anyOf`, `oneOf`, conditions).
    fn applied(
        &mut self,
        keywords: &'a Map<String, Value>,
        own: Declared,
        path: &[&str],
        depth: usize,
    ) -> Declared {
        let mut all = own;
        if let Some(target) = self.target(keywords) {
            all = all.and(self.look(target, path, depth + 1));
        }
        for part in parts(keywords, "allOf") {
            all = all.and(self.look(part, path, depth + 1));
        }
        for keyword in ["anyOf", "oneOf"] {
            let looked: Vec<Declared> =
                parts(keywords, keyword).iter().map(|part| self.look(part, path, depth + 1)).collect();
            if let Some(choice) = looked.into_iter().reduce(Declared::or) {
                // Here the choice describes the value itself, which does not make the value certain to be there.
                all = if path.is_empty() { all } else { all.and(choice) };
            }
        }
        for branch in ["if", "then", "else"].iter().filter_map(|word| keywords.get(*word)) {
            all.named |= self.look(branch, path, depth + 1).named;
        }
        all
    }

    fn member(
        &mut self,
        keywords: &'a Map<String, Value>,
        name: &str,
        rest: &[&str],
        depth: usize,
    ) -> Declared {
        if let Some(found) = keywords.get("properties").and_then(|all| all.get(name)) {
            let below = self.look(found, rest, depth + 1);
            let required = parts(keywords, "required").iter().any(|one| one == name);
            return Declared { certain: below.certain && required, ..below };
        }
        if name == "*" || name.bytes().all(|byte| byte.is_ascii_digit()) {
            let items = keywords.get("items").or_else(|| keywords.get("prefixItems")?.get(0));
            if let Some(items) = items.filter(|items| !items.is_array()) {
                let below = self.look(items, rest, depth + 1);
                // An index may lie beyond the end of a list, whereas `*` stands only for items that exist.
                return Declared { certain: below.certain && name == "*", ..below };
            }
        }
        // The name may match a pattern, so it counts as declared and not required.
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        if patterns.is_some_and(|patterns| !patterns.is_empty()) {
            return Declared { certain: false, ..Declared::UNKNOWN };
        }
        match keywords.get("additionalProperties").or_else(|| keywords.get("unevaluatedProperties")) {
            Some(Value::Bool(false)) => Declared { impossible: true, ..Declared::UNNAMED },
            Some(other @ Value::Object(_)) => {
                Declared { certain: false, ..self.look(other, rest, depth + 1) }
            }
            _ => Declared::UNNAMED,
        }
    }

    fn names(&mut self, schema: &'a Value, path: &[&str], depth: usize, names: &mut BTreeSet<&'a str>) {
        if !self.step(depth) {
            return;
        }
        let Value::Object(keywords) = schema else { return };
        let properties = keywords.get("properties").and_then(Value::as_object);
        match path {
            [] => names.extend(properties.into_iter().flatten().map(|(name, _)| name.as_str())),
            [name, rest @ ..] => {
                let found = properties.and_then(|all| all.get(*name)).or_else(|| keywords.get("items"));
                if let Some(found) = found {
                    self.names(found, rest, depth + 1, names);
                }
            }
        }
        if let Some(target) = self.target(keywords) {
            self.names(target, path, depth + 1, names);
        }
        for part in ["allOf", "anyOf", "oneOf"].iter().flat_map(|word| parts(keywords, word)) {
            self.names(part, path, depth + 1, names);
        }
    }

    /// Returns the subschema to which a `$ref` within the schema leads.
    fn target(&self, keywords: &Map<String, Value>) -> Option<&'a Value> {
        self.root.pointer(keywords.get("$ref")?.as_str()?.strip_prefix('#')?)
    }
}

fn parts<'a>(keywords: &'a Map<String, Value>, word: &str) -> &'a [Value] {
    keywords.get(word).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn allows_null(keywords: &Map<String, Value>) -> bool {
    match keywords.get("type") {
        Some(Value::String(one)) => one == "null",
        Some(Value::Array(some)) => some.iter().any(|one| one == "null"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_is_found_wherever_a_schema_says_something_about_it() {
        let schema = json!({
            "required": ["amount", "payee", "lines", "note"],
            "properties": {
                "amount": {"type": "number"}, "district": {"type": "string"}, "note": {"type": ["string", "null"]},
                "payee": {"$ref": "#/$defs/person"},
                "lines": {"type": "array", "items": {"required": ["sum"], "properties": {"sum": {}}}},
                "labels": {"additionalProperties": {"type": "string"}},
                "odd": {"patternProperties": {"^x": true}},
            },
            "allOf": [{"required": ["by"], "properties": {"by": {"type": "string"}}}],
            "anyOf": [{"properties": {"iban": {}}, "required": ["iban"]}, {"properties": {"cash": {}}}],
            "$defs": {"person": {"required": ["id"], "additionalProperties": false,
                "properties": {"id": {"type": "string"}, "boss": {"$ref": "#/$defs/person"}}}},
        });
        let mut schema = Schema::new(&schema);
        let mut look = |path: &str| {
            let found = schema.look_up(&path.split('.').collect::<Vec<_>>());
            (found.named, found.certain, found.impossible)
        };
        for (path, expected) in [
            ("amount", (true, true, false)),
            ("district", (true, false, false)),
            ("note", (true, false, false)),
            ("amont", (false, false, false)),
            ("payee.id", (true, true, false)),
            ("payee.boss.boss.id", (true, false, false)),
            ("payee.name", (false, false, true)),
            ("lines.*.sum", (true, true, false)),
            ("lines.0.sum", (true, false, false)),
            ("lines.*.tax", (false, false, false)),
            ("labels.any", (true, false, false)),
            ("odd.xy", (true, false, false)),
            ("by", (true, true, false)),
            ("iban", (true, false, false)),
            ("cash", (true, false, false)),
        ] {
            assert_eq!(look(path), expected, "{path}");
        }
    }

    #[test]
    fn a_schema_that_leads_back_to_itself_comes_to_an_end() {
        let schema = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"properties": {"a": {"$ref": "#"}}}]});
        assert!(Schema::new(&schema).look_up(&["a", "a", "b"]).named);
        assert!(Schema::new(&schema).names_beside(&["a", "b"]).contains("a"));
    }
}
