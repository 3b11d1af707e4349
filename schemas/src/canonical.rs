//! JSON values that mean the same.

use serde_json::{Number, Value};

/// The value with each number written in one way: a whole number as such (`1e16`, `1.0`), zero without a sign. A
/// database gives numbers back written otherwise than they were sent.
#[must_use]
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, canonical(value))).collect())
        }
        other => other,
    }
}

/// Exact: every whole number of this size is told from every other.
#[expect(clippy::cast_possible_truncation, reason = "a whole number within the range of the type")]
fn canonical_number(number: Number) -> Number {
    const I64: f64 = 9_223_372_036_854_775_808.0;
    const U64: f64 = 18_446_744_073_709_551_616.0;
    let float = if number.is_f64() { number.as_f64() } else { None };
    match float.filter(|float| float.fract() == 0.0) {
        Some(whole) if (-I64..I64).contains(&whole) => Number::from(whole as i64),
        #[expect(clippy::cast_sign_loss, reason = "it is larger than zero")]
        Some(whole) if (I64..U64).contains(&whole) => Number::from(whole as u64),
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_number_is_equal_to_itself_however_it_is_written_and_to_no_other() {
        let read = |text: &str| canonical(serde_json::from_str(text).expect("JSON"));
        for (a, b) in [
            ("1e16", "10000000000000000"),
            ("1.0", "1"),
            ("-0.0", "0"),
            ("1e19", "10000000000000000000"),
            ("1e20", "100000000000000000000"),
            ("{\"a\": [1e2]}", "{\"a\": [100]}"),
        ] {
            assert_eq!(read(a), read(b));
        }
        for (a, b) in [
            ("9007199254740993", "9007199254740992.0"),
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551615", "18446744073709551616"),
            ("1", "1.0000000000000002"),
            ("0.1", "0.10000000000000002"),
        ] {
            assert_ne!(read(a), read(b));
        }
        assert_eq!(canonical(json!({"b": "1.0", "n": null})), json!({"b": "1.0", "n": null}));
    }
}
