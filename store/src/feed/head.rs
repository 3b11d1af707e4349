//! How far the feed may be read: up to where no event can be missing any more.
//!
//! Positions are drawn when events are inserted and seen when they are committed, so a reader that followed the highest
//! position would skip an event whose transaction commits late. Two facts bound the wait:
//!
//! - Without a gap there is nothing to wait for. A row at each position up to some position means that all are there.
//! - A gap below an event that was seen can be filled only by those who are writing at that moment ([`Writers`]). Once
//!   they have ended, it stays empty for good.

use crate::writers::Writers;
use crate::{Error, Store};

/// Most positions that are compared one by one in one look. Where more events have come, it is asked who writes.
const COMPARED: i64 = 1_000;

/// The position up to which nothing can follow, and what is known about the gaps above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    settled: i64,
    asked: Option<Asked>,
}

/// A question about gaps: whether these transactions have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    /// An event at this position was seen before the question.
    upto: i64,
    /// The transactions that were writing then. Only they can fill a gap below `upto`.
    writers: Writers,
}

impl Head {
    /// Nothing can follow up to `settled`.
    #[must_use]
    pub const fn at(settled: i64) -> Self {
        Self { settled, asked: None }
    }

    /// The position up to which every event is seen by whoever reads from now on.
    #[must_use]
    pub const fn settled(&self) -> i64 {
        self.settled
    }

    /// Whether events were seen above a gap that may still be filled.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.asked.is_some()
    }

    /// Goes on over positions that were seen, in order from the first above [`Head::settled`], until a gap.
    fn pass(&mut self, seen: &[i64]) {
        for position in seen {
            if *position != self.settled.saturating_add(1) {
                break;
            }
            self.settled = *position;
        }
        self.asked.take_if(|asked| asked.upto <= self.settled);
    }

    /// Takes note of who was writing after an event at `newest` had been seen.
    fn hear(&mut self, newest: i64, writers: Writers) {
        if let Some(asked) = self.asked.take() {
            if asked.writers.have_ended(&writers) {
                self.settled = self.settled.max(asked.upto);
            } else {
                self.asked = Some(asked);
            }
        }
        if writers.is_empty() {
            self.settled = self.settled.max(newest);
        }
        if self.asked.is_none() && newest > self.settled {
            self.asked = Some(Asked { upto: newest, writers });
        }
    }
}

impl Store {
    /// Where a process that starts may begin: as far as the relay has proved that nothing follows.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn head(&self) -> Result<Head, Error> {
        let settled = sqlx::query_scalar!("select settled from outbox_batch order by id desc limit 1");
        Ok(Head::at(settled.fetch_optional(&self.hot).await?.unwrap_or(0)))
    }

    /// Moves the head on as far as nothing can follow. Costs one look-up in an index, and a look at the locks of the
    /// server while there is a gap.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn look(&self, head: &mut Head) -> Result<(), Error> {
        let seen = sqlx::query!(
            r#"select coalesce((select max(position) from approval_event), 0) as "newest!",
                array(select position from approval_event where position > $1 order by position limit $2)
                    as "positions!""#,
            head.settled,
            COMPARED
        )
        .fetch_one(&self.hot)
        .await?;
        head.pass(&seen.positions);
        if head.settled < seen.newest {
            head.hear(seen.newest, self.event_writers().await?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writers(names: &[&str]) -> Writers {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_has_no_gap_is_settled_at_once() {
        let mut head = Head::at(4);
        head.pass(&[5, 6, 8, 9]);
        assert_eq!(head, Head::at(6));
        head.pass(&[]);
        assert_eq!(head, Head::at(6));
    }

    #[test]
    fn a_gap_is_passed_when_nobody_writes_or_when_all_have_ended_who_did() {
        let mut head = Head::at(4);
        head.hear(9, writers(&[]));
        assert_eq!(head, Head::at(9));
        head.hear(12, writers(&["a", "b"]));
        head.hear(15, writers(&["b", "c"]));
        assert_eq!((head.settled(), head.waits()), (9, true), "b may fill it");
        head.hear(15, writers(&["c"]));
        assert_eq!((head.settled(), head.waits()), (12, true), "c came later, and may fill what is above 12");
        head.hear(15, writers(&["d"]));
        assert_eq!(head, Head::at(15));
    }

    #[test]
    fn a_question_that_is_answered_by_what_came_is_forgotten() {
        let mut head = Head::at(4);
        head.hear(7, writers(&["a"]));
        head.pass(&[5, 6, 7, 8]);
        head.hear(10, writers(&["a", "b"]));
        assert_eq!((head.settled(), head.waits()), (8, true));
        head.hear(10, writers(&["b"]));
        assert_eq!(head.settled(), 8, "the question is about both");
    }
}
