//! Entity tags (RFC 9110): which state of a thing a caller has read, and wants to change.

use sha2::{Digest, Sha256};

/// Most tags of one `If-Match`.
const MOST_TAGS: usize = 20;

/// Makes a strong tag of the texts that together identify a state. No text may contain a line break, or two states could
/// have one tag.
#[must_use]
pub fn tag_of(texts: &[&str]) -> String {
    format!("\"{}\"", hex::encode(Sha256::digest(texts.join("\n"))))
}

/// The condition of an `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any state.
    Any,
    /// One of these states. Weak tags are left out, because they match no state here.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Reads the value of the header: `*`, or tags between commas.
    ///
    /// # Errors
    /// Says what is no tag.
    pub fn parse(value: &str) -> Result<Self, String> {
        if value.trim() == "*" {
            return Ok(Self::Any);
        }
        let (mut tags, mut rest, mut count) = (Vec::new(), value.trim(), 0);
        loop {
            let weak = rest.starts_with("W/");
            let (tag, after) = opaque(if weak { &rest[2..] } else { rest }).ok_or_else(not_a_tag)?;
            count += 1;
            if count > MOST_TAGS {
                return Err(format!("must have at most {MOST_TAGS} ETags"));
            }
            if !weak {
                tags.push(tag.to_owned());
            }
            match after.trim_start().strip_prefix(',') {
                Some(more) => rest = more.trim_start(),
                None if after.trim().is_empty() => return Ok(Self::OneOf(tags)),
                None => return Err(not_a_tag()),
            }
        }
    }

    /// Returns whether the condition holds for the state with this tag.
    #[must_use]
    pub fn holds_for(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|one| one == tag),
        }
    }
}

fn not_a_tag() -> String {
    "must be an ETag as answers give it, in double quotes, or *".to_owned()
}

/// Splits off the tag in double quotes that a text begins with.
fn opaque(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = inner.find('"')?;
    let plain = inner[..end].chars().all(|c| !c.is_control() && c != ' ');
    plain.then(|| text.split_at(end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_for_the_tags_that_it_names() {
        let tag = tag_of(&["a", "b"]);
        assert_eq!(tag.len(), 66);
        assert_ne!(tag, tag_of(&["a", "c"]));
        for (value, holds) in [
            ("*".to_owned(), true),
            (tag.clone(), true),
            (format!(" \"x,y\" , {tag} "), true),
            ("\"x\"".to_owned(), false),
            ("\"\"".to_owned(), false),
            (format!("W/{tag}"), false),
            (format!("W/\"x\", {tag}"), true),
        ] {
            assert_eq!(
                IfMatch::parse(&value).map(|condition| condition.holds_for(&tag)),
                Ok(holds),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        let many = vec!["\"x\""; MOST_TAGS + 1].join(",");
        for value in
            ["", "x", "\"x", "x\"", "\"x\"y", "\"x\",", ",\"x\"", "w/\"x\"", "\"a b\"", "*, \"x\"", &many]
        {
            assert!(IfMatch::parse(value).is_err(), "{value}");
        }
    }
}
