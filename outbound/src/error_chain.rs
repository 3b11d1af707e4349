//! An error with its causes, as one line for logs, `last_error` columns and operators.

use std::error::Error;

/// The error's text followed by the text of each cause, separated by colons: the outermost text alone often says no
/// more than "error sending request".
///
/// Some libraries end their own text with that of their cause. A cause that the line ends with already is not repeated.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        #[source]
        cause: Option<Box<Link>>,
    }

    fn chain_of(texts: &[&'static str]) -> String {
        let link = texts.iter().rev().fold(None, |cause, text| Some(Box::new(Link { text, cause })));
        error_chain(&*link.expect("at least one text"))
    }

    #[test]
    fn every_cause_follows_from_the_outside_in() {
        assert_eq!(chain_of(&["alone"]), "alone");
        assert_eq!(chain_of(&["not sent", "not connected", "refused"]), "not sent: not connected: refused");
    }

    #[test]
    fn a_cause_that_the_error_already_ends_with_is_not_repeated() {
        assert_eq!(chain_of(&["not sent: refused", "refused"]), "not sent: refused");
        assert_eq!(chain_of(&["refused: not sent", "refused"]), "refused: not sent: refused");
    }
}
