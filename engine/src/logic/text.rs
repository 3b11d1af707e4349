//! Operators on text, and `in`, which works on lists too.

use super::Failure;
use super::convert::{append, strictly_equal, to_number, to_text};
use super::data::{Data, Text};
use super::meter::Meter;
use super::number::Number;

type Result<T> = std::result::Result<T, Failure>;

/// Returns whether a list has this item, or a text this part. Null is part of no text.
pub(super) fn is_in(part: &Data<'_>, whole: &Data<'_>, meter: &mut Meter<'_>) -> Result<bool> {
    match whole {
        Data::List(list) => {
            for item in list.iter() {
                if strictly_equal(part, &item, meter)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Data::Text(text) if !text.is_empty() && !part.is_null() => {
            let part = to_text(part, meter)?;
            meter.read(text.len() + part.len())?;
            Ok(text.contains(&*part))
        }
        _ => Ok(false),
    }
}

/// The texts of all values, one after the other.
pub(super) fn cat<'a>(values: &[Data<'a>], meter: &mut Meter<'_>) -> Result<Data<'a>> {
    let mut whole = String::new();
    for value in values {
        append(&mut whole, value, meter)?;
    }
    meter.build(whole.len())?;
    Ok(Data::Text(Text::Built(whole.into())))
}

/// Returns `length` characters from `start` on. A negative start counts from the end; a negative length leaves out so
/// many characters at the end.
pub(super) fn substr<'a>(
    source: &Data<'a>,
    start: &Data<'a>,
    length: Option<&Data<'a>>,
    meter: &mut Meter<'_>,
) -> Result<Data<'a>> {
    if source.is_null() {
        return Err(Failure::NoText);
    }
    let source = to_text(source, meter)?;
    meter.build(source.len())?;
    let characters = source.chars().count();
    let start = place(start, characters, meter)?;
    let rest = characters - start;
    let taken = match length {
        None => rest,
        Some(length) => match whole(length, meter)? {
            length if length < 0 => rest.saturating_sub(clamped(length.saturating_neg())),
            length => clamped(length),
        },
    };
    let part: String = source.chars().skip(start).take(taken).collect();
    Ok(Data::Text(Text::Built(part.into())))
}

fn place(start: &Data<'_>, characters: usize, meter: &mut Meter<'_>) -> Result<usize> {
    Ok(match whole(start, meter)? {
        start if start < 0 => characters.saturating_sub(clamped(start.saturating_neg())),
        start => clamped(start).min(characters),
    })
}

/// Returns the number without its fraction.
#[expect(clippy::cast_possible_truncation, reason = "what is too large saturates, which is past every text")]
fn whole(value: &Data<'_>, meter: &mut Meter<'_>) -> Result<i128> {
    match to_number(value, meter)? {
        Some(Number::Whole(whole)) => Ok(whole),
        Some(Number::Other(value)) => Ok(value as i128),
        None => Err(Failure::NotANumber(value.kind())),
    }
}

fn clamped(count: i128) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
