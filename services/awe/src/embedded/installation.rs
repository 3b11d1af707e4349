//! Where Postgres's data and programs are, and which user runs it.
//!
//! Postgres refuses to run as root. When `awe` runs as root, its Postgres runs as the user who owns the data, else as
//! `postgres`, else as `nobody`. That user may not be able to enter a checkout under a closed home directory; what it
//! cannot reach is then moved or copied below `/var/tmp`.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use nix::unistd::{Uid, User};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

/// The user a root-started Postgres runs as.
#[derive(Debug, Clone)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    name: String,
}

/// Everything needed to run one of Postgres's programs.
#[derive(Debug)]
pub(super) struct Installation {
    /// The database itself, an absolute path.
    pub(super) data: PathBuf,
    /// The directory with `initdb`, `postgres` and `pg_ctl`.
    pub(super) bin: PathBuf,
    account: Option<Account>,
}

impl Installation {
    /// Decides where the Postgres of `data_dir` lives; creates no database.
    pub(super) async fn settle(data_dir: &Path, bin: PathBuf) -> anyhow::Result<Self> {
        let named = data_dir.join("postgres");
        if named.is_symlink() && !named.exists() {
            fs::remove_file(&named).with_context(|| format!("cannot remove {}", named.display()))?;
        }
        let data = fs::canonicalize(&named).unwrap_or_else(|_| named.clone());
        if !Uid::effective().is_root() {
            return Ok(Self { data, bin, account: None });
        }
        let account = account_for(&data)?;
        let mut installation = Self { data, bin, account: Some(account) };
        if !installation.can_enter(data_dir).await {
            installation.move_away(data_dir, &named)?;
        }
        if !installation.can_run().await {
            installation.bin = copy_install(&installation.bin, &elsewhere(data_dir)?)?;
            tracing::info!("PostgreSQL runs from a copy in {}", installation.bin.display());
            if !installation.can_run().await {
                bail!("PostgreSQL's programs do not run from {}", installation.bin.display());
            }
        }
        Ok(installation)
    }

    /// One of Postgres's programs, to be run as the right user and undisturbed by `PG...` variables.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = self.as_account(self.bin.join(program));
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command.current_dir("/").env("HOME", &self.data).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Hands a path over to the user Postgres runs as.
    pub(super) fn give(&self, path: &Path) -> anyhow::Result<()> {
        match &self.account {
            None => Ok(()),
            Some(account) => chown(path, Some(account.uid), Some(account.gid))
                .with_context(|| format!("cannot hand {} to user {}", path.display(), account.name)),
        }
    }

    /// Puts the data where its user can reach it, and leaves a link to it in the data directory.
    fn move_away(&mut self, data_dir: &Path, named: &Path) -> anyhow::Result<()> {
        let user = self.account.as_ref().map_or("", |account| account.name.as_str());
        if named.is_dir() && !named.is_symlink() {
            bail!(
                "user {user}, as whom PostgreSQL runs, can no longer enter {}: open it",
                data_dir.display()
            );
        }
        self.data = elsewhere(data_dir)?.join("postgres");
        if !named.is_symlink() {
            symlink(&self.data, named)
                .with_context(|| format!("cannot link {} to the data", named.display()))?;
        }
        let (there, here) = (self.data.display(), data_dir.display());
        tracing::info!("user {user} cannot enter {here}: PostgreSQL's data is in {there}");
        Ok(())
    }

    fn as_account(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    async fn can_enter(&self, dir: &Path) -> bool {
        let mut probe = self.as_account(PathBuf::from("/bin/sh"));
        probe.args(["-c", ":"]).current_dir(dir);
        probe.output().await.is_ok_and(|output| output.status.success())
    }

    async fn can_run(&self) -> bool {
        for program in ["initdb", "postgres", "pg_ctl"] {
            let answer = self.command(program).arg("--version").output().await;
            if !answer.is_ok_and(|output| output.status.success()) {
                return false;
            }
        }
        true
    }
}

/// The owner of the data when there is one besides root, else `postgres`, else `nobody`.
fn account_for(data: &Path) -> anyhow::Result<Account> {
    if let Ok(existing) = fs::metadata(data)
        && existing.uid() != 0
    {
        let name = User::from_uid(Uid::from_raw(existing.uid())).ok().flatten();
        let name = name.map_or_else(|| existing.uid().to_string(), |user| user.name);
        return Ok(Account { uid: existing.uid(), gid: existing.gid(), name });
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name).context("cannot read the list of users")? {
            return Ok(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name });
        }
    }
    bail!("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")
}

/// A directory of root's that every user can enter, one for each data directory.
fn elsewhere(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let dir = PathBuf::from(format!("/var/tmp/awe-dev-{hash}"));
    match DirBuilder::new().mode(0o755).create(&dir) {
        Err(cause) if cause.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(cause).with_context(|| format!("cannot create {}", dir.display()));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    if !found.is_dir() || found.uid() != 0 {
        bail!("{} exists but is not a directory of root's: remove it", dir.display());
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o755))?;
    Ok(dir)
}

/// Copies a relocatable Postgres install (and the libraries that a Python wheel keeps beside it), unless the
/// copy is already there; returns the copy's directory of programs.
fn copy_install(bin: &Path, elsewhere: &Path) -> anyhow::Result<PathBuf> {
    let root = bin.parent().context("the PostgreSQL programs lie in no install directory")?;
    let package = root.parent().context("the PostgreSQL install lies in no directory")?;
    let install = elsewhere.join("install");
    let copied = install.join("package").join("pginstall").join("bin");
    let changed = fs::metadata(bin.join("postgres"))?.mtime();
    let origin = format!("{} {changed}\n", bin.display());
    let note = install.join("origin");
    if fs::read_to_string(&note).is_ok_and(|noted| noted == origin) {
        return Ok(copied);
    }
    if install.exists() {
        fs::remove_dir_all(&install)?;
    }
    for part in ["bin", "lib", "share"] {
        let from = root.join(part);
        if from.is_dir() {
            copy_tree(&from, &install.join("package").join("pginstall").join(part))?;
        }
    }
    for entry in fs::read_dir(package.parent().unwrap_or(package))?.flatten() {
        if entry.file_name().as_encoded_bytes().ends_with(b".libs") {
            copy_tree(&entry.path(), &install.join(entry.file_name()))?;
        }
    }
    open_to_all(&install)?;
    open_to_all(&install.join("package"))?;
    open_to_all(&install.join("package").join("pginstall"))?;
    fs::write(&note, origin)?;
    Ok(copied)
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    open_to_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
            open_to_all(&target)?;
        }
    }
    Ok(())
}

/// Lets everybody read, and run what its owner can run.
fn open_to_all(path: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    let execute = if mode & 0o100 == 0 { 0 } else { 0o111 };
    fs::set_permissions(path, Permissions::from_mode(mode | 0o444 | execute))?;
    Ok(())
}
