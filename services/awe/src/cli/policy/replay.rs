//! `awe policy replay`: what a version would have made of requests that have ended.

use super::server::Server;
use crate::cli::author::Author;
use crate::cli::{output, when};
use clap::Args;
use schemas::api::PolicyReplayIn;
use time::OffsetDateTime;

#[derive(Debug, Args)]
#[command(
    after_help = "Writes nothing. Recorded decisions go to whoever would have been asked; where a rule asks the same
as the one that ran, its recorded seats answer for it, else the staff directory does.

Examples:
  awe policy replay payments.large 4
  awe policy replay payments.large 4 --since 30d --json --url https://awe.example.org --token \"$TOKEN\""
)]
pub(crate) struct Arguments {
    /// The policy.
    key: String,
    /// The version that is tried.
    #[arg(value_name = "VERSION")]
    tried: i32,
    /// At most this many requests, the newest: 1 to 1000; 100 when absent, 1000 with --since.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    last: Option<u32>,
    /// Only requests created since then: a moment (RFC 3339) or an age such as 30d.
    #[arg(long, value_name = "WHEN", value_parser = when::moment)]
    since: Option<OffsetDateTime>,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<()> {
    let server = arguments.server.connect(author)?;
    let which = PolicyReplayIn { last: arguments.last, since: arguments.since };
    let told = server.replay(&arguments.key, arguments.tried, &which).await?;
    if arguments.json {
        return Ok(output::print(&serde_json::to_string_pretty(&told)?)?);
    }
    output::print(&format!(
        "{} requests under {} version {}: {} the same, {} different, {} undecided, {} unknown{}",
        told.looked_at,
        told.policy_key,
        told.version,
        told.same,
        told.different,
        told.undecided,
        told.unknown,
        if told.stopped_early { " (stopped after 20 s; there are more)" } else { "" },
    ))?;
    for request in &told.requests {
        output::print(&format!("{} {} ({})", request.request_id, request.artifact_id, request.status))?;
        for words in &request.words {
            output::print(&format!("    {words}"))?;
        }
    }
    Ok(())
}
