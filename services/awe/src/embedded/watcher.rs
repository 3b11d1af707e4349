//! Ends a server whose `awe dev` is gone. A process that is killed can do nothing any more, so another one waits for its
//! end: it reads from a pipe that only `awe dev` holds open, and the system closes that whatever ends it.

use anyhow::Context as _;
use nix::sys::signal::Signal;
use std::process::Stdio;
use tokio::process::{Child, ChildStdin, Command};

/// Reads until the pipe is closed, then sends the signal. What ends `awe dev` by the terminal does not end it before.
const SCRIPT: &str = "trap '' INT TERM HUP QUIT
while read -r _; do :; done
kill -s \"$1\" \"$2\" 2>/dev/null";

/// Waits for the end of this process. Dropping it does what that end does.
#[derive(Debug)]
pub(super) struct Watcher {
    child: Child,
    _pipe: ChildStdin,
}

impl Watcher {
    /// From now on the process `pid` is sent `signal` when this process ends in any way.
    pub(super) fn of(pid: u32, signal: Signal) -> anyhow::Result<Self> {
        let name = signal.as_str().trim_start_matches("SIG");
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "awe-dev-watcher", name, &pid.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run /bin/sh, which ends the servers should this process be killed")?;
        let pipe = child.stdin.take().context("/bin/sh takes no input")?;
        Ok(Self { child, _pipe: pipe })
    }

    /// Stops waiting: what it watches has ended.
    pub(super) async fn dismiss(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.child.kill().await;
    }
}
