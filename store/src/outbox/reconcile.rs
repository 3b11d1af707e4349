//! Taking back what batches claim and the stream no longer honours, so that the relay publishes those events again, in
//! their order and with the same message ids.
//!
//! All work is done in bounded steps, each in a transaction of its own, so an interruption only repeats some of it.

use crate::{Error, Store};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Most claims taken back in one statement.
const CLAIMS: i64 = 5_000;
/// Most batches looked at in one statement.
const BATCHES: i64 = 100;

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

/// Most that the clocks of the database and of those who make events may differ.
const CLOCKS_DIFFER: Duration = Duration::DAY;

/// Positions whose claims are taken back, each with the batch that claims it.
type Lost = (Vec<i64>, Vec<i64>);

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

    /// Takes back the claims on all events that happened at `since` or later, whatever the stream holds; events that
    /// it has refused are tried again. Returns how many; calls `progress` with the number so far after each step.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unmark_since(
        &self,
        since: OffsetDateTime,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let mut total = self.try_refused_again(Some(since)).await?;
        let mut after = 0;
        loop {
            let batches = sqlx::query_scalar!(
                "select id from outbox_batch where id > $1 and published_at >= $2 order by id limit $3",
                after,
                since - CLOCKS_DIFFER,
                BATCHES
            )
            .fetch_all(&self.hot)
            .await?;
            let Some(last) = batches.last() else { return Ok(total) };
            after = *last;
            let lost = sqlx::query!(
                r#"select b.id as "batch!", p as "position!" from outbox_batch b, unnest(b.positions) p
                   join approval_event e on e.position = p where b.id = any($1) and e.created_at >= $2"#,
                &batches,
                since
            );
            let lost: Lost =
                lost.fetch_all(&self.hot).await?.into_iter().map(|row| (row.batch, row.position)).unzip();
            total += self.take_back(&lost).await?;
            progress(total);
        }
    }

    /// Takes back the claims to a stream sequence above `last`. Returns how many; calls `progress` with the number so
    /// far after each step.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unmark_above(&self, last: i64, mut progress: impl FnMut(u64)) -> Result<u64, Error> {
        let mut total = 0;
        loop {
            let lost = sqlx::query!(
                r#"select b.id as "batch!", c.position as "position!" from outbox_batch b,
                       unnest(b.positions, b.stream_seqs) as c (position, seq)
                   where b.last_seq > $1 and c.seq > $1 limit $2"#,
                last,
                CLAIMS
            );
            let lost: Lost =
                lost.fetch_all(&self.hot).await?.into_iter().map(|row| (row.batch, row.position)).unzip();
            let taken = self.take_back(&lost).await?;
            total += taken;
            progress(total);
            if taken == 0 {
                return Ok(total);
            }
        }
    }

    /// Takes back the claims to places in the stream that hold another event. `there` is what the stream holds, in
    /// order of sequence. A sequence that is missing in it proves nothing: somebody deleted that message on purpose.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unmark_displaced(&self, there: &[(i64, Uuid)]) -> Result<u64, Error> {
        let Some((from, _)) = there.first() else { return Ok(0) };
        let (seqs, ids): (Vec<i64>, Vec<Uuid>) = there.iter().copied().unzip();
        let lost = sqlx::query!(
            r#"select b.id as "batch!", c.position as "position!"
               from outbox_batch b, unnest(b.positions, b.stream_seqs) as c (position, seq),
                   unnest($1::bigint[], $2::uuid[]) as s (seq, id), approval_event e
               where b.last_seq >= $3 and c.seq = s.seq and e.position = c.position and e.id <> s.id"#,
            &seqs,
            &ids,
            from
        );
        let lost: Lost =
            lost.fetch_all(&self.hot).await?.into_iter().map(|row| (row.batch, row.position)).unzip();
        self.take_back(&lost).await
    }

    /// Notes as published what the stream holds although nobody has noted it, and returns how many. `there` is what
    /// the stream holds.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_found(&self, comparison: i64, there: &[(i64, Uuid)]) -> Result<u64, Error> {
        let (seqs, ids): (Vec<i64>, Vec<Uuid>) = there.iter().copied().unzip();
        let found = sqlx::query!(
            r#"select w.position as "position!", s.seq as "seq!" from unpublished_event w
               join unnest($1::bigint[], $2::uuid[]) as s (seq, id) on s.id = w.id order by w.position"#,
            &seqs,
            &ids
        );
        let found: Vec<(i64, i64)> =
            found.fetch_all(&self.pool).await?.into_iter().map(|row| (row.position, row.seq)).collect();
        if found.is_empty() {
            return Ok(0);
        }
        let settled = self.ledger().await?.settled();
        let noted = self.note_published(comparison, settled, &found).await?;
        Ok(if noted { u64::try_from(found.len()).unwrap_or(u64::MAX) } else { 0 })
    }

    /// Takes back claims: their events are to be published again. Returns how many.
    async fn take_back(&self, (batches, positions): &Lost) -> Result<u64, Error> {
        if positions.is_empty() {
            return Ok(0);
        }
        let done = sqlx::query!(
            "with lost as materialized (
                select * from unnest($1::bigint[], $2::bigint[]) as l (batch, position)
            ),
            again as (
                insert into outbox_again (position) select distinct position from lost on conflict do nothing
            )
            update outbox_batch b set (positions, stream_seqs, last_seq) = (
                select coalesce(array_agg(c.position order by c.position), '{}'),
                    coalesce(array_agg(c.seq order by c.position), '{}'), coalesce(max(c.seq), 0)
                from unnest(b.positions, b.stream_seqs) as c (position, seq)
                where not exists (select from lost l where l.batch = b.id and l.position = c.position)
            ) where b.id = any($1)",
            batches,
            positions
        );
        done.execute(&self.hot).await?;
        Ok(u64::try_from(positions.len()).unwrap_or(u64::MAX))
    }

    /// Tries events again that the stream has refused: those that happened at `since` or later, or all.
    async fn try_refused_again(&self, since: Option<OffsetDateTime>) -> Result<u64, Error> {
        let tried = sqlx::query!(
            "with tried as (
                delete from outbox_refused f using approval_event e
                where e.position = f.position and ($1::timestamptz is null or e.created_at >= $1)
                returning f.position
            )
            insert into outbox_again (position) select position from tried on conflict do nothing",
            since
        );
        Ok(tried.execute(&self.hot).await?.rows_affected())
    }

    /// Deletes up to `limit` batches that the stream has not kept since `before`; returns how many. The newest batch
    /// stays, because it says what is settled.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn sweep_batches(&self, before: OffsetDateTime, limit: i64) -> Result<u64, Error> {
        let swept = sqlx::query!(
            "with newest as (select id, settled from outbox_batch order by id desc limit 1)
            delete from outbox_batch where id in (
                select b.id from outbox_batch b, newest n
                where b.id < n.id and b.last_position <= n.settled and b.published_at < $1
                order by b.id limit $2)",
            before,
            limit
        );
        Ok(swept.execute(&self.hot).await?.rows_affected())
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
            r#"select exists (select from unpublished_event
                    where created_at < now() - make_interval(secs => $1)) as "late!",
                exists (select from outbox_refused) as "refuses!""#,
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
            r#"select w.unpublished as "unpublished!", w.oldest as oldest_unpublished,
                (select count(*) from outbox_refused) as "refused!",
                (select refused_because from outbox_refused order by position limit 1) as refused_because,
                (select max(last_seq) from outbox_batch where last_seq > 0) as last_stream_seq,
                (select incarnation from outbox_stream) as incarnation
               from (select count(*) as unpublished, min(created_at) as oldest from unpublished_event) w"#
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
