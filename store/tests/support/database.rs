//! A database of its own for each test, dropped at the end whatever the outcome.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::ops::Deref;
use std::time::Duration;
use store::{Options, Store};
use uuid::Uuid;

/// A migrated, empty database.
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

/// Makes one on the server that `DATABASE_URL` names.
pub async fn database() -> TestDb {
    let server = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests");
    let name = format!("awe_test_{}", Uuid::now_v7().simple());
    run(&server, format!("create database {name}")).await;
    let (base, _) = server.rsplit_once('/').expect("DATABASE_URL ends in a database name");
    let url = format!("{base}/{name}");
    let options = Options { url: url.clone(), max_connections: 8, acquire_timeout: Duration::from_secs(10) };
    let store = Store::connect(&options).await.expect("connects");
    let db = TestDb { store, url, name, server };
    db.store.migrate().await.expect("migrates");
    db
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
        if dropping.join().is_err() && !std::thread::panicking() {
            panic!("test database {} could not be dropped", self.name);
        }
    }
}
