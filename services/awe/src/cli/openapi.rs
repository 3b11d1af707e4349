//! `awe openapi`.

use super::output;
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  awe openapi > openapi.json
  awe openapi --asyncapi > asyncapi.yaml")]
pub(super) struct Arguments {
    /// The events on NATS instead (`AsyncAPI` 3, YAML).
    #[arg(long)]
    asyncapi: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let document = if arguments.asyncapi { schemas::asyncapi_yaml() } else { schemas::openapi_json() };
    Ok(output::print(document.trim_end())?)
}
