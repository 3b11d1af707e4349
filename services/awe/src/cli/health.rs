//! `awe health`.

use super::output;
use super::remote::RemoteServer;
use anyhow::bail;
use clap::Args;
use outbound::Method;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  awe health --url http://127.0.0.1:8000      as a container's health check
  awe health --live                           where whoever asks ends what does not answer: no database is looked at")]
pub(super) struct Arguments {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", env = "AWE_URL")]
    url: String,
    /// Ask only whether the process answers, not how its database does.
    #[arg(long)]
    live: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let server = RemoteServer::new(&arguments.url, None)?.with_timeout(TIMEOUT);
    let path = if arguments.live { "/health/live" } else { "/health" };
    let answer = server.send(Method::Get, path, None::<&()>).await?;
    let (status, body) = (answer.status, answer.text());
    if !status.is_success() {
        bail!("{} answered {status}: {body}", server.url(path));
    }
    Ok(output::print(&body)?)
}
