//! File descriptors: if connections took all of them, the process could no longer reach its database.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors kept free for the database, NATS, deliveries and files.
const OTHERS: u64 = 512;

/// How many connections may be accepted, at most `wanted`. Raises the process' soft limit as far as the hard limit
/// allows, and logs a warning when that is not enough.
#[must_use]
pub fn connections(wanted: usize) -> usize {
    let wanted = wanted as u64;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return within(wanted, u64::MAX) };
    let raised = (wanted + OTHERS).clamp(soft, hard.max(soft));
    let limit =
        if raised > soft && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() { raised } else { soft };
    let possible = within(wanted, limit);
    if (possible as u64) < wanted {
        tracing::warn!(
            possible,
            wanted,
            limit,
            "server.max_connections needs more open files than this process may have (ulimit -n)"
        );
    }
    possible
}

/// Of a small limit, connections get at least one half.
fn within(wanted: u64, limit: u64) -> usize {
    let possible = limit.saturating_sub(OTHERS).max(limit / 2).max(1);
    usize::try_from(wanted.min(possible)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(within(10_000, 1_048_576), 10_000);
        assert_eq!(within(10_000, 4096), 4096 - 512);
        assert_eq!(within(10_000, 256), 128);
        assert_eq!(within(10, 1024), 10);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let wanted = 600;
        let possible = connections(wanted);
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).expect("is told");
        assert!(possible <= wanted && soft >= possible as u64, "{possible} of {wanted}, {soft} files");
    }
}
