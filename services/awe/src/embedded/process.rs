//! Child processes: starts them with a log, waits for them, ends them. Also ends processes of an earlier run, which are
//! not our children.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::watcher::Watcher;

/// Pause between two checks of a condition.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// How long a server may take to end before it is killed.
pub(super) const END_WITHIN: Duration = Duration::from_secs(10);

/// One server that runs as our child. Dropping it asks it to end without waiting.
#[derive(Debug)]
pub(super) struct Service {
    name: &'static str,
    child: Child,
    ask: Signal,
    watcher: Option<Watcher>,
}

impl Service {
    /// Spawns `command` in a process group of its own, its output in the file `log`; `ask` is the signal that
    /// makes it end in order.
    pub(super) fn spawn(
        name: &'static str,
        mut command: Command,
        log: &Path,
        ask: Signal,
    ) -> anyhow::Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let err = out.try_clone()?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let watcher = child.id().map(|pid| Watcher::of(pid, ask)).transpose();
        if watcher.is_err() {
            // Without a watcher it would outlive us if we were killed, so it is ended at once.
            child.start_kill().with_context(|| format!("cannot kill {name}"))?;
        }
        Ok(Self { name, child, ask, watcher: watcher? })
    }

    /// The process id, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks it to end, waits, and kills it when it does not.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        self.send(self.ask);
        let ended = timeout(END_WITHIN, self.child.wait()).await.is_ok();
        if let Some(watcher) = &mut self.watcher {
            watcher.dismiss().await;
        }
        if ended {
            return Ok(());
        }
        tracing::warn!("{} did not end within {END_WITHIN:?} and is killed", self.name);
        self.child.kill().await.with_context(|| format!("cannot kill {}", self.name))
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // An error means that it has ended in between, which is what is wanted.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.send(self.ask);
        }
    }
}

/// Runs a short-lived command to its end and returns what it printed, or fails with that.
pub(super) async fn run(what: &str, command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().await.with_context(|| format!("cannot run {what}"))?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{what} failed ({}):\n{}", output.status, text.trim_end());
    }
    Ok(text)
}

/// Ends a process that is not our child: `signal` first, then, after a while, a kill.
pub(super) async fn end_stranger(pid: Pid, signal: Signal) -> anyhow::Result<()> {
    for signal in [signal, Signal::SIGKILL] {
        match kill(pid, signal) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Ok(()),
            Err(cause) => return Err(cause).with_context(|| format!("cannot stop process {pid}")),
        }
        let deadline = Instant::now() + END_WITHIN;
        while Instant::now() < deadline {
            if !is_alive(pid) {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }
    bail!("process {pid} does not end")
}

/// Whether the process exists and is no zombie.
pub(super) fn is_alive(pid: Pid) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
            !matches!(state, Some('Z' | 'X'))
        }
        Err(_) => !matches!(kill(pid, None), Err(Errno::ESRCH)),
    }
}

/// Whether the living process `pid` runs the program `name`, as far as the system tells.
pub(super) async fn is_program(pid: Pid, name: &str) -> bool {
    if !is_alive(pid) {
        return false;
    }
    if let Ok(comm) = fs::read_to_string(format!("/proc/{pid}/comm")) {
        return comm.trim() == name;
    }
    let listed = Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output().await;
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(name))
}

/// The process id on the first line of a pid file.
pub(super) fn pid_in(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    (pid > 1).then(|| Pid::from_raw(pid))
}

/// The ports of the last start, which `file` remembers, as long as all of them are free; else new ones, which it then
/// remembers. URLs that people noted stay right that way.
pub(super) fn kept_ports<const N: usize>(file: &Path) -> anyhow::Result<[u16; N]> {
    let noted = fs::read_to_string(file).unwrap_or_default();
    let noted: Vec<u16> = noted.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    if let Ok(ports) = <[u16; N]>::try_from(noted)
        && are_free(&ports)
    {
        return Ok(ports);
    }
    let ports = free_ports()?;
    let text: Vec<String> = ports.iter().map(u16::to_string).collect();
    fs::write(file, text.join(" ")).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(ports)
}

/// Whether each of these ports can be listened on now. Zero is no port.
pub(super) fn are_free(ports: &[u16]) -> bool {
    ports.iter().all(|port| *port > 0 && TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// Ports of 127.0.0.1 that are free now. Another program can take one before it is used: be ready to try again.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// The last lines of a log, for an error message.
pub(super) fn log_tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(20);
    format!("last lines of {}:\n{}", log.display(), lines.get(from..).unwrap_or_default().join("\n"))
}
