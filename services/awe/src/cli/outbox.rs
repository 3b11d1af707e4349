//! `awe outbox`: events that wait for the stream, and having events published again.

use super::{output, terminal};
use crate::app;
use crate::config::Config;
use anyhow::Context as _;
use bus::Bus;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;
use store::Store;
use store::outbox::reconcile::RepublishFrom;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Without progress for so long nobody publishes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Exit code when something is not as it should be.
const LATE: u8 = 3;
/// An event that waits for longer is late.
const PATIENCE_OF_EVENTS: time::Duration = time::Duration::seconds(10);
/// How long NATS may take to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what waits for the stream, and what the stream holds.
    #[command(
        after_help = "Ends with 0 when the stream has what it should, with 3 when events have waited for more
than ten seconds, NATS does not answer, or the stream refuses or lost something; with 1 when the database cannot be asked.

Examples:
  awe outbox status
  awe outbox status --json | jq .unpublished"
    )]
    Status(Status),
    /// Have events published again, in their order and with the same message ids.
    #[command(
        after_help = "The running relay publishes them (`awe serve --roles relay`); this command marks them and
waits. It may be repeated and interrupted at any time. Subscribers see those events again, with the same event id;
the server itself drops what it took within nats.duplicate_window_seconds.

A stream that was lost or went back needs none of this: the relay compares it with the database by itself.

Examples:
  awe outbox republish --from 2026-11-25T08:00:00Z     events that happened then or later
  awe outbox republish --from 120500                   events that the stream took as 120500 or later"
    )]
    Republish(Republish),
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Republish {
    /// A moment (RFC 3339), or a sequence of the stream.
    #[arg(long, value_name = "TIME|SEQUENCE", value_parser = from)]
    from: RepublishFrom,
    /// Mark the events and do not wait until they are published.
    #[arg(long)]
    no_wait: bool,
}

fn from(text: &str) -> Result<RepublishFrom, String> {
    if let Ok(sequence) = text.parse::<i64>() {
        return if sequence >= 1 {
            Ok(RepublishFrom::Sequence(sequence))
        } else {
            Err("sequences begin with 1".to_owned())
        };
    }
    schemas::moment::parse(text)
        .map(RepublishFrom::Time)
        .map_err(|why| format!("{why}; or be a sequence of the stream"))
}

pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let store = terminal::database(&config).await?;
    match command {
        Command::Status(arguments) => status(&store, &config, &arguments).await,
        Command::Republish(arguments) => republish(&store, &arguments).await.map(|()| ExitCode::SUCCESS),
    }
}

/// What waits for the stream, and what the stream holds.
#[derive(Debug, Serialize)]
struct Told {
    ok: bool,
    unpublished: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    oldest_unpublished: Option<OffsetDateTime>,
    last_acknowledged_sequence: Option<i64>,
    /// How many events the stream refuses for themselves; the reason of the oldest is beside it.
    refused: i64,
    refused_because: Option<String>,
    /// Absent when NATS does not answer; then `error` says why.
    stream: Option<Stream>,
    error: Option<String>,
    /// What the relay does about a stream that lost something.
    note: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Stream {
    messages: u64,
    bytes: u64,
    first: i64,
    last: i64,
}

async fn status(store: &Store, config: &Config, arguments: &Status) -> anyhow::Result<ExitCode> {
    let told = look(store, config).await?;
    if arguments.json {
        output::print(&serde_json::to_string_pretty(&told)?)?;
    } else {
        output::print(&words(&told))?;
    }
    Ok(if told.ok { ExitCode::SUCCESS } else { ExitCode::from(LATE) })
}

async fn look(store: &Store, config: &Config) -> anyhow::Result<Told> {
    let outbox = store.outbox_status().await.context("the outbox cannot be read")?;
    let bus = Bus::connect(app::bus_options(config)).await.context("nats.url cannot be used")?;
    let state = match tokio::time::timeout(CONNECT_WITHIN, bus.events_state()).await {
        Ok(Ok(state)) => Ok(state),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("NATS does not answer".to_owned()),
    };
    let note = match &state {
        Ok(state) if outbox.incarnation.as_ref().is_some_and(|known| *known != state.incarnation) => {
            Some("it was made anew since the relay last published: the relay fills it again")
        }
        Ok(state) if outbox.last_stream_seq.is_some_and(|seq| seq > state.last) => {
            Some("it went back: the relay publishes again what it lost")
        }
        _ => None,
    };
    let is_late =
        outbox.oldest_unpublished.is_some_and(|at| OffsetDateTime::now_utc() - at > PATIENCE_OF_EVENTS);
    Ok(Told {
        ok: state.is_ok() && note.is_none() && !is_late && outbox.refused == 0,
        unpublished: outbox.unpublished,
        oldest_unpublished: outbox.oldest_unpublished,
        last_acknowledged_sequence: outbox.last_stream_seq,
        refused: outbox.refused,
        refused_because: outbox.refused_because,
        error: state.as_ref().err().cloned(),
        stream: state.ok().map(|state| Stream {
            messages: state.messages,
            bytes: state.bytes,
            first: state.first,
            last: state.last,
        }),
        note,
    })
}

fn words(told: &Told) -> String {
    let oldest = told.oldest_unpublished.and_then(|at| at.format(&Rfc3339).ok());
    let oldest = oldest.map_or_else(String::new, |at| format!(", the oldest since {at}"));
    let last = told.last_acknowledged_sequence.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    let stream = match &told.stream {
        Some(Stream { messages, bytes, first, last }) => {
            format!("{messages} messages, {bytes} bytes, sequences {first} to {last}")
        }
        None => told.error.clone().unwrap_or_default(),
    };
    let refused = match (told.refused, told.refused_because.as_deref()) {
        (0, _) => String::new(),
        (refused, why) => {
            let why = why.unwrap_or_default();
            format!("\n        {refused} events are refused by the stream, the oldest because: {why}")
        }
    };
    let note = told.note.map_or_else(String::new, |note| format!("\n        {note}"));
    format!(
        "outbox: {} events wait for the stream{oldest}{refused}\n        last acknowledged stream sequence: {last}\n\
         stream: {stream}{note}",
        told.unpublished
    )
}

async fn republish(store: &Store, arguments: &Republish) -> anyhow::Result<()> {
    let marked = store.republish(arguments.from, |so_far| {
        // A terminal that has gone away does not stop the work.
        let _ = output::print(&format!("{so_far} events marked"));
    });
    let marked = marked.await?;
    if arguments.no_wait || marked == 0 {
        return Ok(output::print(&format!("{marked} events are to be published again"))?);
    }
    let (mut last, mut moved) = (i64::MAX, Instant::now());
    loop {
        let left = store.unpublished_count().await?;
        if left == 0 {
            return Ok(output::print("all events are published")?);
        }
        if left < last {
            (last, moved) = (left, Instant::now());
        } else if moved.elapsed() > PATIENCE {
            anyhow::bail!(
                "{left} events still wait: no relay publishes them. Is `awe serve --roles relay` running, and NATS?"
            );
        }
        output::print(&format!("{left} events left"))?;
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_republication_begins_at_a_moment_or_a_sequence() {
        assert_eq!(from("120500"), Ok(RepublishFrom::Sequence(120_500)));
        assert_eq!(from("2026-11-25T08:00:00Z").map(|from| matches!(from, RepublishFrom::Time(_))), Ok(true));
        assert!(from("0").is_err());
        assert!(from("yesterday").is_err_and(|why| why.contains("moment")));
    }
}
