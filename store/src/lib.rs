#![doc = include_str!("../README.md")]

pub mod audit;
pub mod catalog;
pub mod commit;
pub mod delegations;
pub mod deliveries;
pub mod doctor;
mod error;
pub mod evidence;
pub mod feed;
pub mod grants;
mod moment;
pub mod notifications;
pub mod once;
pub mod outbox;
pub mod overview;
pub mod page;
pub mod policies;
mod pool;
pub mod processes;
mod progress;
pub mod provision;
pub mod requests;
pub mod resolutions;
mod retention;
mod schema;
pub mod secrets;
pub mod tally;
pub mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timers;
pub mod traces;
pub mod upstream;
pub mod vault;
pub mod writers;

pub use error::{Clash, Error, Outage, What};
pub use schema::{Migration, Schema};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;

/// Every migration, in order.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Two pools of connections to one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// Reads and administrative writes.
    pub(crate) pool: pool::Pool,
    /// The few statements that every decision depends on. They touch rows by key. PostgreSQL keeps their plans, so a
    /// plan made while the tables were small must still be right when they are large: only index look-ups are
    /// allowed.
    pub(crate) hot: pool::Pool,
}

/// Settings of hot connections, which keep the planner from reading whole tables. Hash joins stay: they join with the
/// rows of one batch.
const BY_KEY_ONLY: [(&str, &str); 2] = [("enable_seqscan", "off"), ("enable_mergejoin", "off")];

/// How to connect.
#[derive(Debug, Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
    /// Upper bound of open connections, at least 2; 8 to 16 is plenty on small machines. Half of them are kept for
    /// the statements that every decision depends on, so that no list or report can starve those.
    pub max_connections: u32,
    /// How long a caller waits for a free connection before it is told that the database is unavailable.
    pub acquire_timeout: Duration,
}

impl Store {
    /// Connects; fails when the server cannot be reached in `acquire_timeout`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no server, [`Error::Internal`] when the URL is malformed.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        let store = Self::connect_lazy(options)?;
        // The connection is closed and not given back to the pool. Giving back takes a moment, in which the next
        // caller would open a second one.
        match store.pool.acquire().await {
            Ok(connection) => connection.close().await?,
            Err(error) => return Err(store.pool.explained(error.into()).await),
        }
        Ok(store)
    }

    /// The connections of each pool that are at work, and those that are idle: `decisions` is the one for decisions,
    /// deadlines and delivery, `lists` the one for lists and reports.
    #[must_use]
    pub fn connections(&self) -> [(&'static str, usize, usize); 2] {
        [("decisions", &self.hot), ("lists", &self.pool)].map(|(name, pool)| {
            let idle = pool.num_idle();
            (name, usize::try_from(pool.size()).unwrap_or(usize::MAX).saturating_sub(idle), idle)
        })
    }

    /// Like [`Store::connect`], but connects on first use.
    ///
    /// # Errors
    /// [`Error::Internal`] when the URL is malformed.
    pub fn connect_lazy(options: &Options) -> Result<Self, Error> {
        let connect = Self::connect_options(options)?;
        let hot = pool::Pool::new(Self::pool_options(options), connect.clone().options(BY_KEY_ONLY));
        // Which index fits a list depends on what it asks for.
        let pool = connect.options([("plan_cache_mode", "force_custom_plan")]);
        Ok(Self { pool: pool::Pool::new(Self::pool_options(options), pool), hot })
    }

    fn connect_options(options: &Options) -> Result<PgConnectOptions, Error> {
        // A statement that runs for longer than this is at fault; its caller gets an error and may try again.
        Ok(PgConnectOptions::from_str(&options.url)?.application_name("awe").options([
            ("statement_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "30s"),
            // All calls of a statement share one plan: the statements are few and fixed, and find rows by key.
            ("plan_cache_mode", "force_generic_plan"),
            // The tables of open work are kept by the statements of this crate; the triggers that keep them for
            // everybody else look at this.
            ("awe.open_work", "kept"),
        ]))
    }

    fn pool_options(options: &Options) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections((options.max_connections / 2).max(1))
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
    }

    /// Checks that the database answers, by one round trip.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn ping(&self) -> Result<(), Error> {
        match sqlx::query("select 1").execute(&self.pool).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.pool.explained(error.into()).await),
        }
    }

    /// Why the database did not answer in time, for a caller that has stopped waiting: [`Error::Unavailable`] with
    /// the reason.
    pub async fn outage(&self) -> Error {
        self.pool.outage().await
    }

    /// Closes both pools; waits for connections in use.
    pub async fn close(&self) {
        self.hot.close().await;
        self.pool.close().await;
    }
}
