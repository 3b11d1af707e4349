//! Databases for tests, here and in the rooms above: one for each test, dropped at the end whatever the outcome.

use crate::{Options, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::ops::Deref;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A migrated, empty database.
#[derive(Debug)]
pub struct TestDb {
    /// Connected to it.
    pub store: Store,
    /// Where it is.
    pub url: String,
    name: String,
    server: String,
}

impl Deref for TestDb {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestDb {
    /// Closes every connection of this store, waits until the server has counted what they did, and connects anew.
    ///
    /// # Panics
    /// When connections of others stay, or the server is away.
    pub async fn reconnect(&mut self) {
        self.store.close().await;
        let others = "select count(*) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut watch = PgConnection::connect(&self.url).await.expect("connects");
        while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut watch).await.expect("counts") > 0 {
            assert!(Instant::now() < deadline, "connections of others stay open");
            tokio::time::sleep(Duration::from_millis(20)).await; // the poll of that deadline
        }
        watch.close().await.expect("closes");
        self.store = connect(&self.url).await;
    }

    /// Keeps others from writing to a table until the answer is dropped; they wait.
    ///
    /// # Panics
    /// When the server is away, or there is no such table.
    pub async fn hold(&self, table: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut held = self.store.pool.begin().await.expect("begins");
        let lock = format!("lock table {table} in exclusive mode");
        sqlx::query(AssertSqlSafe(lock)).execute(&mut *held).await.expect("is there");
        held
    }

    /// How often tables that grow with requests have been read from end to end.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn whole_table_reads(&self) -> Vec<(String, i64)> {
        sqlx::query_as(
            "select relname::text, seq_scan from pg_stat_user_tables
             where relname like 'approval\\_%' and relname not in ('approval_policy', 'approval_stage')
                or relname like 'webhook\\_%' or relname = 'idempotency_key' order by relname",
        )
        .fetch_all(&self.store.pool)
        .await
        .expect("reads")
    }

    /// Entries read so far in the indexes of deliveries and events by connections that have ended.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn index_reads(&self) -> i64 {
        sqlx::query_scalar(
            "select sum(idx_tup_read)::bigint from pg_stat_user_indexes
             where relname in ('webhook_delivery', 'approval_event', 'approval_request')",
        )
        .fetch_one(&self.store.pool)
        .await
        .expect("reads")
    }
}

async fn connect(url: &str) -> Store {
    let options =
        Options { url: url.to_owned(), max_connections: 8, acquire_timeout: Duration::from_secs(10) };
    Store::connect(&options).await.expect("connects")
}

/// Makes one on the server that `DATABASE_URL` names.
///
/// # Panics
/// When there is no such server.
pub async fn database() -> TestDb {
    let db = empty_database().await;
    db.store.migrate().await.expect("migrates");
    db
}

/// Makes one without tables.
///
/// # Panics
/// When there is no server.
pub async fn empty_database() -> TestDb {
    let server = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests");
    let name = format!("awe_test_{}", Uuid::now_v7().simple());
    run(&server, format!("create database {name}")).await;
    let (base, _) = server.rsplit_once('/').expect("DATABASE_URL ends in a database name");
    let url = format!("{base}/{name}");
    let store = connect(&url).await;
    TestDb { store, url, name, server }
}

/// Runs SQL as an operator would.
///
/// # Panics
/// When it fails.
pub async fn execute(store: &Store, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&store.pool).await.expect("statement runs");
}

/// The same, with what the database says against it.
///
/// # Errors
/// The statement is refused.
pub async fn try_execute(store: &Store, sql: &str) -> Result<(), String> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&store.pool).await;
    run.map(|_| ()).map_err(|error| error.to_string())
}

/// The one number that a query gives.
///
/// # Panics
/// When it gives none.
pub async fn count(store: &Store, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&store.pool).await.expect("gives a number")
}

/// Sequences of a request's events in the order in which the stream took them.
///
/// # Panics
/// When the database is away.
pub async fn stream_order(store: &Store, request: Uuid) -> Vec<i64> {
    sqlx::query_scalar("select sequence from approval_event where request_id = $1 order by stream_seq")
        .bind(request)
        .fetch_all(&store.pool)
        .await
        .expect("reads")
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.expect("connects to the server");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("statement runs");
    connection.close().await.expect("closes");
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("drop database {} with (force)", self.name));
        // A destructor cannot wait on the test's runtime: it brings its own.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("runtime starts").block_on(run(&server, sql));
        });
        assert!(
            dropping.join().is_ok() || std::thread::panicking(),
            "database {} was not dropped",
            self.name
        );
    }
}
