//! What time it is: the system's clock, which in a debug build a test may put wrong.
//!
//! A debug build that is started with `AWE_TEST_CLOCK` naming a file adds the seconds that are in it, read anew again
//! and again, so that the clock of a running process can be made to jump (`./dev faults`). A release build knows
//! nothing of this.

use time::OffsetDateTime;

/// Now.
#[must_use]
pub fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    let now = OffsetDateTime::now_utc();
    #[cfg(debug_assertions)]
    let now = now + wrong::offset();
    now
}

#[cfg(debug_assertions)]
mod wrong {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
    use std::sync::{LazyLock, OnceLock};
    use std::time::Instant;
    use time::Duration;

    const READ_EVERY_MS: u64 = 50;

    static FILE: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    static READ_AT: AtomicU64 = AtomicU64::new(0);
    static OFFSET_MS: AtomicI64 = AtomicI64::new(0);

    pub(super) fn offset() -> Duration {
        let Some(file) = FILE.get_or_init(|| std::env::var_os("AWE_TEST_CLOCK").map(Into::into)) else {
            return Duration::ZERO;
        };
        // Late enough that the first call reads.
        let now =
            u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(READ_EVERY_MS);
        if now.saturating_sub(READ_AT.load(Ordering::Relaxed)) >= READ_EVERY_MS {
            READ_AT.store(now, Ordering::Relaxed);
            let seconds = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<f64>().ok());
            if let Some(seconds) = seconds {
                OFFSET_MS.store(
                    Duration::seconds_f64(seconds).whole_milliseconds().try_into().unwrap_or(0),
                    Ordering::Relaxed,
                );
            }
        }
        Duration::milliseconds(OFFSET_MS.load(Ordering::Relaxed))
    }
}
