//! The custodian's own database.

use crate::config;
use anyhow::Context as _;
use secrecy::ExposeSecret;
use sqlx::migrate::MigrateDatabase as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};
use std::str::FromStr as _;
use std::time::Duration;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
/// How often it is looked whether somebody else has brought the tables up to date.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A statement that takes longer is given up by the server: it would hold its connection.
const LONGEST_STATEMENT: &str = "15s";

/// Connects when first used, so that a process starts while its database is away.
///
/// # Errors
/// The URL cannot be understood.
pub fn pool(settings: &config::Database) -> anyhow::Result<PgPool> {
    let options = PgConnectOptions::from_str(settings.url.expose_secret())
        .map_err(|_| anyhow::anyhow!("database.url cannot be understood"))?
        .application_name("data-custodian")
        .options([("statement_timeout", LONGEST_STATEMENT), ("timezone", "UTC")]);
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(Duration::from_secs(settings.acquire_timeout_seconds));
    Ok(pool.connect_lazy_with(options))
}

/// Begins a transaction in a task of its own, which goes on when the caller stops waiting. Otherwise a transaction whose
/// begin was sent and not answered yet would stay open in the pool, unknown to it (sqlx 0.9), and whoever got the
/// connection next would lose what they wrote.
///
/// # Errors
/// What the database says.
pub(crate) async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin().await }).await;
    begun.unwrap_or_else(|ended| Err(sqlx::Error::Io(std::io::Error::other(ended))))
}

/// Makes the database if it does not exist, and brings its tables up to date. Safe while others do the same.
///
/// # Errors
/// The database cannot be reached, made or migrated.
pub async fn migrate(settings: &config::Database, create: bool) -> anyhow::Result<()> {
    let url = settings.url.expose_secret();
    if create && !sqlx::Postgres::database_exists(url).await.context("the server cannot be reached")? {
        let made = sqlx::Postgres::create_database(url).await;
        // Somebody else may have made it in the meantime.
        if made.is_err() && !sqlx::Postgres::database_exists(url).await.unwrap_or(false) {
            made.context("the database cannot be made")?;
        }
    }
    let pool = pool(settings)?;
    let mut migrations = sqlx::migrate!("./migrations");
    // After a rollback the tables are those of a newer program, which this one can use.
    migrations.set_ignore_missing(true);
    migrations.run(&pool).await.context("the database could not be migrated")?;
    pool.close().await;
    Ok(())
}

/// Waits until the tables are at least as new as this program.
///
/// # Errors
/// They are not after this time; says whether the database answered.
pub async fn wait(settings: &config::Database, patience: Duration) -> anyhow::Result<()> {
    let pool = pool(settings)?;
    let asking = "select version from _sqlx_migrations where success";
    let mut last = anyhow::anyhow!("the database does not answer");
    let waiting = async {
        loop {
            match sqlx::query_scalar::<_, i64>(asking).fetch_all(&pool).await {
                Ok(done) if MIGRATIONS.iter().all(|one| done.contains(&one.version)) => return,
                Ok(_) => last = anyhow::anyhow!("the tables are older than this program"),
                Err(error) => last = error.into(),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let in_time = tokio::time::timeout(patience, waiting).await.is_ok();
    pool.close().await;
    if in_time { Ok(()) } else { Err(last.context(format!("not up to date after {} s", patience.as_secs()))) }
}

/// Whether the database answers.
pub async fn is_up(pool: &PgPool) -> bool {
    let asking = sqlx::query_scalar::<_, i32>("select 1").fetch_one(pool);
    tokio::time::timeout(Duration::from_secs(2), asking).await.is_ok_and(|answer| answer.is_ok())
}
