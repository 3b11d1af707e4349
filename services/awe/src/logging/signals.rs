//! Signals that change what is logged: for whoever has a shell beside the process, and no token.

use super::{BEGAN, set_levels};
use crate::config::CRATES;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

/// Listens until it is dropped: SIGUSR1 logs everything about AWE itself, SIGUSR2 what was logged at the start.
///
/// # Errors
/// Signals cannot be listened to.
pub(crate) fn listen() -> std::io::Result<AbortOnDropHandle<()>> {
    let (mut more, mut less) = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let (name, filter) = tokio::select! {
                _ = more.recv() => ("SIGUSR1", detailed()),
                _ = less.recv() => ("SIGUSR2", began()),
            };
            match set_levels(&filter) {
                Ok(()) => tracing::warn!(signal = name, filter, "something else is logged from now on"),
                Err(error) => tracing::warn!(signal = name, %error, "what is logged stays as it is"),
            }
        }
    })))
}

fn began() -> String {
    BEGAN.get().cloned().unwrap_or_default()
}

/// What was logged at the start, and everything about our own crates.
fn detailed() -> String {
    let ours = CRATES.iter().map(|name| format!("{name}=debug"));
    std::iter::once(began()).filter(|filter| !filter.is_empty()).chain(ours).collect::<Vec<_>>().join(",")
}
