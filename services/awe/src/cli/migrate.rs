//! `awe migrate`: as the owner of the tables, brings the schema up to date and grants the application its rights.

use super::{output, terminal};
use crate::config::Config;
use anyhow::Context as _;
use clap::Args;
use store::grants;

#[derive(Debug, Args)]
#[command(after_help = "Safe while servers run, and when many are started together: one of them migrates.
The database is database.url, connected to as the owner of the tables:

  AWE__DATABASE__URL=postgres://awe_owner@db/awe awe migrate --app-role awe_app

Servers then connect as awe_app, which may do what AWE does and nothing else: it cannot switch off the triggers that
keep history, truncate, or change what is frozen. The role must exist (create role awe_app login password '...').
What is granted is printed by: awe migrate --app-role awe_app --print-grants")]
pub(super) struct Arguments {
    /// Grant this role, which servers connect as, what it needs and nothing else.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    app_role: Option<String>,
    /// Print the grants as SQL; nothing is done.
    #[arg(long, requires = "app_role")]
    print_grants: bool,
}

fn role(text: &str) -> Result<String, grants::NotARole> {
    grants::statements(text).map(|_| text.to_owned())
}

pub(super) async fn run(
    load: impl Fn() -> anyhow::Result<Config>,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    if let (true, Some(role)) = (arguments.print_grants, &arguments.app_role) {
        let sql = grants::statements(role)?;
        return Ok(output::print(sql.trim_end())?);
    }
    let store = terminal::database(&load()?).await?;
    store.migrate().await.context("the database could not be migrated")?;
    let mut said = "the schema is up to date".to_owned();
    if let Some(role) = &arguments.app_role {
        store.grant_to(role).await.with_context(|| {
            format!("the role {role} was granted nothing: it must exist, and this user must own the tables")
        })?;
        said.push_str(&format!("; {role} may do what the application does"));
    }
    store.close().await;
    Ok(output::print(&said)?)
}
