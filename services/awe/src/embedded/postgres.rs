//! A private Postgres as a child process. Its database is made at the first start and kept.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

use super::installation::Installation;
use super::process::{PAUSE, Service, is_program, kept_ports, log_tail, pid_in, run};
use super::programs::{postgres_dir, version_in};

/// Recovery after a crash takes a while on a large database.
const READY_WITHIN: Duration = Duration::from_secs(90);
const ATTEMPTS: usize = 5;
/// Causes of a failed start that pass by themselves or with another port. The log of another program is the only place
/// where they are to be found.
const PASSING: [&str; 3] = ["Address already in use", "could not bind", "shared memory block"];

/// A running Postgres with the database `awe`, owned by the user `awe`.
#[derive(Debug)]
pub(super) struct Postgres {
    installation: Installation,
    service: Service,
    port: u16,
}

impl Postgres {
    /// Makes the database when there is none, ends a server that an earlier run left behind, starts one.
    pub(super) async fn start(data_dir: &Path, bin: Option<&Path>, durable: bool) -> anyhow::Result<Self> {
        let installation = Installation::settle(data_dir, postgres_dir(bin)?).await?;
        if has_database(&installation.data)? {
            check_major(&installation).await?;
            end_left_over(&installation).await?;
        } else {
            make_database(&installation, durable).await?;
        }
        let log = data_dir.join("postgres.log");
        let mut attempt = 1;
        loop {
            let [port] = kept_ports(&data_dir.join("postgres.port"))?;
            let mut service = launch(&installation, port, durable, &log)?;
            match wait_until_ready(&mut service, &installation.data, &log).await {
                Ok(()) => return Ok(Self { installation, service, port }),
                Err(failure) if attempt == ATTEMPTS || !will_pass(&log) => return Err(failure),
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
            attempt += 1;
        }
    }

    /// The URL that it answers at, as the owner of the tables.
    pub(super) fn url(&self) -> String {
        format!("postgres://awe@127.0.0.1:{}/awe", self.port)
    }

    /// Fast shutdown: sessions are ended, everything committed is on disk.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        if let Err(failure) = pg_ctl_stop(&self.installation, "fast", 10).await {
            tracing::warn!("{failure:#}");
        }
        self.service.end().await
    }
}

/// Whether `data` holds a database; an absent or empty directory does not.
fn has_database(data: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(data) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(cause).with_context(|| {
            format!(
                "cannot read {}: was it made by another user? Run as that one, or remove it",
                data.display()
            )
        }),
        Ok(mut entries) => {
            if data.join("PG_VERSION").is_file() {
                return Ok(true);
            }
            if entries.next().is_none() {
                return Ok(false);
            }
            bail!("{} is not empty and not a PostgreSQL data directory: move it away", data.display())
        }
    }
}

/// Refuses a database that another major version made. Postgres would refuse it too, without saying what to do.
async fn check_major(installation: &Installation) -> anyhow::Result<()> {
    let file = installation.data.join("PG_VERSION");
    let noted = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let said = run("postgres --version", installation.command("postgres").arg("--version")).await?;
    let made = version_in(&noted).with_context(|| format!("{} names no version", file.display()))?.0;
    let have = version_in(&said).with_context(|| format!("postgres names no version: {said}"))?.0;
    if made != have {
        bail!(
            "the database in {data} was made by PostgreSQL {made}, but the programs in {bin} are PostgreSQL {have}.\n\
             Either use PostgreSQL {made} (AWE_POSTGRES_BIN names the directory with its initdb, postgres and \
             pg_ctl),\nor start with an empty database: `./dev up --fresh`, or remove {data}. \
             pg_dump of PostgreSQL {made} saves what is in it first.",
            data = installation.data.display(),
            bin = installation.bin.display(),
        );
    }
    Ok(())
}

/// Ends the server that still runs on this database because the `awe` that started it was killed.
async fn end_left_over(installation: &Installation) -> anyhow::Result<()> {
    let file = installation.data.join("postmaster.pid");
    let Some(pid) = pid_in(&file) else { return Ok(()) };
    if !serves(pid, &installation.data).await {
        // A crash left the file behind, and the number may belong to any program now.
        return fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()));
    }
    tracing::info!("stopping the PostgreSQL (process {pid}) that an earlier run left behind");
    if pg_ctl_stop(installation, "fast", 30).await.is_ok() {
        return Ok(());
    }
    pg_ctl_stop(installation, "immediate", 30).await
}

/// Whether `pid` is a Postgres that works in `data`; where the system does not tell the latter, the name counts.
async fn serves(pid: Pid, data: &Path) -> bool {
    let elsewhere = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd != data);
    !elsewhere && is_program(pid, "postgres").await
}

async fn pg_ctl_stop(installation: &Installation, mode: &str, seconds: u32) -> anyhow::Result<()> {
    let mut command = installation.command("pg_ctl");
    command.arg("stop").arg("-D").arg(&installation.data).args([
        "-w",
        "-m",
        mode,
        "-t",
        &seconds.to_string(),
    ]);
    run("pg_ctl stop", &mut command).await.map(drop)
}

/// Makes the database beside its final place and moves it there when complete.
async fn make_database(installation: &Installation, durable: bool) -> anyhow::Result<()> {
    tracing::info!("creating the database in {}", installation.data.display());
    let new = installation.data.with_extension("new");
    if new.exists() {
        fs::remove_dir_all(&new).with_context(|| format!("cannot remove {}", new.display()))?;
    }
    DirBuilder::new().mode(0o700).create(&new).with_context(|| format!("cannot create {}", new.display()))?;
    installation.give(&new)?;
    let mut initdb = installation.command("initdb");
    initdb.arg("-D").arg(&new).args(["--username=awe", "--auth=trust", "--encoding=UTF8"]);
    // Search ignores case, also of letters beyond ASCII, where the C library knows them without a language.
    let ctype = if cfg!(target_os = "linux") { "--lc-ctype=C.UTF-8" } else { "--lc-ctype=C" };
    initdb.args(["--lc-collate=C", ctype]);
    if !durable {
        initdb.arg("--no-sync");
    }
    run("initdb", &mut initdb).await?;
    create_awe(installation, &new).await?;
    fs::rename(&new, &installation.data)
        .with_context(|| format!("cannot move {} to {}", new.display(), installation.data.display()))
}

/// Creates the database `awe` with the server's own single-user mode: no client program is needed.
async fn create_awe(installation: &Installation, data: &Path) -> anyhow::Result<()> {
    let mut command = installation.command("postgres");
    command.arg("--single").arg("-D").arg(data).args(["-c", "log_min_messages=error", "postgres"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run postgres --single")?;
    let mut input = child.stdin.take().context("postgres --single takes no input")?;
    input.write_all(b"CREATE DATABASE awe OWNER awe\n").await.context("postgres --single takes no input")?;
    drop(input);
    let output = child.wait_with_output().await?;
    // In single-user mode Postgres ends with success although a statement failed, so its messages have to be read.
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("ERROR") || said.contains("FATAL") {
        bail!("cannot create the database `awe` ({}):\n{}", output.status, said.trim_end());
    }
    Ok(())
}

fn launch(installation: &Installation, port: u16, durable: bool, log: &Path) -> anyhow::Result<Service> {
    let mut command = installation.command("postgres");
    command.arg("-D").arg(&installation.data);
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
    ];
    if !durable {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every session to leave.
    Service::spawn("PostgreSQL", command, log, Signal::SIGINT)
}

async fn wait_until_ready(service: &mut Service, data: &Path, log: &Path) -> anyhow::Result<()> {
    let file = data.join("postmaster.pid");
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        if let Some(status) = service.ended()? {
            bail!("PostgreSQL did not start ({status}); {}", log_tail(log));
        }
        if says_ready(&file, service.pid()) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    service.end().await?;
    bail!("PostgreSQL was not ready within {READY_WITHIN:?}; {}", log_tail(log))
}

/// Postgres keeps its process id in the first line of its pid file and its state in the eighth.
fn says_ready(file: &Path, pid: Option<u32>) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let mut lines = text.lines().map(str::trim);
    lines.next() == pid.map(|pid| pid.to_string()).as_deref() && lines.nth(6) == Some("ready")
}

fn will_pass(log: &Path) -> bool {
    let said = log_tail(log);
    PASSING.iter().any(|reason| said.contains(reason))
}
