//! Whether the server stayed silent for too long, and since when.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// When the server last stayed silent for too long.
#[derive(Debug)]
pub(super) struct Silence {
    /// How long is too long.
    pub(super) patience: Duration,
    began: Instant,
    /// Milliseconds since `began`; 0 = never.
    noticed: AtomicU64,
}

impl Silence {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, began: Instant::now(), noticed: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn notice(&self) {
        self.noticed.store(self.now().max(1), Ordering::Release);
    }

    /// Returns whether a connection of this age was open when the server stayed silent.
    pub(super) fn suspects(&self, age: Duration) -> bool {
        let noticed = self.noticed.load(Ordering::Acquire);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        noticed > 0 && self.now().saturating_sub(age) <= noticed
    }
}

pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database stayed silent"))
}

/// Waits for an answer of the server. A silence is noticed before `answer` is dropped, so that the pool does not wait for
/// its connection.
pub(super) async fn within<T, E: From<sqlx::Error>>(
    patience: Duration,
    silence: &Silence,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut answer = Box::pin(answer);
    match timeout(patience, &mut answer).await {
        Ok(done) => done,
        Err(_) => {
            silence.notice();
            Err(silent().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_that_were_open_at_a_silence_are_suspect() {
        let began = Instant::now().checked_sub(Duration::from_secs(100)).unwrap_or_else(Instant::now);
        let silence = Silence { patience: Duration::from_secs(12), began, noticed: AtomicU64::new(0) };
        assert!(!silence.suspects(Duration::from_secs(50)), "there was none");
        silence.noticed.store(90_000, Ordering::Release);
        assert!(silence.suspects(Duration::from_secs(50)));
        assert!(!silence.suspects(Duration::from_secs(5)));
    }
}
