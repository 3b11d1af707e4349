//! `awe deliveries`: look at webhook deliveries and have them tried again, on the database: it works while no server
//! does, and whoever delivers finds them by its poll.

use super::output;
use super::terminal;
use crate::config::Config;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use schemas::api::{DeliveryOut, RetryDeliveriesIn};
use store::Store;
use store::deliveries::admin::DeliveryFilter;
use store::requests::list::Cursor;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Rows read at once.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List deliveries, newest first.
    List(ListArguments),
    /// Make deliveries due now, with their whole schedule before them again.
    Retry(RetryArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The database is database.url: AWE__DATABASE__URL=postgres://awe@db/awe awe deliveries list

Examples:
  awe deliveries list --status exhausted
  awe deliveries list --url https://registry.example.org/hooks --limit 20 --json"
)]
pub(super) struct ListArguments {
    #[command(flatten)]
    which: Which,
    /// Only in this status.
    #[arg(long, value_parser = ["pending", "delivered", "exhausted"])]
    status: Option<String>,
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
    #[arg(long, default_value = "exhausted", value_parser = ["exhausted", "pending"])]
    status: String,
}

#[derive(Debug, Args)]
struct Which {
    /// Only created at this moment or later, for example 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = schemas::moment::parse)]
    since: Option<OffsetDateTime>,
    /// Only to this URL, exactly.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let store = terminal::database(config).await?;
    let done = match command {
        Command::List(arguments) => list(&store, arguments).await,
        Command::Retry(arguments) => retry(&store, arguments).await,
    };
    store.close().await;
    done
}

async fn list(store: &Store, arguments: ListArguments) -> anyhow::Result<()> {
    let mut filter = DeliveryFilter {
        status: arguments.status,
        url: arguments.which.url,
        since: arguments.which.since,
        ..DeliveryFilter::default()
    };
    let mut left = arguments.limit;
    while left > 0 {
        filter.limit = left.min(PAGE);
        let (page, next) = store.list_deliveries(&filter).await.context("deliveries cannot be listed")?;
        for delivery in &page {
            let line = if arguments.json { serde_json::to_string(delivery)? } else { row(delivery) };
            output::print(&line)?;
        }
        left -= filter.limit;
        match next {
            Some(cursor) => filter.cursor = Cursor::parse(&cursor),
            None => break,
        }
    }
    Ok(())
}

/// Everything that says why a delivery is where it is.
fn row(delivery: &DeliveryOut) -> String {
    let at = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    let next = match delivery.status.as_str() {
        "pending" => format!(" next {}", at(delivery.next_attempt_at)),
        _ => String::new(),
    };
    let code = delivery.last_status_code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let error = delivery.last_error.as_deref().map(|error| format!(" {error}")).unwrap_or_default();
    format!(
        "{} {} {:<9} {} of {} attempt {}{next}{code}{error}",
        delivery.id,
        at(delivery.created_at),
        delivery.status,
        delivery.event_type,
        delivery.url,
        delivery.attempt
    )
}

async fn retry(store: &Store, arguments: RetryArguments) -> anyhow::Result<()> {
    let which = RetryDeliveriesIn {
        status: Some(arguments.status),
        since: arguments.which.since,
        url: arguments.which.url,
    };
    let total = store.count_retriable(&which).await.context("deliveries cannot be counted")?;
    let bar = terminal::bar(total, "deliveries");
    let done = store
        .retry_deliveries(&which, &terminal::actor(), |batch| bar.inc(batch))
        .await
        .with_context(|| format!("stopped after {} of {total}; doing it again is safe", bar.position()))?;
    bar.finish_and_clear();
    Ok(output::print(&format!("{done} deliveries are due now"))?)
}
