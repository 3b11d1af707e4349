//! Pages of lists that run newest first (keyset pagination): a cursor names the last row of a page, so the cost of a page
//! does not depend on how many were read before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::moment::in_utc;
use sqlx::{Postgres, QueryBuilder};
use std::fmt;
use time::OffsetDateTime;
use uuid::Uuid;

/// A place in a list that runs newest first: the last row of a page. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Creation time of that row, to the microsecond.
    pub created_at: OffsetDateTime,
    pub id: Uuid,
}

impl Cursor {
    /// Reads what [`Cursor`]'s `Display` wrote; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (micros, id) = bytes.split_first_chunk::<8>()?;
        let nanos = i128::from(i64::from_be_bytes(*micros)) * 1000;
        let created_at = in_utc(OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?)?;
        Some(Self { created_at, id: Uuid::from_slice(id).ok()? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every moment that `time` can express fits in 64 bits of microseconds.
        let micros = i64::try_from(self.created_at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        let bytes = [micros.to_be_bytes().as_slice(), self.id.as_bytes()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Drops the row that was read beyond the page; returns the cursor of the next page if there was one.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32, place: impl Fn(&T) -> Cursor) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(|row| place(row).to_string())
}

/// Ends a filtered query: rows after `cursor`, newest first, and one row more than the page holds.
pub(crate) fn page(query: &mut QueryBuilder<Postgres>, cursor: Option<Cursor>, limit: u32) {
    if let Some(Cursor { created_at, id }) = cursor {
        query.push(" and (created_at, id) < (").push_bind(created_at);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" order by created_at desc, id desc limit ").push_bind(i64::from(limit) + 1);
}
