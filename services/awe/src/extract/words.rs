//! Rewrites serde's messages for people who wrote a body or a file: no message names a type of the programming language.
//! It works on text, because `serde_json` keeps of an error only its message.

use engine::similar;
use std::borrow::Cow;

/// Characters of a value that a message repeats.
const LONGEST_VALUE: usize = 100;

/// A message of serde in plain words; one that is not recognised is left as it is.
pub(super) fn plain(message: &str) -> String {
    let said = without_place(message);
    if let Some((given, expected)) = parts(said, "invalid type: ", ", expected ") {
        return match wanted(expected) {
            Some(wanted) => format!("must be {wanted}, is {}", value(given)),
            None => format!("must not be {}", value(given)),
        };
    }
    if let Some((given, expected)) = parts(said, "invalid value: ", ", expected ") {
        return match wanted(expected) {
            Some(wanted) => format!("must be {wanted}{}, is {}", range(expected), value(given)),
            None => format!("must not be {}", value(given)),
        };
    }
    for (start, what) in [("unknown field `", "field"), ("unknown variant `", "word")] {
        let named = said.strip_prefix(start).and_then(|rest| rest.split_once("`, "));
        if let Some((name, known)) = named {
            return unknown(what, name, known);
        }
    }
    if said.starts_with("invalid length ") && said.contains(", expected struct ") {
        return "must be an object, is a list".to_owned();
    }
    if said.starts_with("invalid length ") || said.starts_with("data did not match any variant") {
        return "has not the form that is needed here".to_owned();
    }
    said.to_owned()
}

/// The message without "at line ... column ..." at its end, where the path to the value says more. A syntax error has no
/// path and keeps its position.
fn without_place(message: &str) -> &str {
    let about_data = [
        "invalid ",
        "unknown ",
        "missing field",
        "duplicate field",
        "must ",
        "can be nobody's",
        "data did not",
    ];
    match message.rfind(" at line ") {
        Some(at) if about_data.iter().any(|start| message.starts_with(start)) => &message[..at],
        _ => message,
    }
}

/// The parts before and after `between`. The value may hold that text itself, so the last occurrence counts.
fn parts<'a>(message: &'a str, start: &str, between: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(start)?.rsplit_once(between)
}

fn value(given: &str) -> Cow<'static, str> {
    let (kind, rest) = given.split_once(' ').unwrap_or((given, ""));
    let shown = || {
        let short: String = rest.chars().take(LONGEST_VALUE).collect();
        if short.len() < rest.len() { format!("{short}…") } else { short }
    };
    Cow::Owned(match kind {
        "string" | "character" => format!("the text {}", shown()),
        "integer" | "floating" => {
            format!("the number {}", shown().trim_start_matches("point ").trim_matches('`'))
        }
        "boolean" => shown().trim_matches('`').to_owned(),
        "sequence" => return "a list".into(),
        "map" => return "an object".into(),
        "null" | "unit" | "Option" => return "null".into(),
        _ => return "something else".into(),
    })
}

fn wanted(expected: &str) -> Option<&str> {
    Some(match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "str" | "string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "map" => "an object",
        "map with a single key" => "an object with one key",
        _ if expected.starts_with("struct ") || expected.starts_with("enum ") => "an object",
        _ if expected.starts_with("an RFC3339") => "a time such as 2026-01-31T08:15:00Z",
        // Expectations of our own types are plain words; anything with these characters names a Rust type.
        _ if expected.contains(['`', ':', '<']) => return None,
        own => own,
    })
}

fn range(expected: &str) -> &'static str {
    match expected {
        "i32" => " from -2147483648 to 2147483647",
        "i64" => " from -9223372036854775808 to 9223372036854775807",
        "u32" => " from 0 to 4294967295",
        "u64" | "usize" => " of 0 or more",
        _ => "",
    }
}

fn unknown(what: &str, name: &str, known: &str) -> String {
    // "expected one of `a`, `b`", "expected `a` or `b`", "there are no fields".
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let all = if known.is_empty() { "there is none here".to_owned() } else { known.join(", ") };
    let name: String = name.chars().take(LONGEST_VALUE).collect();
    format!("unknown {what} `{name}`{}; known: {all}", similar::hint(&name, &known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_names_a_type_of_the_programming_language() {
        for (message, said) in [
            ("invalid type: string \"first\", expected i32", "must be a whole number, is the text \"first\""),
            (
                "invalid type: string \"a, expected b\", expected a boolean at line 1 column 7",
                "must be true or false, is the text \"a, expected b\"",
            ),
            ("invalid type: floating point `1.5`, expected i64", "must be a whole number, is the number 1.5"),
            ("invalid type: sequence, expected struct StageIn", "must be an object, is a list"),
            ("invalid type: null, expected a string", "must be a text, is null"),
            ("invalid type: boolean `true`, expected a sequence", "must be a list, is true"),
            (
                "invalid value: integer `99999999999`, expected i32",
                "must be a whole number from -2147483648 to 2147483647, is the number 99999999999",
            ),
            (
                "invalid value: map, expected map with a single key",
                "must be an object with one key, is an object",
            ),
            (
                "invalid type: integer `7`, expected an RFC3339-formatted `Option<OffsetDateTime>`",
                "must be a time such as 2026-01-31T08:15:00Z, is the number 7",
            ),
            (
                "invalid type: map, expected a policy or the name of a file",
                "must be a policy or the name of a file, is an object",
            ),
            ("invalid type: map, expected path::To<Type>", "must not be an object"),
            (
                "unknown field `reqired`, expected one of `rule_type`, `rule_value`, `kind`, `required` at line 3 column 4",
                "unknown field `reqired`; did you mean `required`?; known: rule_type, rule_value, kind, required",
            ),
            (
                "invalid length 1, expected struct PolicyCreate with 8 elements",
                "must be an object, is a list",
            ),
            ("unknown field `x`, there are no fields", "unknown field `x`; known: there is none here"),
            (
                "unknown variant `reassing`, expected one of `decide`, `reassign`",
                "unknown word `reassing`; did you mean `reassign`?; known: decide, reassign",
            ),
            (
                "data did not match any variant of untagged enum Skipped",
                "has not the form that is needed here",
            ),
            (
                "must have 1 to 200 characters, has 0 at line 1 column 2",
                "must have 1 to 200 characters, has 0",
            ),
            ("missing field `name`", "missing field `name`"),
            ("EOF while parsing a value at line 1 column 0", "EOF while parsing a value at line 1 column 0"),
        ] {
            assert_eq!(plain(message), said, "{message}");
        }
    }
}
