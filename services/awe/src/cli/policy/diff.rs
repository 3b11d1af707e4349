//! `awe policy diff`: how two versions of a policy differ, in words.

use super::server::Server;
use crate::cli::author::Author;
use crate::cli::output;
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  awe policy diff payments.large 3 4
  awe policy diff payments.large 3 4 --json --url https://awe.example.org --token \"$TOKEN\"")]
pub(crate) struct Arguments {
    /// The policy.
    key: String,
    /// The version that is compared.
    from: i32,
    /// The version that it is compared with.
    with: i32,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<()> {
    let server = arguments.server.connect(author)?;
    let told = server.diff(&arguments.key, arguments.from, arguments.with).await?;
    if arguments.json {
        return Ok(output::print(&serde_json::to_string_pretty(&told)?)?);
    }
    if told.changes.is_empty() {
        output::print(&format!("versions {} and {} say the same", arguments.from, arguments.with))?;
    }
    for change in &told.changes {
        output::print(&change.words)?;
    }
    Ok(())
}
