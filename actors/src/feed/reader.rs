//! The one reader of a process: while anybody follows, it reads each event once and sends it to all.

use super::batch::{BATCH_BYTES, Batch, told};
use super::shared::Shared;
use crate::Error;
use crate::background::Job;
use crate::loops;
use std::sync::Arc;
use std::time::Duration;
use store::feed::{FeedEvent, FeedRead, FeedSpan};
use uuid::Uuid;

/// Most events of a batch.
const BATCH: i64 = 256;
/// Batches of one round. Followers are to take them in between, or they would be cut without any fault of theirs.
const AT_ONCE: usize = 32;
/// How long events are gathered after some were sent, since each batch wakes every follower; and the pause before the
/// next look at a gap, since commits go on and each wakes the reader.
const GATHER: Duration = Duration::from_millis(25);
/// How often the head is looked at without a signal.
const POLL: Duration = Duration::from_secs(1);
/// Nobody follows; whoever comes wakes the reader.
const IDLE: Duration = Duration::from_secs(3600);

pub(super) struct Reader {
    shared: Arc<Shared>,
    /// Everything up to here was sent to whoever followed then; `None`: nobody has.
    sent: Option<i64>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, sent: None }
    }

    fn send(&mut self, batch: Batch) {
        self.sent = Some(batch.last);
        // Fails when the last follower has just gone.
        let _ = self.shared.batches().send(Arc::new(batch));
    }

    /// Sends what follows on `sent`, up to the head. Returns whether there was anything.
    async fn send_up_to(&mut self, settled: i64) -> Result<bool, Error> {
        let Some(mut sent) = self.sent else {
            // An empty batch tells those who came before the reader looked to read what lies below.
            self.send(Batch { after: settled, last: settled, ..Batch::default() });
            return Ok(false);
        };
        let began = sent;
        for _ in 0..AT_ONCE {
            if sent >= settled {
                break;
            }
            loops::beat();
            let batch = self.next(sent, settled).await?;
            sent = batch.last;
            self.send(batch);
        }
        Ok(sent > began)
    }

    async fn next(&self, after: i64, upto: i64) -> Result<Batch, Error> {
        // Asked first: whoever comes later reads this batch as a page.
        let people = self.shared.watched();
        let span = FeedSpan { after, upto, limit: BATCH, bytes: BATCH_BYTES };
        let page = match self.shared.store().feed_next(span).await? {
            FeedRead::Page(page) => page,
            // Followers that lack what is gone find out when they read it as a page.
            FeedRead::Gone(beginning) => {
                return Ok(Batch { after: beginning, last: beginning, ..Batch::default() });
            }
        };
        let involved = self.involved(&page.events, &people).await?;
        let events = page.events.into_iter().filter_map(told).collect();
        let (people, involved) = (people.into_iter().collect(), involved.into_iter().collect());
        Ok(Batch { after, last: page.looked_to, events, people, involved })
    }

    async fn involved(&self, events: &[FeedEvent], people: &[String]) -> Result<Vec<(Uuid, String)>, Error> {
        if people.is_empty() || events.is_empty() {
            return Ok(Vec::new());
        }
        let mut requests: Vec<Uuid> = events.iter().map(|event| event.event.request_id).collect();
        requests.sort_unstable();
        requests.dedup();
        Ok(self.shared.store().involved(&requests, people).await?)
    }
}

impl Job for Reader {
    const NAME: &'static str = "feed";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        if self.shared.batches().receiver_count() == 0 {
            self.sent = None;
            return Ok(IDLE);
        }
        let (settled, waits) = self.shared.settled().await?;
        if self.send_up_to(settled).await? || waits {
            tokio::time::sleep(GATHER).await;
        }
        let behind = self.sent.is_some_and(|sent| sent < settled);
        Ok(if behind || waits { Duration::ZERO } else { POLL })
    }
}
