//! `awe audit export`: writes everything that is known of one request, or of all requests of a period, as of one moment.

use super::when::moment;
use super::{output, terminal};
use crate::config::Config;
use crate::evidence::redact;
use anyhow::Context as _;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use store::Store;
use store::evidence::{Period, Snapshot};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Requests whose ids are read at once. Each request is written before the next is read, so memory holds only one.
const PAGE: i64 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write down everything that is known of requests: policy text with hash, tasks, decisions, events, webhooks, audit.
    Export(Export),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["request", "since"]))]
#[command(
    after_help = "Reads one moment of the database (database.url) and changes nothing; it works while no server
does. Values in the queries of callback URLs are replaced by [redacted]. docs/audit.md says how to check hashes.

One request is one JSON object. A period is JSON Lines, each with a `type`: `header`, one `request` for every request
that was under way at any time of it, oldest first, one `audit` for each administrative action in it, and at last `end`
with their numbers: what has no `end` is not complete.

Examples:
  awe audit export --request 0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10 > request.json
  awe audit export --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z > january.jsonl
  awe audit export --since 24h | gzip > last-day.jsonl.gz"
)]
pub(super) struct Export {
    /// Everything about this request.
    #[arg(long, value_name = "ID")]
    request: Option<Uuid>,
    /// Everything from this moment on, or from so long ago: 90s, 30m, 2h, 7d.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// Up to this moment, which is left out; now when absent.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "since", conflicts_with = "request")]
    until: Option<OffsetDateTime>,
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let Command::Export(arguments) = command;
    let store = terminal::database(config).await?;
    let done = export(&store, &arguments).await;
    store.close().await;
    done
}

async fn export(store: &Store, arguments: &Export) -> anyhow::Result<()> {
    let mut snapshot = store.snapshot_evidence().await.context("the database cannot be read")?;
    if let Some(id) = arguments.request {
        return write_request(&mut snapshot, id, None).await;
    }
    let until = arguments.until.unwrap_or_else(OffsetDateTime::now_utc);
    let since = arguments.since.context("--since is missing")?;
    anyhow::ensure!(since < until, "--until must be after --since");
    write_period(&mut snapshot, Period { since, until }).await
}

async fn write_period(snapshot: &mut Snapshot, period: Period) -> anyhow::Result<()> {
    let bar = terminal::bar(snapshot.count(period).await?, "rows");
    let at = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    print(
        &json!({"type": "header", "format": "awe-evidence/1", "since": at(period.since), "until": at(period.until)}),
    )?;
    let (mut requests, mut actions, mut after) = (0_u64, 0_u64, None);
    loop {
        let places = snapshot.requests(period, after, PAGE).await?;
        for (_, id) in &places {
            write_request(snapshot, *id, Some("request")).await?;
            requests += 1;
            bar.inc(1);
        }
        match places.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    after = None;
    loop {
        let page = snapshot.audit(period, after, PAGE).await?;
        for action in &page {
            print(&typed(serde_json::to_value(action)?, "audit"))?;
            actions += 1;
            bar.inc(1);
        }
        match page.last() {
            Some(last) => after = Some((last.occurred_at, last.id)),
            None => break,
        }
    }
    bar.finish_and_clear();
    print(&json!({"type": "end", "requests": requests, "audit": actions}))
}

async fn write_request(snapshot: &mut Snapshot, id: Uuid, kind: Option<&str>) -> anyhow::Result<()> {
    let evidence = snapshot.of_request(id).await;
    let mut evidence = evidence.with_context(|| format!("request {id} cannot be exported"))?;
    redact(&mut evidence);
    let value = serde_json::to_value(evidence)?;
    match kind {
        Some(kind) => print(&typed(value, kind)),
        None => Ok(output::print(&serde_json::to_string_pretty(&value)?)?),
    }
}

fn typed(mut value: Value, kind: &str) -> Value {
    value["type"] = json!(kind);
    value
}

fn print(value: &Value) -> anyhow::Result<()> {
    Ok(output::print(&value.to_string())?)
}
