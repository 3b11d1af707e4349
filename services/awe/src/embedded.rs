//! The private Postgres and nats-server that `awe dev` runs beside itself.
//!
//! Both are child processes in process groups of their own (a Ctrl-C in the terminal reaches `awe` first, which
//! then ends them), listen on free ports of 127.0.0.1 and keep everything in one data directory. A run that was
//! killed leaves them behind; the next start on that directory ends them before it starts its own.

mod installation;
mod nats;
mod postgres;
mod process;
mod programs;
mod watcher;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use nats::Nats;
use postgres::Postgres;

/// What to start, where, and from which programs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Holds the databases, logs and configuration of both servers; created when missing.
    pub(crate) data_dir: PathBuf,
    /// Directory with `initdb`, `postgres` and `pg_ctl`; looked for when not given.
    pub(crate) postgres_bin: Option<PathBuf>,
    /// The `nats-server` program; looked for when not given.
    pub(crate) nats_bin: Option<PathBuf>,
    /// A running Postgres to use instead of starting one.
    pub(crate) database_url: Option<String>,
    /// A running NATS server to use instead of starting one.
    pub(crate) nats_url: Option<String>,
    /// Keep Postgres's own durability (`fsync`); `false` is for tests on throw-away data.
    pub(crate) durable: bool,
}

/// The running pair. Call [`Embedded::stop`] to end it; dropping it only asks both servers to end.
#[derive(Debug)]
pub(crate) struct Embedded {
    /// Where Postgres answers.
    pub(crate) database_url: String,
    /// Where NATS answers.
    pub(crate) nats_url: String,
    postgres: Option<Postgres>,
    nats: Option<Nats>,
    _lock: Option<File>,
}

impl Embedded {
    /// Starts what `options` does not name as running, and returns when both answer.
    ///
    /// # Errors
    /// When a program or its data directory cannot be used, or a server does not come up in time; whatever was
    /// started before the failure is stopped again.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let dir =
            std::path::absolute(&options.data_dir).context("the data directory has no absolute path")?;
        let needed = options.database_url.is_none() || options.nats_url.is_none();
        let lock = if needed { Some(claim(&dir).await?) } else { None };
        let postgres = match options.database_url {
            None => Some(Postgres::start(&dir, options.postgres_bin.as_deref(), options.durable).await?),
            Some(_) => None,
        };
        let nats = match start_nats(&dir, options).await {
            Ok(nats) => nats,
            Err(failure) => {
                stop_postgres(postgres).await?;
                return Err(failure);
            }
        };
        let database_url = options.database_url.clone().or_else(|| postgres.as_ref().map(Postgres::url));
        let nats_url = options.nats_url.clone().or_else(|| nats.as_ref().map(Nats::url));
        Ok(Self {
            database_url: database_url.context("no PostgreSQL was started")?,
            nats_url: nats_url.context("no NATS server was started")?,
            postgres,
            nats,
            _lock: lock,
        })
    }

    /// Ends both servers in order: what they hold is written to disk first.
    ///
    /// # Errors
    /// When a server could not be ended; the other one is ended all the same.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let nats = async {
            match self.nats {
                Some(nats) => nats.stop().await,
                None => Ok(()),
            }
        };
        let (postgres, nats) = tokio::join!(stop_postgres(self.postgres), nats);
        postgres.and(nats)
    }
}

async fn start_nats(dir: &Path, options: &Options) -> anyhow::Result<Option<Nats>> {
    match options.nats_url {
        None => Ok(Some(Nats::start(dir, options.nats_bin.as_deref()).await?)),
        Some(_) => Ok(None),
    }
}

async fn stop_postgres(postgres: Option<Postgres>) -> anyhow::Result<()> {
    match postgres {
        Some(postgres) => postgres.stop().await,
        None => Ok(()),
    }
}

const LOCK_ATTEMPTS: u32 = 25;
const BETWEEN_LOCK_ATTEMPTS: Duration = Duration::from_millis(20);

/// Makes the data directory ours for as long as the returned file is open, also when we are killed.
async fn claim(dir: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create the data directory {}", dir.display()))?;
    let path = dir.join("awe-dev.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open {} (was it made by another user?)", path.display()))?;
    match lock(&file).await {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            bail!(
                "another `awe dev` (process {}) is using {}: stop it first, or use another data directory",
                holder.trim(),
                dir.display()
            );
        }
        Err(TryLockError::Error(cause)) => {
            return Err(cause).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Locks the file. Tries for a moment: a child of whoever had the lock before holds it too, from its fork to its exec.
async fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => tokio::time::sleep(BETWEEN_LOCK_ATTEMPTS).await,
            locked_or_failed => return locked_or_failed,
        }
    }
    Err(TryLockError::WouldBlock)
}

#[cfg(test)]
mod tests;
