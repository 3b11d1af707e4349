//! The feed of all events, for readers who pull pages and for streams that stay open.
//!
//! Cast: [`Shared`] knows how far the feed is settled, and asks the database at most once for all who want to know at
//! the same moment. While streams are open, the one [`Reader`] of the process follows the head and sends each
//! [`batch::Batch`] to all of them. A [`Follower`] is one stream: it reads pages by itself until it has reached the
//! head, and then takes batches.
//!
//! Authority: the database. Batches are told apart by the positions that they follow on, so a follower that missed one
//! notices, and reads the pages that it lacks.
//!
//! Bounds: a batch has at most so many bytes, and so many batches are kept for those that are behind; a follower that
//! is further behind is cut, and nobody waits for it. Followers that read pages share a few permits. Without streams
//! and readers nothing is asked of the database.

mod batch;
mod follower;
mod reader;
mod shared;

pub use batch::Told;
pub use follower::{Cut, Follower, FollowerOptions, Step};

use crate::Error;
use crate::background;
use crate::loops::Loops;
use reader::Reader;
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::feed::{FeedFilter, FeedPage, FeedRead, FeedSpan, Place};
use tokio::sync::Notify;

/// Most bytes of payloads in one page that is pulled.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;
/// How long a reader waits for a gap right behind its cursor. Most are filled within a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event from which on nothing is missing.
    Beginning,
    /// With what is committed from now on.
    Now,
    /// After this place.
    After(Place),
}

/// The door to the feed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed(Arc<Shared>);

impl Feed {
    /// `wake` is notified when events were committed.
    pub(crate) fn new(store: Store, wake: Arc<Notify>) -> Self {
        Self(Arc::new(Shared::new(store, wake)))
    }

    /// Starts the reader of this process.
    pub(crate) fn start(&self, loops: &Loops) {
        background::start(loops, Reader::new(Arc::clone(&self.0)), Arc::clone(self.0.wake()));
    }

    /// A page of the events that fit, and the place at which the next one goes on. The place moves on although nothing
    /// fits, because a page looks at a bounded number of events.
    ///
    /// # Errors
    /// [`Error::FeedGone`], [`Error::FeedUnreached`], [`Error::Unavailable`].
    pub async fn page(&self, filter: &FeedFilter, start: Start, limit: u32) -> Result<FeedPage, Error> {
        let (after, upto) = self.begin(start).await?;
        let span = FeedSpan { after, upto, limit: i64::from(limit), bytes: PAGE_BYTES };
        match self.0.store().feed_page(filter, span).await? {
            FeedRead::Page(page) => Ok(page),
            FeedRead::Gone(beginning) => Err(Error::FeedGone(Place(beginning))),
        }
    }

    /// Follows the feed until it is cut.
    ///
    /// # Errors
    /// As [`Feed::page`].
    pub async fn follow(
        &self,
        filter: FeedFilter,
        start: Start,
        options: FollowerOptions,
    ) -> Result<Follower, Error> {
        let (after, upto) = self.begin(start).await?;
        let beginning = self.0.store().feed_beginning().await?;
        if after < beginning {
            return Err(Error::FeedGone(Place(beginning)));
        }
        Ok(Follower::new(Arc::clone(&self.0), filter, after, upto, options))
    }

    /// The position after which to read, and up to where.
    async fn begin(&self, start: Start) -> Result<(i64, i64), Error> {
        let beginning = match start {
            Start::Beginning => Some(self.0.store().feed_beginning().await?),
            Start::Now => None,
            Start::After(Place(after)) => Some(after),
        };
        let settled = self.0.settled_beyond(beginning.unwrap_or(i64::MAX), PATIENCE).await?;
        let after = beginning.unwrap_or(settled);
        // A place that was told by a process that has seen more is fine; one that no event ever had is of another
        // database, or of this one before it was restored, and would wait for ever or skip what comes.
        if after > settled && !self.0.store().feed_has_reached(after).await? {
            return Err(Error::FeedUnreached);
        }
        Ok((after, settled))
    }
}
