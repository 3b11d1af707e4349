//! Moments as rows hold them. A constraint keeps them in the range that programs can read. Should one lie outside all
//! the same (a restored dump, a dropped constraint), it is read as the nearest moment in range, so that one odd row
//! fails no list and no job.

use schemas::moment::in_utc;
use serde::{Deserialize, Deserializer};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};
use time::OffsetDateTime;
use time::macros::datetime;

/// PostgreSQL counts microseconds from here.
const EPOCH: OffsetDateTime = datetime!(2000-01-01 00:00:00 UTC);
const FIRST: OffsetDateTime = datetime!(0001-01-01 00:00:00 UTC);
/// The last moment in range.
pub(crate) const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59.999_999 UTC);

/// A `timestamptz` that an operator may have written, and that may be out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) OffsetDateTime);

impl From<Moment> for OffsetDateTime {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

/// The nearest moment in range.
fn nearest(micros: i64) -> OffsetDateTime {
    let nanos = EPOCH.unix_timestamp_nanos() + i128::from(micros) * 1000;
    let said = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().and_then(in_utc);
    said.unwrap_or(if micros < 0 { FIRST } else { LAST })
}

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        <OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl Decode<'_, Postgres> for Moment {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => Ok(Self(nearest(<i64 as Decode<Postgres>>::decode(value)?))),
            PgValueFormat::Text => Ok(Self(<OffsetDateTime as Decode<Postgres>>::decode(value)?)),
        }
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <OffsetDateTime as Encode<Postgres>>::encode_by_ref(&self.0, buffer)
    }
}

/// Reads a moment as PostgreSQL writes it into JSON; one out of range becomes the nearest in range.
pub(crate) fn from_json<'de, D: Deserializer<'de>>(from: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.map(|text| match schemas::moment::parse(&text) {
        Ok(moment) => moment,
        // `-infinity`, or a year `BC`.
        Err(_) if text.starts_with('-') || text.ends_with("BC") => FIRST,
        Err(_) => LAST,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_said_is_read_as_the_nearest_that_can() {
        assert_eq!(nearest(0), EPOCH);
        assert_eq!(nearest(1), EPOCH + time::Duration::MICROSECOND);
        assert_eq!(nearest(i64::MAX), LAST);
        assert_eq!(nearest(i64::MIN), FIRST);
        let year_20000 = 18_000 * 31_556_952 * 1_000_000;
        assert_eq!(nearest(year_20000), LAST);
        assert_eq!(nearest(-year_20000), FIRST);
    }

    #[test]
    fn json_is_read_alike() {
        let read = |text: &str| from_json(serde_json::json!(text)).expect("is text");
        assert_eq!(read("infinity"), Some(LAST));
        assert_eq!(read("-infinity"), Some(FIRST));
        assert_eq!(read("20000-01-01T00:00:00+00:00"), Some(LAST));
        assert_eq!(read("0044-03-15T00:00:00+00:00 BC"), Some(FIRST));
        assert_eq!(read("2000-01-01T00:00:00+00:00"), Some(EPOCH));
        assert_eq!(from_json(serde_json::Value::Null).expect("is null"), None);
    }
}
