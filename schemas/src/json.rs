//! JSON as it is kept and passed on: as text where nobody looks into it, and never larger than was agreed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::io;
use std::sync::Arc;

/// A JSON value as its text, shared: it costs its length once, however many answers repeat it. A parsed value of many
/// small parts takes twenty times as much.
#[derive(Debug, Clone)]
pub struct RawJson(Arc<RawValue>);

impl RawJson {
    /// Writes a value down.
    ///
    /// # Errors
    /// The value is none that JSON can express, for example a map whose keys are no strings.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(|raw| Self(raw.into()))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// As `serde_json` passes text through unread.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.0
    }
}

/// Equal to the letter.
impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(from)?.into()))
    }
}

/// How large a JSON value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of its text without white space, in bytes of UTF-8.
    pub bytes: usize,
    /// Values in it, itself and those within arrays and objects.
    pub values: usize,
    /// Levels: 1 for a value without others in it.
    pub depth: usize,
}

/// What policies may hold in one place: an expression, the value of a rule, a JSON Schema.
pub const POLICY: Bounds = Bounds { bytes: 64 * 1024, values: 5_000, depth: 32 };

impl Bounds {
    /// Whether a value keeps them.
    ///
    /// # Errors
    /// Which one it does not, in words for people.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let (mut values, mut level) = (0, vec![value]);
        let mut depth = 0;
        // Level by level, so that a deep value needs no deep stack.
        while !level.is_empty() {
            depth += 1;
            values += level.len();
            if depth > self.depth {
                return Err(format!("must have at most {} levels", self.depth));
            }
            if values > self.values {
                return Err(format!("must have at most {} JSON values", self.values));
            }
            level = level.into_iter().flat_map(children).collect();
        }
        let bytes = length(value);
        if bytes > self.bytes {
            return Err(format!("must have at most {} bytes as JSON, has {bytes}", self.bytes));
        }
        Ok(())
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// Bytes of a value's text, without writing it.
fn length(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A value has string keys and a counter takes everything: nothing can fail.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SMALL: Bounds = Bounds { bytes: 20, values: 4, depth: 3 };

    #[test]
    fn a_value_within_its_bounds_passes_and_the_bound_that_is_broken_is_named() {
        for good in [json!(null), json!([1, [2]]), json!({"a": {"b": 1}}), json!("x".repeat(18))] {
            SMALL.check(&good).unwrap();
        }
        for (bad, word) in [
            (json!([1, 2, 3, 4]), "4 JSON values"),
            (json!([[[[]]]]), "3 levels"),
            (json!("x".repeat(19)), "20 bytes"),
            (json!({"a": "xxxxxxxxxxxxxxxxxxx"}), "20 bytes"),
        ] {
            let why = SMALL.check(&bad).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn a_text_passes_through_unread() {
        let text = r#"{"n":[1.50,{"b":1,"a":2}]}"#;
        let raw: RawJson = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&raw).unwrap(), text);
        assert_eq!(serde_json::to_value(&raw).unwrap(), json!({"n": [1.5, {"a": 2, "b": 1}]}));
        let read: RawJson = serde_json::from_value(json!({"a": 1})).unwrap();
        assert_eq!(read, RawJson::of(&json!({"a": 1})).unwrap());
    }
}
