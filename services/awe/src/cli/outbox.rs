//! `awe outbox`: events that wait for the stream, and having events published again.

use super::output;
use crate::app;
use crate::config::Config;
use anyhow::Context as _;
use bus::Bus;
use clap::{Args, Subcommand};
use std::time::Duration;
use store::Store;
use store::outbox::reconcile::From;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Without progress for so long nobody publishes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long NATS may take to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what waits for the stream, and what the stream holds.
    Status,
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
pub(super) struct Republish {
    /// A moment (RFC 3339), or a sequence of the stream.
    #[arg(long, value_name = "TIME|SEQUENCE", value_parser = from)]
    from: From,
    /// Mark the events and do not wait until they are published.
    #[arg(long)]
    no_wait: bool,
}

fn from(text: &str) -> Result<From, String> {
    if let Ok(sequence) = text.parse::<i64>() {
        return if sequence >= 1 {
            Ok(From::Sequence(sequence))
        } else {
            Err("sequences begin with 1".to_owned())
        };
    }
    schemas::moment::parse(text)
        .map(From::Time)
        .map_err(|why| format!("{why}; or be a sequence of the stream"))
}

pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<()> {
    let store =
        Store::connect(&app::store_options(&config)).await.context("the database cannot be reached")?;
    match command {
        Command::Status => status(&store, &config).await,
        Command::Republish(arguments) => republish(&store, &arguments).await,
    }
}

async fn status(store: &Store, config: &Config) -> anyhow::Result<()> {
    let outbox = store.outbox_status().await?;
    let oldest = outbox.oldest_unpublished.and_then(|at| at.format(&Rfc3339).ok());
    output::print(&format!(
        "outbox: {} events wait for the stream{}",
        outbox.unpublished,
        oldest.map_or_else(String::new, |at| format!(", the oldest since {at}"))
    ))?;
    if outbox.refused > 0 {
        let why = outbox.refused_because.unwrap_or_default();
        output::print(&format!(
            "        {} events are refused by the stream, the oldest because: {why}",
            outbox.refused
        ))?;
    }
    let last = outbox.last_stream_seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    output::print(&format!("        last acknowledged stream sequence: {last}"))?;
    let bus = Bus::connect(app::bus_options(config)).await.context("nats.url cannot be used")?;
    let Ok(state) = tokio::time::timeout(CONNECT_WITHIN, bus.events_state()).await else {
        return Ok(output::print("stream: NATS does not answer")?);
    };
    let state = match state {
        Ok(state) => state,
        Err(error) => return Ok(output::print(&format!("stream: {error}"))?),
    };
    output::print(&format!(
        "stream: {} messages, {} bytes, sequences {} to {}",
        state.messages, state.bytes, state.first, state.last
    ))?;
    if outbox.incarnation.as_ref().is_some_and(|known| *known != state.incarnation) {
        output::print("        it was made anew since the relay last published: the relay fills it again")?;
    } else if outbox.last_stream_seq.is_some_and(|seq| seq > state.last) {
        output::print("        it went back: the relay publishes again what it lost")?;
    }
    Ok(())
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
        assert_eq!(from("120500"), Ok(From::Sequence(120_500)));
        assert_eq!(from("2026-11-25T08:00:00Z").map(|from| matches!(from, From::Time(_))), Ok(true));
        assert!(from("0").is_err());
        assert!(from("yesterday").is_err_and(|why| why.contains("moment")));
    }
}
