//! The command line.

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use registry::app::App;
use registry::config::Settings;
use registry::told::PROGRAM;
use registry::{reconcile, routes, sections, seed, serve};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A register whose changes AWE approves: the reference caller.
#[derive(Debug, Parser)]
#[command(name = "awe-registry", version)]
struct Arguments {
    /// Settings that differ from config/registry.yaml; the environment goes before it.
    #[arg(long, global = true, value_name = "FILE", env = "REGISTRY_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API.
    Serve {
        /// Bring the database's schema up to date first.
        #[arg(long)]
        migrate: bool,
        /// Write what `seed` writes first, and serve with the callback secret that it finds or makes.
        #[arg(long)]
        seed: bool,
    },
    /// Bring the database's schema up to date.
    Migrate,
    /// Ask the server that runs here how it does; exit code 0 if well.
    Health,
    /// Write the register `farmer`, its policy and the callback secret; prints the secret's id as a setting.
    Seed,
    /// Make good once what lost webhooks have left behind.
    Reconcile,
    /// Say which sections ask AWE.
    #[command(subcommand)]
    Section(Section),
    /// Print the contract of the API.
    Openapi,
}

#[derive(Debug, Subcommand)]
enum Section {
    /// Changes of this section ask AWE from now on.
    Enable {
        register: String,
        section: String,
        /// What of a change the policy gets to see, for example district,address.region; as before when absent.
        #[arg(long, value_delimiter = ',')]
        fields: Option<Vec<String>>,
    },
    /// Changes of this section do not ask AWE any more.
    Disable { register: String, section: String },
}

fn main() -> ExitCode {
    match started() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "awe-registry: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn started() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Openapi) {
        return print(routes::openapi_json().trim_end());
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings::load(arguments.config.as_deref(), environment)?;
    let filter = EnvFilter::try_from_env("REGISTRY_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let is_server = matches!(arguments.command, Command::Serve { .. });
    let spans = settings.telemetry.export(PROGRAM).filter(|_| is_server);
    let export = telemetry::logs::start(filter, spans).context("telemetry.otlp_endpoint")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(async { run(App::new(settings)?, arguments.command).await });
    drop(runtime);
    if let Some(export) = export {
        export.stop();
    }
    ended
}

async fn run(app: App, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve { migrate: first, seed } => {
            if first {
                migrate(&app).await?;
            }
            serve::run(if seed { seeded(&app).await? } else { app }).await
        }
        Command::Migrate => migrate(&app).await,
        Command::Health => {
            let server = &app.settings.server;
            let place = SocketAddr::from((server.host, server.port)).to_string();
            print(&serving::probe(&place, "/v1/registry/health").await?)
        }
        Command::Seed => {
            let id = written(&app).await?;
            print(&format!("REGISTRY__AWE__CALLBACK_SECRET_ID={id}"))
        }
        Command::Reconcile => {
            reconcile::round(&app).await.map_err(|error| anyhow::anyhow!("{}", error.message))
        }
        Command::Section(Section::Enable { register, section, fields }) => {
            let template = app.settings.awe.policy_key_template.clone();
            set_policy(&app, &register, &section, Some(&template), fields.as_deref()).await
        }
        Command::Section(Section::Disable { register, section }) => {
            set_policy(&app, &register, &section, None, None).await
        }
        Command::Openapi => Ok(()),
    }
}

/// Writes the demonstration; returns the id of its callback secret.
async fn written(app: &App) -> anyhow::Result<String> {
    seed::register(&app.db).await.context("the register could not be written")?;
    seed::awe(app).await
}

/// The same service with the callback secret of the demonstration, which no setting can name before it exists.
async fn seeded(app: &App) -> anyhow::Result<App> {
    let mut settings = app.settings.clone();
    settings.awe.callback_secret_id = written(app).await?;
    App::new(settings)
}

async fn migrate(app: &App) -> anyhow::Result<()> {
    let mut migrator = sqlx::migrate!("./migrations");
    // After a rollback the tables are those of a newer program, which this one can use.
    migrator.set_ignore_missing(true);
    migrator.run(&app.db).await.context("the database could not be migrated")
}

async fn set_policy(
    app: &App,
    register: &str,
    section: &str,
    key: Option<&str>,
    fields: Option<&[String]>,
) -> anyhow::Result<()> {
    let is_there = sections::set_policy(&app.db, register, section, key, fields).await?;
    ensure!(is_there, "there is no section {register}/{section}");
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
