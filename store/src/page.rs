//! Pages of lists (keyset pagination): a cursor names the last row of a page, so the cost of a page does not depend on
//! how many were read before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::moment::in_utc;
use sha2::{Digest, Sha256};
use sqlx::{Encode, Postgres, QueryBuilder, Type};
use std::fmt;
use time::OffsetDateTime;
use uuid::Uuid;

/// A list with cursors, and its order. A cursor of one means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Newest first.
    Requests = 1,
    /// Newest first.
    Tasks = 2,
    /// Due first, those without a deadline last.
    TasksByDue = 3,
    /// Newest first.
    Deliveries = 4,
    /// Newest first.
    Audit = 5,
    /// All events, oldest first; its cursors are [`Place`](crate::feed::Place)s.
    Feed = 6,
}

/// A place in a list: the last row of a page. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub list: List,
    /// The moment by which the list is ordered, of that row, to the microsecond.
    pub at: OffsetDateTime,
    pub id: Uuid,
}

/// Rows that a page looks through, in its order, for what no index finds: a text, say. When they hold too little for a
/// page, its cursor goes on behind them, so that no call costs more because more is finished. The page and the last of
/// these rows are read in one snapshot: else a row between them could be passed over.
pub(crate) const LOOKED_THROUGH: i64 = 4_000;

/// Bytes of list, moment and id, and of the checksum behind them.
const PLACE: usize = 1 + 8 + 16;
pub(crate) const CHECK: usize = 3;

impl Cursor {
    /// Reads what [`Cursor`]'s `Display` wrote for this list; `None` for any other text.
    #[must_use]
    pub fn parse(list: List, text: &str) -> Option<Self> {
        let bytes: [u8; PLACE + CHECK] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (place, check) = bytes.split_at(PLACE);
        if check != checksum(place) || place[0] != list as u8 {
            return None;
        }
        let (micros, id) = place[1..].split_first_chunk::<8>()?;
        let nanos = i128::from(i64::from_be_bytes(*micros)) * 1000;
        let at = in_utc(OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?)?;
        Some(Self { list, at, id: Uuid::from_slice(id).ok()? })
    }
}

/// Tells a cursor that was cut or mistyped; it keeps nobody from making one.
pub(crate) fn checksum(place: &[u8]) -> [u8; CHECK] {
    let digest = Sha256::digest(place);
    [digest[0], digest[1], digest[2]]
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every moment that `time` can express fits in 64 bits of microseconds.
        let micros = i64::try_from(self.at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        let place = [&[self.list as u8], micros.to_be_bytes().as_slice(), self.id.as_bytes()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode([place.as_slice(), &checksum(&place)].concat()))
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

/// Adds a condition with its value, if there is one.
pub(crate) fn and<'q, T>(query: &mut QueryBuilder<Postgres>, condition: &str, value: Option<T>)
where
    T: Encode<'q, Postgres> + Type<Postgres> + 'q,
{
    if let Some(value) = value {
        query.push(" and ").push(condition).push_bind(value);
    }
}

/// Ends a filtered query: rows after `cursor`, newest by `at` first, and one row more than the page holds. `at` and `id`
/// are columns.
pub(crate) fn page(
    query: &mut QueryBuilder<Postgres>,
    at: &str,
    id: &str,
    cursor: Option<Cursor>,
    limit: u32,
) {
    rows(query, at, id, cursor, i64::from(limit) + 1);
}

/// The same for this many rows.
pub(crate) fn rows(
    query: &mut QueryBuilder<Postgres>,
    at: &str,
    id: &str,
    cursor: Option<Cursor>,
    most: i64,
) {
    if let Some(cursor) = cursor {
        query.push(format_args!(" and ({at}, {id}) < (")).push_bind(cursor.at);
        query.push(", ").push_bind(cursor.id).push(")");
    }
    query.push(format_args!(" order by {at} desc, {id} desc limit ")).push_bind(most);
}

/// The `like` pattern for texts that contain `text` literally.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Adds the condition that request `r` contains `text`, in any case: in one of its words or in a value of its context.
pub(crate) fn and_contains(query: &mut QueryBuilder<Postgres>, text: &str) {
    let pattern = containing(text);
    query.push(" and (");
    for column in ["r.title", "r.artifact_id", "r.artifact_type", "r.policy_key", "r.requester"] {
        query.push(column).push(" ilike ").push_bind(pattern.clone()).push(" or ");
    }
    // Looking at the values one by one costs much; a text that is nowhere in the whole is in none of them, unless it
    // is one that JSON writes differently.
    if text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
        query.push("case when true");
    } else {
        query.push("case when r.context::text ilike ").push_bind(pattern.clone());
    }
    query.push(
        " then exists (select from jsonb_path_query(r.context, 'strict $.**') as found(value)
            where jsonb_typeof(value) not in ('object', 'array') and value #>> '{}' ilike ",
    );
    query.push_bind(pattern).push(") else false end)");
}
