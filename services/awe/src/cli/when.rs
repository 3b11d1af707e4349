//! Parses moments in arguments.

use time::{Duration, OffsetDateTime};

/// A moment as RFC 3339 writes it, or how long ago it was: `90s`, `30m`, `2h`, `7d`.
pub(super) fn moment(text: &str) -> Result<OffsetDateTime, String> {
    let wrong = || {
        "must be a moment as RFC 3339 writes it, for example 2026-01-31T08:00:00Z, or how long ago: 90s, 30m, 2h, 7d"
            .to_owned()
    };
    let moment = match ago(text) {
        Some(ago) => OffsetDateTime::now_utc().checked_sub(ago).ok_or_else(wrong)?,
        None => return schemas::moment::parse(text).map_err(|_| wrong()),
    };
    if moment.year() >= 1 { Ok(moment) } else { Err(wrong()) }
}

fn ago(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    // `u32::MAX` days fit into a `Duration`, so the product cannot overflow.
    let number = number.parse::<u32>().ok()?;
    Some(Duration::seconds(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_how_long_ago_it_was() {
        let day_ago = OffsetDateTime::now_utc() - Duration::DAY;
        let read = moment("24h").expect("a moment");
        assert!((read - day_ago).abs() < Duration::MINUTE, "{read}");
        assert_eq!(moment("2026-01-31T08:00:00+02:00").map(|at| at.hour()), Ok(6));
        for wrong in [
            "yesterday",
            "",
            "h",
            "-1h",
            "1w",
            "4294967296s",
            "9999-12-31T23:59:59-12:00",
            "ü",
            "4000000000d",
        ] {
            assert!(moment(wrong).is_err_and(|why| why.contains("RFC 3339")), "{wrong}");
        }
    }
}
