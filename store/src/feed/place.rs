//! Cursors of the feed.

use crate::page::{CHECK, List, checksum};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// A place in the feed: everything up to this position was looked at. Opaque to callers. It means the same to every
/// process and with every filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub i64);

/// Bytes of list and position, without the checksum behind them.
const PLACE: usize = 1 + 8;

impl Place {
    /// Reads what [`Place`]'s `Display` wrote; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; PLACE + CHECK] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (place, check) = bytes.split_first_chunk::<PLACE>()?;
        let (list, position) = place.split_first_chunk::<1>()?;
        if check != checksum(place) || *list != [List::Feed as u8] {
            return None;
        }
        let position = i64::from_be_bytes(position.try_into().ok()?);
        (position >= 0).then_some(Self(position))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = [&[List::Feed as u8], self.0.to_be_bytes().as_slice()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode([place.as_slice(), &checksum(&place)].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Cursor;
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is() {
        for position in [0, 1, 4_711, i64::MAX] {
            assert_eq!(Place::parse(&Place(position).to_string()), Some(Place(position)));
        }
        let written = Place(4_711).to_string();
        for at in 0..written.len() {
            let other = if written.as_bytes()[at] == b'A' { "B" } else { "A" };
            let tampered = format!("{}{other}{}", &written[..at], &written[at + 1..]);
            assert_eq!(Place::parse(&tampered), None, "{tampered}");
        }
        let of_a_list = Cursor { list: List::Audit, at: OffsetDateTime::UNIX_EPOCH, id: Uuid::nil() };
        for text in ["", "0", "7", "now", &written[1..], &of_a_list.to_string(), &Place(-1).to_string()] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
