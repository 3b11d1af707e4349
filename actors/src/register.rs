//! Who of the people named by rules, delegations and reassignments exists and is enabled, as the staff directory says.
//!
//! Nobody who creates or decides waits for a directory that is slow or away: for those that nothing is known of in
//! time, it is as if nobody had asked, and for a while nobody asks again.

use crate::directory::Directory;
use futures::StreamExt;
use outbound::DirectoryError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// What is known of so many people is kept, for so long.
const REMEMBERED: u64 = 50_000;
const LIFE: Duration = Duration::from_secs(60);
/// How long a command waits for what is not known yet.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a failure nobody asks for so long.
const REST: Duration = Duration::from_secs(10);
/// People asked about for one command, and so many at a time.
const MOST: usize = 200;
const AT_ONCE: usize = 8;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Register(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: Arc<dyn Directory>,
    /// Whether somebody may sit.
    known: moka::sync::Cache<String, bool>,
    began: Instant,
    /// Milliseconds since `began` until which nobody asks.
    rests_until: AtomicU64,
    /// Questions that nobody may wait for any more.
    asking: TaskTracker,
}

impl Register {
    pub(crate) fn new(directory: Arc<dyn Directory>) -> Self {
        let known = moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(LIFE).build();
        Self(Arc::new(Inner {
            directory,
            known,
            began: Instant::now(),
            rests_until: AtomicU64::new(0),
            asking: TaskTracker::new(),
        }))
    }

    /// Those of these people of whom the directory says that they do not exist or are disabled.
    pub(crate) async fn unknown(&self, users: &BTreeSet<String>) -> Vec<String> {
        if !self.0.directory.knows_people() {
            return Vec::new();
        }
        let missing: Vec<String> =
            users.iter().filter(|user| !self.0.known.contains_key(*user)).take(MOST).cloned().collect();
        if !missing.is_empty() && !self.rests() {
            // Goes on when the command does not wait for it any longer: the next one finds what it has learnt.
            let asking = self.0.asking.spawn(self.clone().ask(missing));
            if tokio::time::timeout(PATIENCE, asking).await.is_err() {
                self.rest();
            }
        }
        users.iter().filter(|user| self.0.known.get(*user) == Some(false)).cloned().collect()
    }

    /// Whether somebody may sit, asked now; `None` when the directory does not say.
    pub(crate) async fn may_sit(&self, user: &str) -> Option<bool> {
        if !self.0.directory.knows_people() {
            return None;
        }
        let asked = tokio::time::timeout(PATIENCE, self.0.directory.may_sit(user)).await;
        let found = asked.ok()?.ok()??;
        self.0.known.insert(user.to_owned(), found);
        Some(found)
    }

    /// Waits for questions under way, at most `deadline`.
    pub(crate) async fn stop(&self, deadline: Duration) {
        self.0.asking.close();
        let _ = tokio::time::timeout(deadline, self.0.asking.wait()).await;
    }

    async fn ask(self, users: Vec<String>) {
        let asked = users.into_iter().map(|user| async {
            let answer = self.0.directory.may_sit(&user).await;
            (user, answer)
        });
        let mut answers = std::pin::pin!(futures::stream::iter(asked).buffer_unordered(AT_ONCE));
        while let Some((user, answer)) = answers.next().await {
            match answer {
                Ok(Some(may_sit)) => self.0.known.insert(user, may_sit),
                Ok(None) => {}
                Err(error) => return self.gave_up(&error),
            }
        }
    }

    fn gave_up(&self, error: &DirectoryError) {
        tracing::warn!(%error, "people could not be looked up; they are seated unchecked meanwhile");
        self.rest();
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn rest(&self) {
        let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
        self.0.rests_until.store(self.now().saturating_add(rest), Ordering::Release);
    }

    fn rests(&self) -> bool {
        self.now() < self.0.rests_until.load(Ordering::Acquire)
    }
}
