//! Runs the writers of the group commit as supervised loops.

use crate::loops::Loops;
use store::Store;
use store::commit::{Committer, Limits};
use tokio_util::sync::CancellationToken;

/// The loop without which nothing can be written.
pub const COMMIT_WRITER: &str = "commit writer";

/// Starts the writers. They end when `written` is cancelled, not when the other loops are stopped: what is decided until
/// then must still be written.
pub(crate) fn start(store: &Store, limits: Limits, loops: &Loops, written: &CancellationToken) -> Committer {
    let (committer, writers) = Committer::new(store, limits);
    for writer in writers {
        let written = written.clone();
        loops.spawn(COMMIT_WRITER, move || {
            let (writer, written) = (writer.clone(), written.clone());
            async move {
                tokio::select! {
                    () = writer.run() => {}
                    () = written.cancelled() => {}
                }
                Ok(())
            }
        });
    }
    committer
}
