//! One stream: it reads pages until it has reached the head, and takes the batches of the process's reader from there.

use super::batch::{Batch, Told, told};
use super::shared::{Shared, Watch};
use crate::Error;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use store::feed::{FeedFilter, FeedRead, FeedSpan, Place};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Most events and bytes of payloads that a stream holds while it reads pages.
const PAGE: i64 = 50;
const PAGE_BYTES: i64 = 256 * 1024;
/// Pause after a page that could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What bounds a follower.
#[derive(Debug, Clone)]
pub struct FollowerOptions {
    /// Ends it.
    pub stop: CancellationToken,
    /// When it ends in any case; `None` = never.
    pub until: Option<Instant>,
    /// How often it says where it is although there is nothing to tell.
    pub beat: Duration,
}

/// What comes next in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An event.
    Told(Arc<Told>),
    /// Nothing happened that fits; everything up to this place was looked at.
    Quiet(Place),
    /// The end. Whoever goes on does so after this place.
    Cut(Cut, Place),
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Its client takes events more slowly than they come.
    Slow,
    /// The process stops.
    Stopping,
    /// Its time is over.
    Expired,
    /// Events that it has not read were deleted.
    Gone,
}

impl Cut {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Stopping => "stopping",
            Self::Expired => "token_expired",
            Self::Gone => "gone",
        }
    }
}

/// A stream of the events that fit.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    filter: FeedFilter,
    options: FollowerOptions,
    /// Events that were read and not told yet.
    ready: VecDeque<Arc<Told>>,
    /// Everything up to here was told.
    told: i64,
    /// Everything up to here was read.
    read: i64,
    /// Up to where pages are to be read; `None`: it has to be looked.
    upto: Option<i64>,
    batches: Option<broadcast::Receiver<Arc<Batch>>>,
    next_beat: Instant,
    _watch: Option<Watch>,
}

impl Follower {
    pub(super) fn new(
        shared: Arc<Shared>,
        filter: FeedFilter,
        after: i64,
        upto: i64,
        options: FollowerOptions,
    ) -> Self {
        let watch = filter.assignee.clone().map(|person| shared.watch(person));
        Self {
            shared,
            filter,
            options,
            ready: VecDeque::new(),
            told: after,
            read: after,
            upto: Some(upto),
            batches: None,
            // At once: whoever is cut before the first event knows where to go on.
            next_beat: Instant::now(),
            _watch: watch,
        }
    }

    /// What comes next. After [`Step::Cut`] nothing does.
    pub async fn next(&mut self) -> Step {
        loop {
            if let Some(over) = self.over() {
                return self.cut(over);
            }
            if let Some(told) = self.ready.pop_front() {
                self.told = if self.ready.is_empty() { self.read } else { told.position };
                return Step::Told(told);
            }
            self.told = self.read;
            if self.next_beat <= Instant::now() {
                return self.beat();
            }
            match self.go_on().await {
                Ok(None) => {}
                Ok(Some(step)) => return step,
                Err(error) => {
                    tracing::debug!(%error, "a stream waits for the database");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    fn over(&self) -> Option<Cut> {
        if self.options.stop.is_cancelled() {
            return Some(Cut::Stopping);
        }
        self.options.until.filter(|until| *until <= Instant::now()).map(|_| Cut::Expired)
    }

    fn cut(&self, why: Cut) -> Step {
        Step::Cut(why, Place(self.told))
    }

    fn beat(&mut self) -> Step {
        self.next_beat = Instant::now() + self.options.beat;
        Step::Quiet(Place(self.told))
    }

    /// Reads a page, or waits for a batch. `None`: look again.
    async fn go_on(&mut self) -> Result<Option<Step>, Error> {
        match (self.upto, &self.batches) {
            (Some(upto), _) if self.read < upto => self.read_page(upto).await,
            (None, _) => {
                self.upto = Some(self.shared.settled().await?.0);
                Ok(None)
            }
            (_, None) => {
                // Subscribed first and looked after that: what was sent before lies below the head that is found now.
                self.batches = Some(self.shared.batches().subscribe());
                self.upto = None;
                self.shared.wake().notify_one();
                Ok(None)
            }
            (_, Some(_)) => Ok(self.take_batch().await),
        }
    }

    async fn read_page(&mut self, upto: i64) -> Result<Option<Step>, Error> {
        // An error cannot happen: the semaphore is never closed.
        let _permit = self.shared.reading().acquire().await;
        let span = FeedSpan { after: self.read, upto, limit: PAGE, bytes: PAGE_BYTES };
        match self.shared.store().feed_page(&self.filter, span).await? {
            FeedRead::Page(page) => {
                self.read = page.looked_to;
                self.ready.extend(page.events.into_iter().filter_map(told));
                Ok(None)
            }
            FeedRead::Gone(_) => Ok(Some(self.cut(Cut::Gone))),
        }
    }

    /// Waits for a batch, the next sign of life, or the end.
    async fn take_batch(&mut self) -> Option<Step> {
        let Some(batches) = &mut self.batches else { return None };
        let until = self.options.until.map_or(self.next_beat, |until| until.min(self.next_beat));
        let received = tokio::select! {
            received = batches.recv() => received,
            () = self.options.stop.cancelled() => return None,
            () = tokio::time::sleep_until(until) => return None,
        };
        match received {
            Ok(batch) => self.take(&batch),
            Err(RecvError::Lagged(_)) => return Some(self.cut(Cut::Slow)),
            Err(RecvError::Closed) => return Some(self.cut(Cut::Stopping)),
        }
        None
    }

    fn take(&mut self, batch: &Batch) {
        if batch.last <= self.read {
            // It was read as a page.
        } else if batch.after > self.read {
            // Something between was sent before this follower came.
            self.upto = Some(batch.last);
        } else if batch.can_judge(&self.filter) {
            self.ready.extend(batch.fitting(&self.filter, self.read).cloned());
            self.read = batch.last;
        } else {
            self.upto = Some(batch.last);
        }
    }
}
