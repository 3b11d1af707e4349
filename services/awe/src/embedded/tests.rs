use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::programs::version_in;
use super::{Embedded, Options};

/// A data directory that is removed with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("awe-embedded-{}-{number}", std::process::id())))
    }

    fn options(&self) -> Options {
        Options { data_dir: self.0.clone(), ..Options::default() }
    }

    fn only_postgres(&self) -> Options {
        Options { nats_url: Some("nats://127.0.0.1:1".to_owned()), ..self.options() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn address(url: &str) -> anyhow::Result<String> {
    let rest = url.split_once("://").context("no scheme")?.1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    Ok(rest.split('/').next().unwrap_or(rest).to_owned())
}

fn connect(url: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address(url)?)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

/// Opens a session of user `awe` on database `awe` with the start of Postgres's wire protocol.
fn opens_a_session(url: &str) -> anyhow::Result<()> {
    let body = b"\0\x03\0\0user\0awe\0database\0awe\0\0";
    let mut stream = connect(url)?;
    stream.write_all(&u32::try_from(body.len() + 4)?.to_be_bytes())?;
    stream.write_all(body)?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let mut rest = vec![0; usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4)];
        stream.read_exact(&mut rest)?;
        ensure!(kind != b'E', "refused: {}", String::from_utf8_lossy(&rest));
        if kind == b'Z' {
            return Ok(());
        }
    }
}

fn greets(url: &str) -> anyhow::Result<()> {
    let mut word = [0; 5];
    connect(url)?.read_exact(&mut word)?;
    ensure!(&word == b"INFO ", "no NATS server answers");
    Ok(())
}

#[tokio::test]
async fn both_answer_until_they_are_stopped_and_the_next_start_finds_the_same_database() -> anyhow::Result<()>
{
    let scratch = Scratch::new();
    let version = scratch.0.join("postgres/PG_VERSION");

    let first = Embedded::start(&scratch.options()).await?;
    opens_a_session(&first.database_url)?;
    greets(&first.nats_url)?;
    let (database_url, nats_url) = (first.database_url.clone(), first.nats_url.clone());
    let made = fs::metadata(&version)?;
    first.stop().await?;
    assert!(connect(&database_url).is_err(), "PostgreSQL still answers");
    assert!(connect(&nats_url).is_err(), "NATS still answers");

    let second = Embedded::start(&scratch.options()).await?;
    assert_eq!(
        (&second.database_url, &second.nats_url),
        (&database_url, &nats_url),
        "the ports stay the same"
    );
    opens_a_session(&second.database_url)?;
    greets(&second.nats_url)?;
    let kept = fs::metadata(&version)?;
    assert_eq!((made.ino(), made.mtime()), (kept.ino(), kept.mtime()), "the database was made again");
    second.stop().await
}

#[tokio::test]
async fn servers_left_by_a_killed_run_are_stopped_by_the_next_start() -> anyhow::Result<()> {
    let scratch = Scratch::new();
    let killed = Embedded::start(&scratch.options()).await?;
    let left = (killed.database_url.clone(), killed.nats_url.clone());
    // What kill -9 leaves: servers that nobody asked to end, and a lock that nobody holds.
    let Embedded { postgres, nats, _lock, .. } = killed;
    std::mem::forget((postgres, nats));
    drop(_lock);

    let next = Embedded::start(&scratch.options()).await?;
    opens_a_session(&next.database_url)?;
    greets(&next.nats_url)?;
    assert!(left.0 == next.database_url || connect(&left.0).is_err(), "the old PostgreSQL still answers");
    assert!(left.1 == next.nats_url || connect(&left.1).is_err(), "the old NATS still answers");
    next.stop().await
}

#[tokio::test]
async fn a_second_run_on_a_data_directory_in_use_is_refused() -> anyhow::Result<()> {
    let scratch = Scratch::new();
    let first = Embedded::start(&scratch.only_postgres()).await?;
    let refusal = Embedded::start(&scratch.only_postgres()).await.err().context("it started")?.to_string();
    assert!(refusal.contains("another `awe dev`"), "{refusal}");
    assert!(refusal.contains(&std::process::id().to_string()), "{refusal}");
    opens_a_session(&first.database_url)?;
    first.stop().await
}

#[tokio::test]
async fn a_pid_file_that_names_some_other_process_harms_neither() -> anyhow::Result<()> {
    let scratch = Scratch::new();
    Embedded::start(&scratch.options()).await?.stop().await?;
    let ours = format!("{}\n", std::process::id());
    fs::write(scratch.0.join("postgres/postmaster.pid"), &ours)?;
    fs::write(scratch.0.join("nats.pid"), &ours)?;
    let next = Embedded::start(&scratch.options()).await?;
    opens_a_session(&next.database_url)?;
    greets(&next.nats_url)?;
    next.stop().await
}

#[tokio::test]
async fn a_database_of_another_major_version_is_refused_with_both_versions_and_a_way_out()
-> anyhow::Result<()> {
    let scratch = Scratch::new();
    let data = scratch.0.join("postgres");
    fs::create_dir_all(&data)?;
    fs::write(data.join("PG_VERSION"), "8\n")?;
    let refusal = Embedded::start(&scratch.only_postgres()).await.err().context("it started")?.to_string();
    let named = fs::canonicalize(&data)?.display().to_string();
    for word in ["made by PostgreSQL 8", "are PostgreSQL ", named.as_str(), "--fresh", "AWE_POSTGRES_BIN"] {
        assert!(refusal.contains(word), "{word} is missing in: {refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn running_servers_are_used_as_they_are_named() -> anyhow::Result<()> {
    let scratch = Scratch::new();
    let options =
        Options { database_url: Some("postgres://elsewhere/db".to_owned()), ..scratch.only_postgres() };
    let embedded = Embedded::start(&options).await?;
    assert_eq!(embedded.database_url, "postgres://elsewhere/db");
    assert_eq!(embedded.nats_url, "nats://127.0.0.1:1");
    assert!(!scratch.0.exists(), "nothing was to be started, but a data directory was made");
    embedded.stop().await
}

#[test]
fn versions_are_read_from_what_the_programs_print() {
    assert_eq!(version_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
    assert_eq!(version_in("postgres (PostgreSQL) 19beta1"), Some((19, 0)));
    assert_eq!(version_in("nats-server: v2.15.1"), Some((2, 15)));
    assert_eq!(version_in("18\n"), Some((18, 0)));
    assert_eq!(version_in("no number"), None);
}
