//! `awe deliveries`: lists webhook deliveries and makes them due again. It works on the database, so it needs no server;
//! processes with the role delivery find what is due by their poll.

use super::author::Author;
use super::when::moment;
use super::{output, terminal};
use crate::config::Config;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use schemas::api::{DeliveryAttemptOut, DeliveryOut, DeliveryStatus, RetryDeliveriesIn};
use store::Store;
use store::deliveries::admin::DeliveryFilter;
use store::page::{Cursor, List};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Rows read at once.
const PAGE: u32 = 500;

const PENDING: &str = DeliveryStatus::Pending.as_str();
const EXHAUSTED: &str = DeliveryStatus::Exhausted.as_str();

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List deliveries, newest first.
    List(ListArguments),
    /// Show one delivery and every attempt.
    Show(ShowArguments),
    /// Make deliveries due now, with their whole schedule before them again.
    Retry(RetryArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The database is database.url: AWE__DATABASE__URL=postgres://awe@db/awe awe deliveries list

Examples:
  awe deliveries list --status exhausted --since 1h
  awe deliveries list --request 0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10
  awe deliveries list --url https://registry.example.org/hooks --limit 20 --json"
)]
pub(super) struct ListArguments {
    #[command(flatten)]
    which: Which,
    /// Only in this status.
    #[arg(long, value_parser = DeliveryStatus::WORDS)]
    status: Option<String>,
    /// Only of this request.
    #[arg(long, value_name = "ID")]
    request: Option<Uuid>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// One JSON object a line, as GET /admin/deliveries has them.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Servers send them within webhook.poll_interval_seconds. Stopping it half-way is safe: what was
done stays done, and doing it again does the rest. Every batch is audited.

Examples:
  awe deliveries retry --status exhausted --since 2026-01-31T00:00:00Z
  awe deliveries retry --status exhausted --url https://registry.example.org/hooks"
)]
pub(super) struct RetryArguments {
    #[command(flatten)]
    which: Which,
    /// Which ones: those that were given up, or those that still wait.
    #[arg(long, default_value = EXHAUSTED, value_parser = [EXHAUSTED, PENDING])]
    status: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  awe deliveries show 0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10")]
pub(super) struct ShowArguments {
    /// The delivery.
    id: Uuid,
    /// One JSON object: the delivery, and its `attempts`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Which {
    /// Only created at this moment or later, or not longer ago than this: 90s, 30m, 2h, 7d.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// Only to this URL, exactly.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) async fn run(config: &Config, command: Command, author: &Author) -> anyhow::Result<()> {
    let store = terminal::database(config).await?;
    let done = match command {
        Command::List(arguments) => list(&store, arguments).await,
        Command::Show(arguments) => show(&store, &arguments).await,
        Command::Retry(arguments) => retry(&store, arguments, author).await,
    };
    store.close().await;
    done
}

async fn list(store: &Store, arguments: ListArguments) -> anyhow::Result<()> {
    let mut filter = DeliveryFilter {
        status: arguments.status,
        request_id: arguments.request,
        url: arguments.which.url,
        since: arguments.which.since,
        ..DeliveryFilter::default()
    };
    let (mut left, mut listed) = (arguments.limit, 0);
    while left > 0 {
        filter.limit = left.min(PAGE);
        let (page, next) = store.list_deliveries(&filter).await.context("deliveries cannot be listed")?;
        for delivery in &page {
            if listed == 0 && !arguments.json {
                output::print(HEADER)?;
            }
            let line = if arguments.json { serde_json::to_string(delivery)? } else { row(delivery) };
            output::print(&line)?;
            listed += 1;
        }
        // A page may hold less than its limit and go on.
        left -= u32::try_from(page.len()).unwrap_or(filter.limit);
        match next {
            Some(cursor) => filter.cursor = Cursor::parse(List::Deliveries, &cursor),
            None => break,
        }
    }
    if listed == 0 && !arguments.json {
        output::complain("no such deliveries");
    }
    Ok(())
}

async fn show(store: &Store, arguments: &ShowArguments) -> anyhow::Result<()> {
    let filter = DeliveryFilter { id: Some(arguments.id), limit: 1, ..DeliveryFilter::default() };
    let (found, _) = store.list_deliveries(&filter).await.context("the delivery cannot be read")?;
    let delivery = found.first().with_context(|| format!("there is no delivery {}", arguments.id))?;
    let attempts = store.list_attempts(arguments.id).await.context("its attempts cannot be read")?;
    if arguments.json {
        let mut told = serde_json::to_value(delivery)?;
        told["attempts"] = serde_json::to_value(&attempts)?;
        return Ok(output::print(&serde_json::to_string_pretty(&told)?)?);
    }
    output::print(HEADER)?;
    output::print(&row(delivery))?;
    for attempt in &attempts {
        output::print(&attempted(attempt))?;
    }
    Ok(())
}

const HEADER: &str = "DELIVERY                             CREATED              STATUS    ATTEMPT EVENT                   \
                      REQUEST                              ARTIFACT URL NEXT [CODE] ERROR";

fn at(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

/// Text that a stranger wrote, without control characters: on one line, and harmless to a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// One delivery as a line of the list.
fn row(delivery: &DeliveryOut) -> String {
    let next = match delivery.status.as_str() {
        PENDING => format!(" {}", at(delivery.next_attempt_at)),
        _ => String::new(),
    };
    let code = delivery.last_status_code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let error = delivery.last_error.as_deref().map(|error| format!(" {}", plain(error))).unwrap_or_default();
    let part = |text: &Option<String>| plain(text.as_deref().unwrap_or("-"));
    format!(
        "{} {} {:<9} {:>7} {:<23} {} {}/{} {}{next}{code}{error}",
        delivery.id,
        at(delivery.created_at),
        delivery.status,
        delivery.attempt,
        delivery.event_type,
        delivery.request_id,
        part(&delivery.artifact_type),
        part(&delivery.artifact_id),
        delivery.url,
    )
}

fn attempted(attempt: &DeliveryAttemptOut) -> String {
    let code = attempt.status_code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let error = attempt.error.as_deref().map(|error| format!(" {}", plain(error))).unwrap_or_default();
    let excerpt = attempt.response_excerpt.as_deref().filter(|text| !text.is_empty());
    let excerpt = excerpt.map(|text| format!("\n    answered: {}", plain(text))).unwrap_or_default();
    let (number, started, ms) = (attempt.attempt, at(attempt.started_at), attempt.latency_ms);
    format!("  attempt {number} at {started}, {ms} ms{code}{error}{excerpt}")
}

async fn retry(store: &Store, arguments: RetryArguments, author: &Author) -> anyhow::Result<()> {
    let which = RetryDeliveriesIn {
        status: Some(arguments.status),
        since: arguments.which.since,
        url: arguments.which.url,
        dry_run: false,
    };
    let (total, _) = store.count_retriable(&which).await.context("deliveries cannot be counted")?;
    let bar = terminal::bar(u64::try_from(total).unwrap_or(0), "deliveries");
    let done = store
        .retry_deliveries(&which, &author.actor(), |batch| bar.inc(batch))
        .await
        .with_context(|| format!("stopped after {} of {total}; doing it again is safe", bar.position()))?;
    bar.finish_and_clear();
    Ok(output::print(&format!("{done} deliveries are due now"))?)
}
