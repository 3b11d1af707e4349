//! A private nats-server with `JetStream`, as a child process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::process::{PAUSE, Service, end_stranger, is_program, kept_ports, log_tail, pid_in};
use super::programs::nats_server;

/// Recovering large streams takes a while.
const READY_WITHIN: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 5;

/// A running nats-server.
#[derive(Debug)]
pub(super) struct Nats {
    service: Service,
    port: u16,
}

/// The files of one nats-server.
struct Files {
    config: PathBuf,
    pid: PathBuf,
    log: PathBuf,
    store: PathBuf,
}

impl Nats {
    /// Ends a server that an earlier run left behind and starts one.
    pub(super) async fn start(data_dir: &Path, program: Option<&Path>) -> anyhow::Result<Self> {
        let program = nats_server(program).await?;
        let files = Files {
            config: data_dir.join("nats.conf"),
            pid: data_dir.join("nats.pid"),
            log: data_dir.join("nats.log"),
            store: data_dir.join("jetstream"),
        };
        end_left_over(&files).await?;
        let mut attempt = 1;
        loop {
            let [port, monitor] = kept_ports(&data_dir.join("nats.ports"))?;
            fs::write(&files.config, config(&files, port, monitor))
                .with_context(|| format!("cannot write {}", files.config.display()))?;
            let mut command = Command::new(&program);
            command.arg("-c").arg(&files.config).current_dir("/");
            let mut service = Service::spawn("nats-server", command, &files.log, Signal::SIGTERM)?;
            match wait_until_ready(&mut service, port, &files.log).await {
                Ok(()) => return Ok(Self { service, port }),
                Err(failure) if attempt == ATTEMPTS || !lost_its_port(&files.log) => return Err(failure),
                // Another program took a port between the choice and the start.
                Err(_) => service.end().await?,
            }
            attempt += 1;
        }
    }

    /// The URL that it answers at.
    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.service.end().await
    }
}

/// nats-server says so in its log only, and whoever took the port may have given it back by now.
fn lost_its_port(log: &Path) -> bool {
    log_tail(log).contains("address already in use")
}

fn config(files: &Files, port: u16, monitor: u16) -> String {
    format!(
        "# Written by `awe dev` at each start.\n\
         server_name: awe-dev\n\
         listen: \"127.0.0.1:{port}\"\n\
         http: \"127.0.0.1:{monitor}\"\n\
         pid_file: {pid}\n\
         jetstream {{\n  store_dir: {store}\n}}\n",
        pid = quoted(&files.pid),
        store = quoted(&files.store),
    )
}

fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

/// Ends the server of a killed run, recognised by its name and, where the system tells, its config file.
async fn end_left_over(files: &Files) -> anyhow::Result<()> {
    let Some(pid) = pid_in(&files.pid) else { return Ok(()) };
    let config = files.config.as_os_str().as_encoded_bytes();
    let another = fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| !line.split(|byte| *byte == 0).any(|word| word == config));
    if !another && is_program(pid, "nats-server").await {
        tracing::info!("stopping the nats-server (process {pid}) that an earlier run left behind");
        end_stranger(pid, Signal::SIGTERM).await?;
    }
    if files.pid.exists() {
        fs::remove_file(&files.pid).with_context(|| format!("cannot remove {}", files.pid.display()))?;
    }
    Ok(())
}

async fn wait_until_ready(service: &mut Service, port: u16, log: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        if let Some(status) = service.ended()? {
            bail!("nats-server did not start ({status}); {}", log_tail(log));
        }
        if matches!(timeout(Duration::from_secs(1), greets(port)).await, Ok(Ok(true))) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    service.end().await?;
    bail!("nats-server was not ready within {READY_WITHIN:?}; {}", log_tail(log))
}

/// Whether a NATS server answers there: it speaks first, with a line that starts with `INFO`.
async fn greets(port: u16) -> std::io::Result<bool> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line.starts_with("INFO "))
}
