//! `Retry-After` (RFC 9110, 10.2.3), including common deviations from the standard.

use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Names of UTC that a date may end with; the standard allows only `GMT`.
const UTC: [&str; 6] = ["gmt", "utc", "ut", "z", "+0000", "-0000"];

/// The pause from `now`, given in seconds or as a date. A date in the past is no pause; a number too large for `u64` is
/// the largest one.
pub(super) fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = date(text)?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

/// A date in one of the three formats of RFC 9110, 5.6.7, or of RFC 5322, in any case and with any name of UTC.
fn date(text: &str) -> Option<SystemTime> {
    let text = with_capitals(text);
    let zone = text.rsplit(' ').next().filter(|zone| UTC.contains(&zone.to_ascii_lowercase().as_str()));
    let text = match zone {
        Some(zone) => format!("{}GMT", &text[..text.len() - zone.len()]),
        None => text,
    };
    let mail = || OffsetDateTime::parse(&text, &Rfc2822).ok().map(SystemTime::from);
    httpdate::parse_http_date(&text).ok().or_else(mail)
}

/// Capitalises every word: the parsers expect names of days and months like that.
fn with_capitals(text: &str) -> String {
    let mut within = false;
    let each = |letter: char| {
        let begins = !std::mem::replace(&mut within, letter.is_ascii_alphabetic());
        if begins { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        httpdate::parse_http_date("Sat, 31 Jan 2026 08:00:00 GMT").unwrap()
    }

    #[test]
    fn retry_after_is_understood_as_seconds_and_as_a_date() {
        let cases = [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("Sat, 31 Jan 2026 08:01:30 GMT", Some(90)),
            ("Saturday, 31-Jan-26 08:01:30 GMT", Some(90)),
            ("Sat Jan 31 08:01:30 2026", Some(90)),
            ("Sat, 31 Jan 2026 07:00:00 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("soon", None),
            ("Sat, 31 Jan 2026", None),
            ("\u{ff11}", None),
            ("", None),
        ];
        for (given, expected) in cases {
            assert_eq!(parse(given, now()), expected.map(Duration::from_secs), "{given:?}");
        }
    }

    #[test]
    fn a_date_may_say_utc_in_other_ways_and_in_any_case() {
        for given in [
            "Sat, 31 Jan 2026 08:01:30 +0000",
            "Sat, 31 Jan 2026 08:01:30 -0000",
            "Sat, 31 Jan 2026 08:01:30 UTC",
            "Sat, 31 Jan 2026 08:01:30 UT",
            "Sat, 31 Jan 2026 08:01:30 Z",
            "Sat, 31 Jan 2026 09:01:30 +0100",
            "Sat, 31 Jan 2026 03:01:30 EST",
            "sat, 31 jan 2026 08:01:30 gmt",
            "SAT, 31 JAN 2026 08:01:30 UTC",
            "saturday, 31-jan-26 08:01:30 utc",
            "SATURDAY, 31-JAN-26 08:01:30 GMT",
            "Saturday, 31-Jan-26 08:01:30 +0000",
            "sat jan 31 08:01:30 2026",
            "31 Jan 2026 08:01:30 GMT",
        ] {
            assert_eq!(parse(given, now()), Some(Duration::from_secs(90)), "{given:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_a_long_wait_and_no_fault() {
        let long = Duration::from_secs(365 * 24 * 3600);
        for given in [
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri, 31 Dec 9999 23:59:59 +0000",
        ] {
            assert!(parse(given, now()).is_some_and(|wait| wait > long), "{given:?}");
        }
    }
}
