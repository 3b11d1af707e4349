//! `awe migrate`: as the owner of the tables, brings the schema up to date and grants the application its rights; and
//! for whoever only wants to know, or to wait.

use super::{output, terminal};
use crate::config::Config;
use anyhow::{Context as _, bail};
use clap::Args;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use store::{Schema, Store, grants};

/// How often a process that waits looks again.
const POLL: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = "Safe while servers run, and when many are started together: one of them migrates.
The database is database.url, connected to as the owner of the tables:

  AWE__DATABASE__URL=postgres://awe_owner@db/awe awe migrate --app-role awe_app

Servers then connect as awe_app, which may do what AWE does and nothing else: it cannot switch off the triggers that
keep history, truncate, or change what is frozen. The role must exist (create role awe_app login password '...').
What is granted is printed by: awe migrate --app-role awe_app --print-grants

Exit codes of --status: 0 nothing is pending, 1 the database cannot be asked, 3 something is pending.
--wait changes nothing: it is for a server that must not start before another process has migrated.")]
pub(super) struct Arguments {
    /// Grant this role, which servers connect as, what it needs and nothing else.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    app_role: Option<String>,
    /// Print the grants as SQL; nothing is done.
    #[arg(long, requires = "app_role")]
    print_grants: bool,
    /// Wait until another process has migrated; the database need not be there yet.
    #[arg(long, conflicts_with_all = ["app_role", "status", "dry_run"])]
    wait: bool,
    /// How long to wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "wait",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Say how far the schema is; nothing is done.
    #[arg(long, conflicts_with = "app_role")]
    status: bool,
    /// Say what would be done; nothing is done.
    #[arg(long, conflicts_with = "status")]
    dry_run: bool,
}

fn role(text: &str) -> Result<String, grants::NotARole> {
    grants::statements(text).map(|_| text.to_owned())
}

pub(super) async fn run(
    load: impl Fn() -> anyhow::Result<Config>,
    arguments: &Arguments,
) -> anyhow::Result<ExitCode> {
    if let (true, Some(role)) = (arguments.print_grants, &arguments.app_role) {
        let sql = grants::statements(role)?;
        output::print(sql.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = load()?;
    if arguments.wait {
        return wait(&config, Duration::from_secs(arguments.timeout)).await;
    }
    let store = terminal::database(&config).await?;
    let code = match arguments.status || arguments.dry_run {
        true => tell(&store, arguments).await?,
        false => migrate(&store, arguments.app_role.as_deref()).await?,
    };
    store.close().await;
    Ok(code)
}

async fn migrate(store: &Store, app_role: Option<&str>) -> anyhow::Result<ExitCode> {
    store.migrate().await.context("the database could not be migrated")?;
    // Servers of the newer program may run still, with rights on tables that this one does not know.
    if !store.schema().await.context("the schema could not be read")?.newer.is_empty() {
        output::print("the schema is of a newer program: it, and the rights on it, were left alone")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut said = "the schema is up to date".to_owned();
    if let Some(role) = app_role {
        store.grant_to(role).await.with_context(|| {
            format!("the role {role} was granted nothing: it must exist, and this user must own the tables")
        })?;
        said.push_str(&format!("; {role} may do what the application does"));
    }
    output::print(&said)?;
    Ok(ExitCode::SUCCESS)
}

async fn tell(store: &Store, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let schema = store.schema().await.context("the schema could not be read")?;
    let verb = if arguments.dry_run { "would apply" } else { "pending" };
    for migration in &schema.pending {
        output::print(&format!("{verb} {} {}", migration.version, migration.description))?;
    }
    if let (true, Some(role)) = (arguments.dry_run, &arguments.app_role) {
        output::print(&format!("would grant {role} what the application needs"))?;
    }
    output::print(&summary(&schema))?;
    Ok(match arguments.status && !schema.is_current() {
        true => ExitCode::from(3),
        false => ExitCode::SUCCESS,
    })
}

fn summary(schema: &Schema) -> String {
    let mut said = format!("{} applied, {} pending", schema.applied, schema.pending.len());
    if let Some(newest) = schema.newer.last() {
        said.push_str(&format!("; {} of a newer program, up to {newest}", schema.newer.len()));
    }
    said
}

/// Waits for the database, its roles and its schema: another process may be making all three.
async fn wait(config: &Config, patience: Duration) -> anyhow::Result<ExitCode> {
    let store = Store::connect_lazy(&config.database.options()).context("database.url")?;
    let began = Instant::now();
    let mut said = String::new();
    loop {
        let waits_for = match store.schema().await {
            Ok(schema) if schema.is_current() => break,
            Ok(schema) => format!("{} migrations are pending", schema.pending.len()),
            Err(error) => outbound::error_chain(&error),
        };
        if began.elapsed() >= patience {
            bail!("waited {} s in vain: {waits_for}", patience.as_secs());
        }
        if said != waits_for {
            output::complain(&format!("waiting: {waits_for}"));
            said = waits_for;
        }
        tokio::time::sleep(POLL).await;
    }
    store.close().await;
    output::print("the schema is up to date")?;
    Ok(ExitCode::SUCCESS)
}
