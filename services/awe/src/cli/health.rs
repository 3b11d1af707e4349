//! `awe health`.

use super::output;
use anyhow::{Context as _, bail};
use clap::Args;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
#[command(after_help = "Example, as a container's health check: awe health --url http://127.0.0.1:8000")]
pub(super) struct Arguments {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", env = "AWE_URL")]
    url: String,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let url = format!("{}/v1/awe/health", arguments.url.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let answer = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    if !status.is_success() {
        bail!("{url} answered {status}: {body}");
    }
    Ok(output::print(&body)?)
}
