//! Who can be somebody: the ids of people and services, wherever they come from.

/// Longest subject id, in characters.
pub const MAX_CHARACTERS: usize = 200;
/// What AWE itself acts as; nobody else may.
const RESERVED: &str = "system:";

/// Why an id is no subject.
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

/// Format characters and separators (Unicode categories Cf, Zl, Zp as far as text holds them): with one of them an id looks
/// like another.
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

/// Whether an id can be a subject's: as a token's `sub`, as a seat's holder, as a requester, as a delegate.
///
/// # Errors
/// Says why it cannot.
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
