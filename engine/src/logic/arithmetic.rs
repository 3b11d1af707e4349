//! Operators that compute with numbers or order values.

use super::Failure;
use super::convert::{compare, to_number, to_text};
use super::data::Data;
use super::meter::Meter;
use super::number::Number;
use super::program::Operator;
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, Failure>;

/// Returns whether two values are in the operator's order; for `<` and `<=` with three values, whether the middle one
/// lies between the others.
pub(super) fn is_ordered(operator: Operator, values: &[Data<'_>], meter: &mut Meter<'_>) -> Result<bool> {
    let holds = |ordering: Ordering| match operator {
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::More => ordering.is_gt(),
        _ => ordering.is_ge(),
    };
    let between = matches!(operator, Operator::Less | Operator::LessOrEqual);
    match values {
        [a, b, c, ..] if between => Ok(holds(compare(a, b, meter)?) && holds(compare(b, c, meter)?)),
        [a, b, ..] => Ok(holds(compare(a, b, meter)?)),
        _ => Err(Failure::TooFewArguments(operator.name())),
    }
}

pub(super) fn compute(operator: Operator, values: &[Data<'_>], meter: &mut Meter<'_>) -> Result<Number> {
    let few = || Failure::TooFewArguments(operator.name());
    let result = match operator {
        Operator::Add => fold(values, Number::ZERO, Number::add, meter)?,
        Operator::Multiply if values.is_empty() => return Err(few()),
        Operator::Multiply => fold(values, Number::Whole(1), Number::multiply, meter)?,
        Operator::Max | Operator::Min => return extreme(operator, values, meter)?.ok_or_else(few),
        _ => {
            let first = number(values.first().ok_or_else(few)?, meter)?;
            match (operator, values.get(1)) {
                (Operator::Subtract, None) => Number::ZERO.subtract(first),
                (_, None) => return Err(few()),
                (Operator::Subtract, Some(second)) => first.subtract(number(second, meter)?),
                (Operator::Divide, Some(second)) => first.divide(number(second, meter)?),
                (_, Some(second)) => first.remainder(number(second, meter)?),
            }
        }
    };
    result.ok_or(Failure::NoResult(operator.name()))
}

fn fold(
    values: &[Data<'_>],
    start: Number,
    combine: impl Fn(Number, Number) -> Option<Number>,
    meter: &mut Meter<'_>,
) -> Result<Option<Number>> {
    let mut result = Some(start);
    for value in values {
        let value = written_number(value, meter)?;
        result = result.and_then(|result| combine(result, value));
    }
    Ok(result)
}

fn extreme(operator: Operator, values: &[Data<'_>], meter: &mut Meter<'_>) -> Result<Option<Number>> {
    let mut best: Option<Number> = None;
    for value in values {
        let value = number(value, meter)?;
        let wins = |best: Number| match operator {
            Operator::Max => value.compare(best).is_gt(),
            _ => value.compare(best).is_lt(),
        };
        if best.is_none_or(wins) {
            best = Some(value);
        }
    }
    Ok(best)
}

fn number(value: &Data<'_>, meter: &mut Meter<'_>) -> Result<Number> {
    to_number(value, meter)?.ok_or(Failure::NotANumber(value.kind()))
}

/// Reads an operand of `+` or `*`, which take only what is written as a number: not null, booleans or the empty text.
fn written_number(value: &Data<'_>, meter: &mut Meter<'_>) -> Result<Number> {
    let parsed = match value {
        Data::Number(number) => Some(*number),
        Data::Text(text) => {
            meter.read(text.len())?;
            Number::parse(text)
        }
        Data::List(_) => Number::parse(&to_text(value, meter)?),
        Data::Null | Data::Bool(_) | Data::Object(_) => None,
    };
    parsed.ok_or(Failure::NotANumber(value.kind()))
}
