//! `awe token`.

use super::output;
use crate::auth::unsigned_token;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  awe token --sub admin --role AWE_ADMIN
  TOKEN=$(awe token --sub amina); curl -H \"authorization: Bearer $TOKEN\" http://127.0.0.1:8000/v1/awe/tasks")]
pub(super) struct Arguments {
    /// Who: the subject of the token.
    #[arg(long, value_name = "SUBJECT")]
    sub: String,
    /// A role, for example `AWE_ADMIN` or `AWE_VIEWER`; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Hours until it expires.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8760))]
    hours: u64,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let lifetime = Duration::from_secs(arguments.hours * 3600);
    Ok(output::print(&unsigned_token(&arguments.sub, &arguments.roles, lifetime))?)
}
