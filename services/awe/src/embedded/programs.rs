//! Finds the programs of Postgres and the nats-server program, and reads their versions.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::process::run;

const POSTGRES_PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_ctl"];
/// Where Debian and its kin keep one directory for each major version.
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";
/// The first version with stream transforms, which the bus relies on.
const OLDEST_NATS: (u32, u32) = (2, 10);

/// The directory with Postgres's programs: as given, else as `AWE_POSTGRES_BIN` says, else on `PATH`, else the
/// newest under `/usr/lib/postgresql`.
pub(super) fn postgres_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(dir) = named(given, "AWE_POSTGRES_BIN") {
        if let Some(missing) = POSTGRES_PROGRAMS.iter().find(|program| !dir.join(program).is_file()) {
            bail!("{} has no `{missing}`: it is not a directory of PostgreSQL programs", dir.display());
        }
        return installed_in(&dir);
    }
    let found = path_dirs().find(|dir| has_postgres(dir)).or_else(newest_debian_postgres).context(
        "PostgreSQL was not found: start with `./dev up`, which fetches it (`./dev setup` alone does only that), \
         or name a directory with initdb, postgres and pg_ctl in AWE_POSTGRES_BIN, \
         or a running server in AWE__DATABASE__URL",
    )?;
    installed_in(&found)
}

/// The nats-server program: as given, else as `AWE_NATS_BIN` says, else on `PATH`.
pub(super) async fn nats_server(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let program = match named(given, "AWE_NATS_BIN") {
        Some(file) if file.is_file() => file,
        Some(file) => bail!("{} is not a file: it should be the nats-server program", file.display()),
        None => path_dirs().map(|dir| dir.join("nats-server")).find(|file| file.is_file()).context(
            "nats-server was not found: start with `./dev up`, which fetches it (`./dev setup` alone does only \
             that), or name the program in AWE_NATS_BIN, or a running server in AWE__NATS__URL",
        )?,
    };
    let said = run("nats-server --version", Command::new(&program).arg("--version")).await?;
    match version_in(&said) {
        Some(version) if version >= OLDEST_NATS => Ok(program),
        _ => bail!(
            "{} is `{}`, but AWE needs {}.{} or newer: `./dev setup` fetches one, AWE_NATS_BIN names one",
            program.display(),
            said.trim(),
            OLDEST_NATS.0,
            OLDEST_NATS.1
        ),
    }
}

/// The first version number in what a program prints about itself.
pub(super) fn version_in(text: &str) -> Option<(u32, u32)> {
    let word = text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = word.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    Some((major, minor))
}

fn named(given: Option<&Path>, variable: &str) -> Option<PathBuf> {
    let from_env = || env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    given.map(Path::to_path_buf).or_else(from_env)
}

fn path_dirs() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    dirs.into_iter()
}

fn has_postgres(dir: &Path) -> bool {
    POSTGRES_PROGRAMS.iter().all(|program| dir.join(program).is_file())
}

fn newest_debian_postgres() -> Option<PathBuf> {
    let entries = fs::read_dir(DEBIAN_POSTGRES).ok()?;
    let version = |name: &OsStr| name.to_str().and_then(version_in);
    entries
        .flatten()
        .filter_map(|entry| Some((version(&entry.file_name())?, entry.path().join("bin"))))
        .filter(|(_, dir)| has_postgres(dir))
        .max_by_key(|(version, _)| *version)
        .map(|(_, dir)| dir)
}

/// Where the programs really are: a directory on `PATH` may hold only links to them.
fn installed_in(dir: &Path) -> anyhow::Result<PathBuf> {
    let program = fs::canonicalize(dir.join("postgres"))
        .with_context(|| format!("cannot resolve {}", dir.join("postgres").display()))?;
    let dir = program.parent().context("postgres lies in no directory")?;
    if !has_postgres(dir) {
        bail!("{} lacks one of initdb, postgres, pg_ctl", dir.display());
    }
    Ok(dir.to_path_buf())
}
