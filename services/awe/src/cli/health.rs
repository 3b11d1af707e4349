//! `awe health`.

use super::output;
use super::remote::RemoteServer;
use anyhow::bail;
use clap::Args;
use outbound::Method;
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
    let server = RemoteServer::new(&arguments.url, None)?.with_timeout(TIMEOUT);
    let answer = server.send(Method::Get, "/health", None::<&()>).await?;
    let (status, body) = (answer.status, answer.text());
    if !status.is_success() {
        bail!("{} answered {status}: {body}", server.url("/health"));
    }
    Ok(output::print(&body)?)
}
