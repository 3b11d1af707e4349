//! The positions at which an unpublished event may still be or appear, as ranges.

use crate::writers::Writers;
use std::collections::{BTreeMap, HashSet};

/// Ranges of positions that are open: their events are not published, or not seen yet. The last range has no end.
///
/// A position stays open for ever if its transaction is rolled back. It is closed once every transaction has ended
/// that could have drawn it: see [`Ledger::ask`] and [`crate::writers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// First position of each open range, and its last. Ranges neither overlap nor touch.
    open: BTreeMap<i64, i64>,
    /// The gaps that were asked about, if any.
    asked: Option<Asked>,
}

/// Gaps at a moment, and the transactions that may still fill them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    gaps: Vec<(i64, i64)>,
    /// Whoever was writing then. Nobody else can fill them.
    writers: Writers,
}

impl Ledger {
    /// Everything up to `settled` is closed, everything above is open.
    #[must_use]
    pub fn after(settled: i64) -> Self {
        Self { open: BTreeMap::from([(settled.saturating_add(1), i64::MAX)]), asked: None }
    }

    /// The position up to which everything is closed.
    #[must_use]
    pub fn settled(&self) -> i64 {
        self.open.first_key_value().map_or(i64::MAX, |(first, _)| first - 1)
    }

    /// Whether an event at `position` is yet to be published.
    #[must_use]
    pub fn is_open(&self, position: i64) -> bool {
        self.open.range(..=position).next_back().is_some_and(|(_, last)| position <= *last)
    }

    /// Closes the positions from `first` to `last`.
    pub fn close(&mut self, first: i64, last: i64) {
        let touched: Vec<(i64, i64)> = self
            .open
            .range(..=last)
            .rev()
            .map(|(start, end)| (*start, *end))
            .take_while(|(_, end)| *end >= first)
            .collect();
        for (start, end) in touched {
            self.open.remove(&start);
            if start < first {
                self.open.insert(start, first - 1);
            }
            if end > last {
                self.open.insert(last + 1, end);
            }
        }
    }

    /// The first and the last position of each open range.
    #[must_use]
    pub fn ranges(&self) -> (Vec<i64>, Vec<i64>) {
        self.open.iter().map(|(first, last)| (*first, *last)).unzip()
    }

    /// The open ranges below the last: something above them was seen already.
    fn gaps(&self) -> Vec<(i64, i64)> {
        let ranges = self.open.iter().map(|(first, last)| (*first, *last));
        ranges.take(self.open.len().saturating_sub(1)).collect()
    }

    /// Whether a position is open below one that was seen.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.open.len() > 1
    }

    /// Closes the gaps that nothing can fill any more, and asks about those that are left. To be called after every
    /// read that found all events in the open ranges, whose positions are `found`. `writers` must have been looked up
    /// before that read, and after whatever lies above the gaps was seen.
    ///
    /// Once all those have ended who were writing when a gap was asked about, what the read did not find there was
    /// rolled back.
    pub fn ask(&mut self, writers: Writers, found: &HashSet<i64>) {
        match self.asked.take() {
            Some(asked) if !asked.writers.have_ended(&writers) => {
                self.asked = Some(asked);
                return;
            }
            Some(asked) => {
                for (first, last) in asked.gaps {
                    self.close_without(first, last, found);
                }
            }
            None => {}
        }
        let gaps = self.gaps();
        self.asked = (!gaps.is_empty()).then_some(Asked { gaps, writers });
    }

    /// Closes a range except for the positions in `found` that are open.
    fn close_without(&mut self, first: i64, last: i64, found: &HashSet<i64>) {
        let mut left: Vec<i64> = found.iter().copied().filter(|p| (first..=last).contains(p)).collect();
        left.retain(|position| self.is_open(*position));
        self.close(first, last);
        for position in left {
            self.open.insert(position, position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(ranges: &[(i64, i64)]) -> Ledger {
        Ledger { open: ranges.iter().copied().collect(), asked: None }
    }

    const END: i64 = i64::MAX;

    #[test]
    fn closing_splits_and_joins_ranges() {
        let mut open = Ledger::after(10);
        assert_eq!(open.settled(), 10);
        open.close(13, 14);
        assert_eq!(open, ledger(&[(11, 12), (15, END)]));
        assert!(open.is_open(12) && !open.is_open(13) && !open.is_open(14) && open.is_open(15));
        open.close(11, 11);
        assert_eq!((open.settled(), open.has_gaps()), (11, true));
        open.close(12, 12);
        assert_eq!(open, ledger(&[(15, END)]));
        assert_eq!((open.settled(), open.has_gaps()), (14, false));
        open.close(1, 20);
        assert_eq!(open, Ledger::after(20));
        open.close(30, 30);
        open.close(25, 26);
        open.close(22, 40);
        assert_eq!(open, ledger(&[(21, 21), (41, END)]));
    }

    #[test]
    fn closing_what_is_closed_changes_nothing() {
        let mut open = ledger(&[(5, 6), (9, END)]);
        open.close(7, 8);
        open.close(1, 4);
        assert_eq!(open, ledger(&[(5, 6), (9, END)]));
    }

    fn writers(names: &[&str]) -> Writers {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_gap_is_closed_only_when_all_who_could_fill_it_have_ended() {
        let mut open = ledger(&[(5, 6), (9, END)]);
        open.ask(writers(&["a", "b"]), &HashSet::new());
        open.ask(writers(&["b", "c"]), &HashSet::new());
        assert!(open.is_open(5), "b may hold it");
        open.ask(writers(&["c"]), &HashSet::from([6]));
        assert_eq!(
            open,
            Ledger {
                asked: Some(Asked { gaps: vec![(6, 6)], writers: writers(&["c"]) }),
                ..ledger(&[(6, 6), (9, END)])
            }
        );
    }

    #[test]
    fn a_gap_that_came_after_the_question_is_not_answered_by_it() {
        let mut open = ledger(&[(5, 6), (9, END)]);
        open.ask(writers(&["a"]), &HashSet::new());
        open.close(12, 12);
        open.ask(writers(&["b"]), &HashSet::new());
        assert!(!open.is_open(5) && open.is_open(9) && open.is_open(11));
        open.close(9, 10);
        open.ask(writers(&[]), &HashSet::new());
        assert_eq!(open.settled(), 12);
    }
}
