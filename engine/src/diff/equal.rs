//! When two values mean the same.

use crate::policy::{Mode, RuleSource};
use serde_json::{Map, Number, Value};

/// Whole numbers up to here have one floating-point value each.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The value in the one form that all values with its meaning have: `1.0` is `1`. The order of keys is none, because
/// objects are sorted.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number)),
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), canonical(v))).collect()),
        other => other.clone(),
    }
}

fn whole(number: &Number) -> Number {
    match number.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and in the range")]
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
            Number::from(float as i64)
        }
        _ => number.clone(),
    }
}

pub(super) fn optional_json(a: Option<&Value>, b: Option<&Value>) -> bool {
    a.map(canonical) == b.map(canonical)
}

/// Everybody, and 100 percent of the seats, are one rule.
pub(super) fn mode(a: Mode, b: Mode) -> bool {
    let plain = |mode| if mode == Mode::Percentage(100) { Mode::All } else { mode };
    plain(a) == plain(b)
}

/// A text that two sources share exactly when they name the same people in the same way.
pub(super) fn key_of(source: &RuleSource) -> String {
    match source {
        RuleSource::User(user) => format!("user {user}"),
        RuleSource::Expression(logic) => format!("expression {}", canonical(logic.source())),
        RuleSource::External { rule_type, value } => {
            format!("{rule_type} {}", canonical(&without_nulls(value)))
        }
    }
}

/// In the value of a rule, null counts as absent.
fn without_nulls(value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let present = map.iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.map(|(key, value)| (key.clone(), without_nulls(value))).collect::<Map<_, _>>())
}
