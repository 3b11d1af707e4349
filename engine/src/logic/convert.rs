//! Conversions and comparisons between kinds of values, as in JavaScript with one exception: where JavaScript
//! computes with `NaN` the evaluation fails, because a rule that compares nonsense must not decide anything.

use super::Failure;
use super::data::{Data, List, Text};
use super::meter::Meter;
use super::number::Number;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// The value as a number; `None` when it is none. Null and the empty text are 0, as in JavaScript.
pub(super) fn to_number(value: &Data<'_>, meter: &mut Meter<'_>) -> Result<Option<Number>, Failure> {
    Ok(match value {
        Data::Null => Some(Number::ZERO),
        Data::Bool(flag) => Some(Number::Whole(i128::from(*flag))),
        Data::Number(number) => Some(*number),
        Data::Text(text) => {
            meter.read(text.len())?;
            if text.trim().is_empty() { Some(Number::ZERO) } else { Number::parse(text) }
        }
        Data::List(list) => {
            let text = join(list, meter)?;
            if text.trim().is_empty() { Some(Number::ZERO) } else { Number::parse(&text) }
        }
        Data::Object(_) => None,
    })
}

/// The value as text; a list as its items, separated by commas. An object has no text.
pub(super) fn to_text<'a>(value: &Data<'a>, meter: &mut Meter<'_>) -> Result<Text<'a>, Failure> {
    let text = match value {
        Data::Text(text) => return Ok(text.clone()),
        Data::Null => return Ok(Text::Borrowed("null")),
        Data::Bool(flag) => return Ok(Text::Borrowed(if *flag { "true" } else { "false" })),
        Data::Number(number) => number.to_text(),
        Data::List(list) => join(list, meter)?,
        Data::Object(_) => return Err(Failure::NoText),
    };
    meter.build(text.len())?;
    Ok(Text::Built(text.into()))
}

/// The items as text, separated by commas. Null becomes the empty text.
fn join(list: &List<'_>, meter: &mut Meter<'_>) -> Result<String, Failure> {
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        meter.step()?;
        if index > 0 {
            joined.push(',');
        }
        append(&mut joined, &item, meter)?;
    }
    Ok(joined)
}

/// Appends the value's text; null appends nothing.
pub(super) fn append(to: &mut String, value: &Data<'_>, meter: &mut Meter<'_>) -> Result<(), Failure> {
    let before = to.len();
    match value {
        Data::Null => {}
        Data::Bool(flag) => write!(to, "{flag}").map_err(|_| Failure::Memory)?,
        Data::Number(number) => to.push_str(&number.to_text()),
        Data::Text(text) => {
            meter.build(text.len())?;
            to.push_str(text);
            return Ok(());
        }
        Data::List(list) => to.push_str(&join(list, meter)?),
        Data::Object(_) => return Err(Failure::NoText),
    }
    meter.build(to.len() - before)
}

/// Returns whether two values are equal and of the same kind. Lists and objects are compared by their content.
pub(super) fn strictly_equal(a: &Data<'_>, b: &Data<'_>, meter: &mut Meter<'_>) -> Result<bool, Failure> {
    meter.step()?;
    match (a, b) {
        (Data::Null, Data::Null) => Ok(true),
        (Data::Bool(a), Data::Bool(b)) => Ok(a == b),
        (Data::Number(a), Data::Number(b)) => Ok(a == b),
        (Data::Text(a), Data::Text(b)) => same_text(a, b, meter),
        (Data::List(a), Data::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !strictly_equal(&a, &b, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Data::Object(a), Data::Object(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (name, value) in *a {
                meter.read(name.len())?;
                let other = b.get(name).map(Data::of);
                if !matches!(other, Some(other) if strictly_equal(&Data::of(value), &other, meter)?) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Returns whether two values are equal after conversion to one kind. Null equals only null.
pub(super) fn loosely_equal(a: &Data<'_>, b: &Data<'_>, meter: &mut Meter<'_>) -> Result<bool, Failure> {
    match (a, b) {
        (Data::Null | Data::Object(_), _) | (_, Data::Null | Data::Object(_)) => strictly_equal(a, b, meter),
        (Data::List(_), Data::List(_)) | (Data::Text(_), Data::Text(_)) => strictly_equal(a, b, meter),
        (Data::List(list), Data::Text(text)) | (Data::Text(text), Data::List(list)) => {
            same_text(&join(list, meter)?, text, meter)
        }
        _ => Ok(match (to_number(a, meter)?, to_number(b, meter)?) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }),
    }
}

fn same_text(a: &str, b: &str, meter: &mut Meter<'_>) -> Result<bool, Failure> {
    if a.len() != b.len() {
        return Ok(false);
    }
    meter.read(a.len())?;
    Ok(a == b)
}

/// Orders texts and lists by the characters of their text, and any other two values as numbers.
pub(super) fn compare(a: &Data<'_>, b: &Data<'_>, meter: &mut Meter<'_>) -> Result<Ordering, Failure> {
    let is_textual = |value: &Data<'_>| matches!(value, Data::Text(_) | Data::List(_));
    if is_textual(a) && is_textual(b) {
        let (a, b) = (to_text(a, meter)?, to_text(b, meter)?);
        meter.read(a.len().min(b.len()))?;
        return Ok(a.cmp(&b));
    }
    match (to_number(a, meter)?, to_number(b, meter)?) {
        (Some(a), Some(b)) => Ok(a.compare(b)),
        _ => Err(Failure::NotComparable(a.kind(), b.kind())),
    }
}
