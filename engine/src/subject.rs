//! Subject ids: how people and services are named everywhere.

/// Longest subject id, in characters.
pub const MAX_CHARACTERS: usize = 200;
/// Prefix of the actors that stand for AWE itself. Nobody else may use it.
const RESERVED: &str = "system:";

/// Why a text is no subject id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    #[error("is empty")]
    Empty,
    #[error("has more than {MAX_CHARACTERS} characters")]
    TooLong,
    #[error("holds a control character or an invisible one")]
    Control,
    #[error("begins or ends with white space")]
    Padded,
    #[error("begins with `{RESERVED}`, which stands for AWE itself")]
    Reserved,
}

/// Returns whether a character is a format character or a separator (Unicode categories Cf, Zl and Zp, as far as text
/// holds them). With one of them two different ids look the same.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Checks that a text can be a subject id: a token's `sub`, a seat's holder, a requester, a delegate.
///
/// # Errors
/// Why it cannot.
pub fn check(id: &str) -> Result<(), NoSubject> {
    if id.is_empty() {
        Err(NoSubject::Empty)
    } else if id.chars().nth(MAX_CHARACTERS).is_some() {
        Err(NoSubject::TooLong)
    } else if id.chars().any(|c| c.is_control() || is_invisible(c)) {
        Err(NoSubject::Control)
    } else if id.trim().len() != id.len() {
        Err(NoSubject::Padded)
    } else if id.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED)) {
        Err(NoSubject::Reserved)
    } else {
        Ok(())
    }
}
