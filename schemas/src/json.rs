//! JSON as it is stored and passed on: as text where nobody reads it, and within bounds.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};
use serde_json::value::RawValue;
use std::io;
use std::sync::Arc;

/// A JSON value as its text, shared, so that its length is paid for once, however many answers repeat it. A parsed
/// value with many small parts takes twenty times as much memory.
#[derive(Debug, Clone)]
pub struct RawJson(Arc<RawValue>);

impl RawJson {
    /// Serializes a value.
    ///
    /// # Errors
    /// JSON cannot express the value, for example a map whose keys are no strings.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(|raw| Self(raw.into()))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The text in the type that `serde_json` passes through unread.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.0
    }
}

/// Two values are equal when their texts are, byte for byte.
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
    /// Most bytes of its text in UTF-8, without white space.
    pub bytes: usize,
    /// Most values in it, counting itself and those within arrays and objects.
    pub values: usize,
    /// Most levels. A value without others in it has 1.
    pub depth: usize,
}

/// The bounds of each JSON value in a policy: an expression, the value of a rule, a JSON Schema.
pub const POLICY: Bounds = Bounds { bytes: 64 * 1024, values: 5_000, depth: 32 };

impl Bounds {
    /// Checks a value against the bounds.
    ///
    /// # Errors
    /// The bound that it exceeds, in words for people.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let (mut values, mut level) = (0, vec![value]);
        let mut depth = 0;
        // Level by level instead of recursively, so that a deep value cannot overflow the stack.
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

/// Writes a value so that equal values give equal text, also after a database has stored them in its own form: names
/// are sorted by code point, there is no white space, and whole numbers are written plainly (`1e16`, `1.0` and `-0.0`
/// too).
///
/// # Errors
/// Those of the writer.
pub fn write_canonical(value: &Value, to: &mut impl io::Write) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(to, Canonical))
}

/// Writes whole numbers of up to 64 bits with all their digits.
struct Canonical;

impl Formatter for Canonical {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range of the type")]
    fn write_f64<W: io::Write + ?Sized>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        const I64: f64 = 9_223_372_036_854_775_808.0;
        const U64: f64 = 18_446_744_073_709_551_616.0;
        match value {
            whole if whole.fract() == 0.0 && (-I64..I64).contains(&whole) => self.write_i64(to, whole as i64),
            #[expect(clippy::cast_sign_loss, reason = "it is larger than zero")]
            whole if whole.fract() == 0.0 && (I64..U64).contains(&whole) => self.write_u64(to, whole as u64),
            other => CompactFormatter.write_f64(to, other),
        }
    }
}

/// Returns the number of bytes of a value's text, without keeping the text.
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
    // Writing cannot fail: a value has string keys, and the counter accepts every byte.
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

    fn canonical(text: &str) -> String {
        let mut written = Vec::new();
        write_canonical(&serde_json::from_str(text).unwrap(), &mut written).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn one_number_is_written_in_one_way_and_no_other_as_it_is() {
        for (a, b) in [
            ("1e16", "10000000000000000"),
            ("1.0", "1"),
            ("-0.0", "0"),
            ("1e19", "10000000000000000000"),
            ("1e20", "100000000000000000000"),
            (r#"{"b": 1.5, "a": [1e2]}"#, r#"{"a":[100],"b":1.5}"#),
        ] {
            assert_eq!(canonical(a), canonical(b));
        }
        for (a, b) in [
            ("9007199254740993", "9007199254740992.0"),
            ("9007199254740993", "9007199254740992"),
            ("1", "1.0000000000000002"),
            ("0.1", "0.10000000000000002"),
            (r#""1""#, "1"),
        ] {
            assert_ne!(canonical(a), canonical(b));
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
