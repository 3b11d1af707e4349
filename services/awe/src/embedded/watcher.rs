//! Ends a server when its `awe dev` is gone, also when that was killed and could do nothing any more. A helper process reads
//! from a pipe that only `awe dev` holds open; the system closes the pipe however `awe dev` ends.

use anyhow::Context as _;
use nix::sys::signal::Signal;
use std::process::Stdio;
use tokio::process::{Child, ChildStdin, Command};

/// Reads until the pipe is closed, then sends the signal. It ignores the terminal's signals, or Ctrl-C would end it first.
const SCRIPT: &str = "trap '' INT TERM HUP QUIT
while read -r _; do :; done
kill -s \"$1\" \"$2\" 2>/dev/null";

/// The helper process of one server. Dropping it closes the pipe, so the server is ended.
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
        // An error means that it has ended already.
        let _ = self.child.kill().await;
    }
}
