//! Databases for tests of this and other crates: one for each test, dropped at its end whatever the outcome. The
//! store connects as the application's role, with its rights only; the SQL of tests runs as the owner.

use crate::{Options, Store};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use std::ops::Deref;
use std::time::{Duration, Instant};
use uuid::Uuid;

impl Store {
    /// The pool of lists and reports, for tests that take all of its connections.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// A migrated, empty database.
#[derive(Debug)]
pub struct TestDb {
    /// The store, connected to the database.
    pub store: Store,
    /// URL of the database, for its owner.
    pub url: String,
    owner: PgPool,
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
    /// Closes every connection of this store, waits until the server has counted what they did, and connects again.
    ///
    /// # Panics
    /// When connections of others stay, or the server is away.
    pub async fn reconnect(&mut self) {
        self.store.close().await;
        self.owner.close().await;
        let others = "select count(*) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut watch = PgConnection::connect(&self.url).await.expect("connects");
        while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut watch).await.expect("counts") > 0 {
            assert!(Instant::now() < deadline, "connections of others stay open");
            tokio::time::sleep(Duration::from_millis(20)).await; // the poll of that deadline
        }
        watch.close().await.expect("closes");
        (self.store, self.owner) = (connect(&application(&self.url)).await, owner(&self.url));
    }

    /// Connections of the owner, for tests that look at rows and change them as an operator would.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.owner
    }

    /// Locks a table against writes until the result is dropped; writers wait.
    ///
    /// # Panics
    /// When the server is away, or there is no such table.
    pub async fn hold(&self, table: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        self.lock(table, "exclusive").await
    }

    /// Locks a table against writes and reads until the result is dropped; both wait.
    ///
    /// # Panics
    /// When the server is away, or there is no such table.
    pub async fn hold_from_readers(&self, table: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        self.lock(table, "access exclusive").await
    }

    async fn lock(&self, table: &str, mode: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut held = self.owner.begin().await.expect("begins");
        let lock = format!("lock table {table} in {mode} mode");
        sqlx::query(AssertSqlSafe(lock)).execute(&mut *held).await.expect("is there");
        held
    }

    /// How often each table that grows with requests was read from end to end.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn whole_table_reads(&self) -> Vec<(String, i64)> {
        sqlx::query_as(
            "select relname::text, seq_scan from pg_stat_user_tables
             where relname like 'approval\\_%' and relname not in ('approval_policy', 'approval_stage')
                or relname like 'webhook\\_%' or relname like 'open\\_%' or relname like 'outbox\\_batch'
                or relname = 'idempotency_key' order by relname",
        )
        .fetch_all(&self.store.pool)
        .await
        .expect("reads")
    }

    /// Index entries read so far in the tables of deliveries, events and requests, by connections that have ended.
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

/// The role that the application connects as.
pub const ROLE: &str = "awe_app";

/// The URL of the same database for the application's role.
///
/// # Panics
/// When it is no URL of a database.
#[must_use]
pub fn application(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{ROLE}@{rest}")
}

fn owner(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(4).connect_lazy(url).expect("a URL")
}

async fn connect(url: &str) -> Store {
    let options =
        Options { url: url.to_owned(), max_connections: 8, acquire_timeout: Duration::from_secs(10) };
    Store::connect(&options).await.expect("connects")
}

/// Makes a migrated database on the server that `DATABASE_URL` names.
///
/// # Panics
/// When there is no such server.
pub async fn database() -> TestDb {
    let mut db = empty_database().await;
    db.store.migrate().await.expect("migrates");
    db.store.create_trusted_role(ROLE).await.expect("makes roles");
    db.store.grant_to(ROLE).await.expect("grants");
    db.store.close().await;
    db.store = connect(&application(&db.url)).await;
    db
}

/// Makes a database without tables; its store connects as the owner.
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
    TestDb { store, owner: owner(&url), url, name, server }
}

/// Runs SQL as an operator would.
///
/// # Panics
/// When it fails.
pub async fn execute(db: &TestDb, sql: &str) {
    execute_on(&db.owner, sql).await;
}

/// [`execute`] on given connections.
///
/// # Panics
/// When it fails.
pub async fn execute_on(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.expect("statement runs");
}

/// Runs SQL while the guards of history are off, for rows that look older than they are.
///
/// # Panics
/// When it fails.
pub async fn execute_unguarded(db: &TestDb, sql: &str) {
    execute(db, &format!("begin; set local session_replication_role = replica; {sql}; commit")).await;
}

/// [`execute`] for statements that may be refused; the error is what the database says.
///
/// # Errors
/// The statement is refused.
pub async fn try_execute(db: &TestDb, sql: &str) -> Result<(), String> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&db.owner).await;
    run.map(|_| ()).map_err(|error| error.to_string())
}

/// The one number that a query returns.
///
/// # Panics
/// When it returns none.
pub async fn count(db: &TestDb, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&db.owner).await.expect("gives a number")
}

/// Notes every event as published, under the sequences of its position.
///
/// # Panics
/// When the database is away.
pub async fn publish_all(db: &TestDb) {
    let batch = "insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs)
        select max(position), max(position), max(position), array_agg(position order by position),
            array_agg(position order by position)
        from approval_event having count(*) > 0";
    execute(db, batch).await;
}

/// Sequences of a request's events in the order in which the stream took them.
///
/// # Panics
/// When the database is away.
pub async fn stream_order(store: &Store, request: Uuid) -> Vec<i64> {
    sqlx::query_scalar("select sequence from published_event where request_id = $1 order by stream_seq")
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
        // A destructor cannot wait on the runtime of the test, so it brings its own.
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
