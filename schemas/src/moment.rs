//! Moments in RFC 3339, within the years 1 to 9999 of UTC, which every part of AWE can represent.
//!
//! A moment is converted to UTC when it is read, because `9999-12-31T23:59:59-12:00` is well-formed but lies in the
//! year 10000 of UTC, which neither the calendar nor a later addition could express.

use serde::de::{Deserialize, Deserializer, Error};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Converts a moment to UTC; `None` when its year there is not 1 to 9999.
#[must_use]
pub fn in_utc(moment: OffsetDateTime) -> Option<OffsetDateTime> {
    moment.checked_to_offset(UtcOffset::UTC).filter(|utc| utc.year() >= 1)
}

/// Reads a moment.
///
/// # Errors
/// What is wrong with the text, in words for people.
pub fn parse(text: &str) -> Result<OffsetDateTime, &'static str> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "must be a moment as RFC 3339 writes it, for example 2026-01-31T08:15:00Z")?;
    in_utc(moment).ok_or("must lie in the years 1 to 9999 of UTC")
}

/// For `serde(deserialize_with)`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OffsetDateTime, D::Error> {
    parse(&std::borrow::Cow::<str>::deserialize(from)?).map_err(D::Error::custom)
}

/// For `serde(deserialize_with)` of a moment that may be null.
pub(crate) fn deserialize_option<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<OffsetDateTime>, D::Error> {
    let text = Option::<std::borrow::Cow<str>>::deserialize(from)?;
    text.map(|text| parse(&text).map_err(D::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_years_1_to_9999_of_utc_is_read_as_utc() {
        for (text, read) in [
            ("2026-01-31T08:15:00Z", "2026-01-31T08:15:00Z"),
            ("2026-01-31T08:15:00+05:30", "2026-01-31T02:45:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59+12:00", "9999-12-31T11:59:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("0000-12-31T23:00:00-12:00", "0001-01-01T11:00:00Z"),
        ] {
            let moment = parse(text).expect(text);
            assert_eq!(moment.offset(), UtcOffset::UTC, "{text}");
            assert_eq!(moment.format(&Rfc3339).expect("is written"), read);
        }
    }

    #[test]
    fn what_lies_outside_and_what_is_no_moment_is_refused() {
        for text in [
            "9999-12-31T23:59:59-12:00",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "0000-06-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "infinity",
            "now",
            "",
        ] {
            parse(text).expect_err(text);
        }
    }
}
