//! Suggestions for misspelt words.

/// Longest word that is compared, in bytes. A longer one is no misspelling of a word that we know.
const LONGEST: usize = 100;

/// The known word that a misspelt one was probably meant to be.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().filter_map(|other| Some((distance(word, other)?, other)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// Returns the number of typing errors between two words; `None` when they are equal or too different.
fn distance(word: &str, other: &str) -> Option<usize> {
    if word == other || word.len() > LONGEST || other.len() > LONGEST {
        return None;
    }
    let plain = |word: &str| word.to_lowercase().replace(['_', '-', ' '], "");
    let (word, other) = (plain(word), plain(other));
    if word == other {
        return Some(0);
    }
    let without_digits = |word: &str| word.replace(|c: char| c.is_ascii_digit(), "");
    // `line1` and `line2` are two names, not one misspelt.
    if without_digits(&word) == without_digits(&other) {
        return None;
    }
    let shorter = word.chars().count().min(other.chars().count());
    let allowed = match shorter {
        0..3 => 0,
        3..7 => 1,
        _ => 2,
    };
    let slips = strsim::osa_distance(&word, &other);
    (slips <= allowed).then_some(slips)
}

/// The message about an unknown word: which words are known, and which one was probably meant.
#[must_use]
pub fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let all = match known {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        all => all.join(", "),
    };
    format!("unknown {what} `{word}`: {all}{}", hint(word, known))
}

/// The end of a message about an unknown word; empty when no known word is near.
#[must_use]
pub fn hint(word: &str, known: &[&str]) -> String {
    let meant = closest(word, known.iter().copied());
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// Takes the question of [`hint`] out of a message: the message without it, and the question, such as
/// "did you mean `mode`?".
#[must_use]
pub fn split_hint(message: &str) -> (String, Option<String>) {
    let question = message.find("; did you mean `").and_then(|start| {
        let length = message[start..].find("`?")? + "`?".len();
        Some((start, start + length))
    });
    let Some((start, end)) = question else { return (message.to_owned(), None) };
    let rest = format!("{}{}", &message[..start], &message[end..]);
    (rest, Some(message[start + "; ".len()..end].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_taken_out_of_its_message() {
        let message = unknown("mode", "quorm", &["all", "quorum"]);
        let (rest, question) = split_hint(&format!("{message}; known: x"));
        assert_eq!(rest, "unknown mode `quorm`: all or quorum; known: x");
        assert_eq!(question.as_deref(), Some("did you mean `quorum`?"));
        assert_eq!(split_hint("no question"), ("no question".to_owned(), None));
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        for (word, meant) in [
            ("amont", Some("amount")),
            ("Amount", Some("amount")),
            ("amuont", Some("amount")),
            ("risk-score", Some("risk_score")),
            ("riskscroe", Some("risk_score")),
            ("amount", None),
            ("total", None),
            ("line2", None),
            ("", None),
            ("to", None),
        ] {
            assert_eq!(closest(word, ["amount", "risk_score", "line1", "at"]), meant, "{word}");
        }
        assert_eq!(closest(&"x".repeat(100_000), ["amount"]), None);
    }
}
