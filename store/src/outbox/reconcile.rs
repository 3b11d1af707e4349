//! Taking back marks that the stream no longer honours, so that the relay publishes those events again, in their
//! order and with the same message ids.
//!
//! All work is done in bounded batches, each in a transaction of its own, so an interruption only repeats some of it.

use crate::{Error, Store};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Most rows in one statement.
const BATCH: i64 = 5_000;

/// Where a republication begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepublishFrom {
    /// Events that happened at this moment or later.
    Time(OffsetDateTime),
    /// Events that the stream took under this sequence or a later one.
    Sequence(i64),
}

/// A comparison of the stream with the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Number of the comparison, higher than every one before.
    pub number: i64,
    /// The incarnation of the stream that was published to last; `None` when nothing was ever published.
    pub incarnation: Option<String>,
}

/// The state of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Events that wait for the stream.
    pub unpublished: i64,
    /// Events that the stream refuses.
    pub refused: i64,
    /// Why the stream refuses the oldest refused event.
    pub refused_because: Option<String>,
    /// When the oldest unpublished event happened.
    pub oldest_unpublished: Option<OffsetDateTime>,
    /// The highest sequence in the stream that was acknowledged.
    pub last_stream_seq: Option<i64>,
    /// The incarnation of the stream that is published to.
    pub incarnation: Option<String>,
}

/// What is wrong with the outbox, for the health report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxHealth {
    /// An event has waited for the stream for too long.
    pub late: bool,
    /// The stream refuses an event.
    pub refuses: bool,
}

/// Most that the clocks of processes that make ids may differ.
const CLOCKS_DIFFER: Duration = Duration::DAY;

/// An id below every id that was made at `since` or later: ids begin with their moment.
fn first_id(since: OffsetDateTime) -> Uuid {
    let millis = (since - CLOCKS_DIFFER).unix_timestamp_nanos() / 1_000_000;
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &[0; 10]).into_uuid()
}

impl Store {
    /// Begins a comparison of the stream with the outbox. From now on only acknowledgements that name its number are
    /// noted.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn begin_comparison(&self) -> Result<Comparison, Error> {
        let begun = sqlx::query_as!(
            Comparison,
            "insert into outbox_stream (comparison) values (1)
             on conflict (only_row) do update set comparison = outbox_stream.comparison + 1
             returning comparison as number, incarnation"
        );
        Ok(begun.fetch_one(&self.hot).await?)
    }

    /// Notes the incarnation of the stream that is published to from now on.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remember_stream(&self, incarnation: &str) -> Result<(), Error> {
        sqlx::query!("update outbox_stream set incarnation = $1, seen_at = now()", incarnation)
            .execute(&self.hot)
            .await?;
        Ok(())
    }

    /// Takes back the marks of all events that happened at `since` or later, whatever the stream holds; events that
    /// it has refused are tried again. Returns how many; calls `progress` with the number so far after each batch.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unmark_since(
        &self,
        since: OffsetDateTime,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let (mut after, mut total) = (first_id(since), 0);
        loop {
            // The ids are walked in order, so that no row is looked at twice.
            let rows = sqlx::query!(
                r#"with page as (
                    select id, created_at, coalesce(published_at, refused_at) is not null as marked
                    from approval_event where id > $1 order by id limit $2
                ), taken as (
                    update approval_event e
                    set published_at = null, stream_seq = null, refused_at = null, refused_because = null from page
                    where e.id = page.id and page.created_at >= $3 and page.marked
                    returning e.id
                )
                select (select id from page order by id desc limit 1) as last, (select count(*) from taken) as "taken!""#,
                after,
                BATCH,
                since
            )
            .fetch_one(&self.hot)
            .await?;
            let Some(last) = rows.last else { return Ok(total) };
            after = last;
            total += u64::try_from(rows.taken).unwrap_or(0);
            progress(total);
        }
    }

    /// Takes back the marks of events with a stream sequence above `last`. Returns how many; calls `progress` with
    /// the number so far after each batch.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unmark_above(&self, last: i64, mut progress: impl FnMut(u64)) -> Result<u64, Error> {
        let mut total = 0;
        loop {
            let taken = sqlx::query!(
                "update approval_event set published_at = null, stream_seq = null
                 where id in (select id from approval_event where stream_seq > $1 limit $2)",
                last,
                BATCH
            )
            .execute(&self.hot)
            .await?
            .rows_affected();
            total += taken;
            progress(total);
            if taken == 0 {
                return Ok(total);
            }
        }
    }

    /// Takes back the marks of events whose place in the stream holds another event. `there` is what the stream
    /// holds, in order of sequence. A sequence that is missing in it proves nothing: somebody deleted that message on
    /// purpose.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unmark_displaced(&self, there: &[(i64, Uuid)]) -> Result<u64, Error> {
        let (Some((from, _)), Some((to, _))) = (there.first(), there.last()) else { return Ok(0) };
        let (seqs, ids): (Vec<i64>, Vec<Uuid>) = there.iter().copied().unzip();
        let done = sqlx::query!(
            "update approval_event e set published_at = null, stream_seq = null
             from unnest($1::bigint[], $2::uuid[]) as s (seq, id)
             where e.stream_seq = s.seq and e.id <> s.id and e.stream_seq between $3 and $4",
            &seqs,
            &ids,
            from,
            to
        )
        .execute(&self.hot)
        .await?;
        Ok(done.rows_affected())
    }

    /// Has events published again from a moment or a stream sequence on, as an operator asks for. Returns how many;
    /// calls `progress` with the number so far after each batch.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn republish(&self, from: RepublishFrom, progress: impl FnMut(u64)) -> Result<u64, Error> {
        match from {
            RepublishFrom::Time(since) => self.unmark_since(since, progress).await,
            RepublishFrom::Sequence(first) => self.unmark_above(first.saturating_sub(1), progress).await,
        }
    }

    /// Returns whether an event has waited for the stream for longer than `patience`, and whether the stream refuses
    /// one. One cheap round trip.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn outbox_health(&self, patience: std::time::Duration) -> Result<OutboxHealth, Error> {
        Ok(sqlx::query_as!(
            OutboxHealth,
            r#"select coalesce((select created_at from approval_event
                    where published_at is null and refused_at is null
                    order by position limit 1) < now() - make_interval(secs => $1), false) as "late!",
                exists (select from approval_event where refused_at is not null) as "refuses!""#,
            patience.as_secs_f64()
        )
        .fetch_one(&self.hot)
        .await?)
    }

    /// The state of the outbox now.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn outbox_status(&self) -> Result<Status, Error> {
        let row = sqlx::query!(
            r#"select (select count(*) from approval_event
                    where published_at is null and refused_at is null) as "unpublished!",
                (select count(*) from approval_event where refused_at is not null) as "refused!",
                (select refused_because from approval_event where refused_at is not null
                    order by position limit 1) as refused_because,
                (select min(created_at) from approval_event
                    where published_at is null and refused_at is null) as oldest_unpublished,
                (select max(stream_seq) from approval_event) as last_stream_seq,
                (select incarnation from outbox_stream) as incarnation"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Status {
            unpublished: row.unpublished,
            refused: row.refused,
            refused_because: row.refused_because,
            oldest_unpublished: row.oldest_unpublished,
            last_stream_seq: row.last_stream_seq,
            incarnation: row.incarnation,
        })
    }
}
