//! Finds numbers that a JSON parser would not keep as they are written: it keeps 64 bits, so a longer number would become
//! another one, and a decision would rest on that.

use schemas::api::Location;

/// The parser's own limit of nesting: it refuses deeper texts.
const DEEPEST: usize = 128;
/// A number without an exponent and with at most this many characters always fits.
const SURELY_KEPT: usize = 16;
/// Characters of a number that a message repeats.
const SHOWN: usize = 60;

/// A number that would not be kept as it is written.
#[derive(Debug, PartialEq)]
pub(crate) struct Inexact {
    /// The path to it, beginning with `body`.
    pub(super) loc: Vec<Location>,
    number: String,
}

impl Inexact {
    pub(crate) fn message(&self) -> String {
        format!("the number {} cannot be kept exactly: send it as a string", self.number)
    }
}

/// A list or an object that the scanner has entered and not left.
enum Level<'a> {
    /// The index of the current item.
    List(u64),
    /// The last name read, with its quotes.
    Object(&'a [u8]),
}

/// The first number of a JSON text that would not be kept. The result for a text that is no JSON means nothing; the parser
/// refuses such a text.
pub(crate) fn first_inexact(json: &[u8]) -> Option<Inexact> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                at = end_of_text(json, at);
                if let Some(Level::Object(name)) = levels.last_mut()
                    && json[at..].trim_ascii_start().first() == Some(&b':')
                {
                    *name = &json[start..at];
                }
            }
            b'[' if levels.len() < DEEPEST => levels.push(Level::List(0)),
            b'{' if levels.len() < DEEPEST => levels.push(Level::Object(b"")),
            b'[' | b'{' => return None,
            b']' | b'}' => drop(levels.pop()),
            b',' => {
                if let Some(Level::List(index)) = levels.last_mut() {
                    *index += 1;
                }
            }
            b'-' | b'0'..=b'9' => {
                let rest = json[at..].iter();
                at += rest.take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
                let number = String::from_utf8_lossy(&json[start..at]);
                if !is_kept(&number) {
                    let number = number.chars().take(SHOWN).collect();
                    return Some(Inexact { loc: way(&levels), number });
                }
            }
            _ => {}
        }
    }
    None
}

/// The position after the closing quote of a string.
fn end_of_text(json: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn way(levels: &[Level<'_>]) -> Vec<Location> {
    let step = |level: &Level<'_>| match level {
        Level::List(index) => Location::Index(*index),
        Level::Object(name) => Location::Field(serde_json::from_slice(name).unwrap_or_default()),
    };
    std::iter::once(Location::Field("body".to_owned())).chain(levels.iter().map(step)).collect()
}

fn is_kept(number: &str) -> bool {
    if number.len() <= SURELY_KEPT && !number.contains(['e', 'E']) {
        return true;
    }
    let read = serde_json::from_str::<serde_json::Number>(number);
    read.is_ok_and(|kept| Decimal::of(number) == Decimal::of(&kept.to_string()))
}

/// A number in a normal form: however it is written, the same number gives the same digits and exponent. Zero has no sign.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(number: &str) -> Self {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{}{fraction}", whole.trim_start_matches('-'));
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        // Never falls back: a number that the parser could read has a small exponent.
        let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX);
        let shift = zeros as i64 - fraction.len() as i64;
        Self { negative: mantissa.starts_with('-'), digits, exponent: exponent.saturating_add(shift) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Option<(serde_json::Value, String)> {
        let inexact = first_inexact(json.as_bytes())?;
        Some((serde_json::to_value(&inexact.loc).unwrap(), inexact.number))
    }

    #[test]
    fn a_number_that_is_not_kept_is_found_with_its_way() {
        for number in [
            "12345678901234567890123",
            "18446744073709551617",
            "-9223372036854775809",
            "9007199254740993.5",
            "1e-400",
            "1e400",
            "-1e400",
            "0.1234567890123456789012345",
            "123456789012345678901e1",
            "1e99999999999999999999",
            "1.00000000000000000000001",
            "3.141592653589793238",
            "4.9e-325",
        ] {
            let body =
                format!(r#"{{"a": "1e400", "context": {{"x, \" y": [1, {{"n": [0.5, {number}]}}]}}}}"#);
            let way = serde_json::json!(["body", "context", "x, \" y", 1, "n", 1]);
            assert_eq!(found(&body), Some((way, number.to_owned())), "{number}");
        }
    }

    #[test]
    fn a_number_that_is_kept_passes_however_it_is_written() {
        for number in [
            "0",
            "-0",
            "-0.0",
            "1.0",
            "1.50",
            "1e16",
            "1E+16",
            "10000000000000000",
            "9007199254740993",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "0.30000000000000004",
            "1e-7",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308",
            "100000000000000000000",
            "0e99999",
            "0.10000000000000000000000000",
        ] {
            assert_eq!(found(&format!(r#"{{"n": {number}}}"#)), None, "{number}");
        }
        assert_eq!(found(r#"{"12345678901234567890123": "12345678901234567890123"}"#), None);
    }

    #[test]
    fn what_is_no_json_is_left_to_the_parser() {
        for text in ["", "\"", "\"\\", "]", "}}", ",", "{\"a\"", "[1,", &"[".repeat(100_000)] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
