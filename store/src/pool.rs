//! The pool of connections, with a bound on how long the server may stay silent.
//!
//! A server that dies is noticed at once. One that falls silent (a network that drops every packet, a server replaced
//! behind its address) is noticed by TCP only after a quarter of an hour. So a statement is given up after
//! [`SILENCE`], which is longer than the server itself allows a statement, and with it every connection that was open
//! then: none of them is used or waited for again.

mod connection;
mod probe;
mod silence;

use crate::{Error, Outage};
pub(crate) use connection::{Connection, Transaction};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use probe::Probe;
use silence::{Silence, silent, within};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo,
};
use sqlx::query::Query;
use sqlx::{Describe, Either, Execute, Executor, PgPool, Postgres, SqlStr};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the server may stay silent; `statement_timeout` is 10 s.
const SILENCE: Duration = Duration::from_secs(12);

/// Longest that a connection is kept from one statement to the next. In a small pool, others wait for it.
const KEPT: Duration = Duration::from_secs(1);

/// A pool whose statements are bounded in time. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    inner: PgPool,
    silence: Arc<Silence>,
    probe: Arc<Probe>,
}

/// Replaces the error of a pool that had no connection in time by the reason why none can be opened, if there is one.
/// The pool itself does not tell a full pool from a server that is away.
async fn explained(probe: &Probe, error: sqlx::Error) -> sqlx::Error {
    match error {
        sqlx::Error::PoolTimedOut => probe.failure().await.map_or(error, sqlx::Error::Io),
        other => other,
    }
}

impl Pool {
    /// Connects on first use.
    pub(crate) fn new(options: PgPoolOptions, connect: PgConnectOptions) -> Self {
        Self::with_patience(options, connect, SILENCE)
    }

    fn with_patience(options: PgPoolOptions, connect: PgConnectOptions, patience: Duration) -> Self {
        let silence = Arc::new(Silence::new(patience));
        let (before, after) = (Arc::clone(&silence), Arc::clone(&silence));
        let options = options
            .before_acquire(move |_, meta| {
                let good = !before.suspects(meta.age);
                Box::pin(async move { Ok(good) })
            })
            // An error makes the pool drop the connection without a farewell, which a silent server would never
            // answer.
            .after_release(move |_, meta| {
                let suspect = after.suspects(meta.age);
                Box::pin(async move { if suspect { Err(silent()) } else { Ok(true) } })
            });
        let probe = Arc::new(Probe::new(connect.clone()));
        Self { inner: options.connect_lazy_with(connect), silence, probe }
    }

    /// Takes a connection; waits until one is free.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        match self.inner.acquire().await {
            Err(error) => Err(explained(&self.probe, error).await),
            acquired => acquired,
        }
    }

    /// Takes a connection for single statements; waits until one is free.
    pub(crate) async fn connection(&self) -> Result<Connection, sqlx::Error> {
        Ok(Connection::new(self.acquire().await?, Arc::clone(&self.silence)))
    }

    /// Begins a transaction; waits until a connection is free.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.begun(|pool| async move { pool.begin().await }).await
    }

    /// Begins what shows one moment of the database to several statements, and writes nothing.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, sqlx::Error> {
        self.begun(
            |pool| async move { pool.begin_with("begin isolation level repeatable read, read only").await },
        )
        .await
    }

    /// Begins in a task of its own, which goes on when the caller stops waiting. Otherwise a transaction whose begin was
    /// sent and not answered yet would stay open in the pool, unknown to it (sqlx 0.9): whoever got the connection next
    /// would write into it, and lose what they wrote. After a silence the pool drops the connection.
    async fn begun<F>(&self, begin: impl FnOnce(PgPool) -> F) -> Result<Transaction, sqlx::Error>
    where
        F: Future<Output = Result<sqlx::Transaction<'static, Postgres>, sqlx::Error>> + Send + 'static,
    {
        let (begun, silence) = (begin(self.inner.clone()), Arc::clone(&self.silence));
        match tokio::spawn(async move { within(silence.patience, &silence, begun).await }).await {
            Ok(Err(error)) => Err(explained(&self.probe, error).await),
            Ok(Ok(begun)) => Ok(Transaction::new(begun, Arc::clone(&self.silence))),
            Err(ended) => Err(sqlx::Error::Io(io::Error::other(ended))),
        }
    }

    /// The same outage with the server's address and the cause, if the server accepts no connection.
    pub(crate) async fn explained(&self, error: Error) -> Error {
        match error {
            Error::Unavailable(outage, source) => match self.probe.failure().await {
                Some(failure) => Error::Unavailable(Outage::Away, failure.into()),
                None => Error::Unavailable(outage, source),
            },
            other => other,
        }
    }

    /// Why an answer did not come in time, for a caller that has stopped waiting.
    pub(crate) async fn outage(&self) -> Error {
        match self.probe.failure().await {
            Some(failure) => Error::Unavailable(Outage::Away, failure.into()),
            None => Error::Unavailable(Outage::Timeout, silent()),
        }
    }

    /// Runs several statements as one piece of work, which is bounded like a single statement.
    pub(crate) async fn bounded<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        within(self.silence.patience, &self.silence, work).await
    }
}

/// Keeps a connection for statements that follow each other closely. Giving it back after each statement costs
/// another round trip, and the next statement then runs in another server process, whose caches are cold. For the
/// group commit that is a tenth of the server's time under load.
#[derive(Debug)]
pub(crate) struct Kept {
    pool: Pool,
    /// The connection, and when it was taken from the pool.
    connection: Option<(PoolConnection<Postgres>, Instant)>,
}

impl Kept {
    /// Takes no connection yet.
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool, connection: None }
    }

    /// Runs one statement, on the connection of the last one if possible, and returns its rows.
    pub(crate) async fn fetch_all(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        let kept = self.connection.take().filter(|(_, since)| !self.pool.silence.suspects(since.elapsed()));
        let (mut connection, since) = match kept {
            Some(kept) => kept,
            None => (self.pool.acquire().await?, Instant::now()),
        };
        let rows = self.pool.bounded(async { Ok(query.fetch_all(&mut *connection).await?) }).await;
        // After a failure the connection goes back to the pool, which closes it if it is broken.
        if rows.is_ok() && since.elapsed() < KEPT {
            self.connection = Some((connection, since));
        }
        rows
    }

    /// Gives the connection back, because no statement follows.
    pub(crate) fn release(&mut self) {
        self.connection = None;
    }
}

/// For what is not a single statement: transactions, and connections outside the pool.
impl Deref for Pool {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.inner
    }
}

impl<'p> Executor<'p> for &Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let rows = (&self.inner).fetch_many(query);
        let (silence, probe) = (Arc::clone(&self.silence), Arc::clone(&self.probe));
        try_unfold((rows, silence, probe), |(mut rows, silence, probe)| async move {
            match within(silence.patience, &silence, async { rows.next().await.transpose() }).await {
                Ok(next) => Ok(next.map(|row| (row, (rows, silence, probe)))),
                Err(error) => Err(explained(&probe, error).await),
            }
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let row = (&self.inner).fetch_optional(query);
        let (silence, probe) = (Arc::clone(&self.silence), Arc::clone(&self.probe));
        Box::pin(async move {
            match within(silence.patience, &silence, row).await {
                Err(error) => Err(explained(&probe, error).await),
                found => found,
            }
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        (&self.inner).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        (&self.inner).describe(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Row as _;
    use std::str::FromStr as _;

    async fn process(kept: &mut Kept) -> Result<i32, Error> {
        let rows = kept.fetch_all(sqlx::query("select pg_backend_pid()")).await?;
        Ok(rows[0].try_get(0)?)
    }

    /// The pool takes connections back in the background.
    async fn until_idle(pool: &Pool, connections: usize) {
        for _ in 0..1000 {
            if pool.num_idle() == connections {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} connections are idle, not {connections}", pool.num_idle());
    }

    #[tokio::test]
    async fn a_connection_is_kept_until_it_is_released_or_a_statement_fails() {
        let db = crate::testing::database().await;
        let pool = &db.hot;
        drop((pool.acquire().await.unwrap(), pool.acquire().await.unwrap()));
        until_idle(pool, 2).await;

        let mut kept = Kept::new(pool.clone());
        let first = process(&mut kept).await.unwrap();
        for _ in 0..4 {
            assert_eq!(process(&mut kept).await.unwrap(), first);
        }
        assert_eq!(pool.num_idle(), 1, "it is kept");
        kept.release();
        until_idle(pool, 2).await;

        kept.fetch_all(sqlx::query("select 1 / 0")).await.unwrap_err();
        until_idle(pool, 2).await;
        let second = process(&mut kept).await.unwrap();
        let end = sqlx::query("select pg_terminate_backend($1, 5000)").bind(second);
        end.execute(&db.pool).await.unwrap();
        process(&mut kept).await.expect_err("the server has ended its process");
        let third = process(&mut kept).await.unwrap();
        assert_ne!(third, second);
    }

    #[tokio::test]
    async fn a_connection_that_was_open_at_a_silence_is_kept_no_longer() {
        let db = crate::testing::database().await;
        let mut kept = Kept::new(db.hot.clone());
        let first = process(&mut kept).await.unwrap();
        db.hot.silence.notice();
        assert_ne!(process(&mut kept).await.unwrap(), first);
    }

    #[tokio::test]
    async fn whoever_waits_for_the_only_connection_gets_it_however_busy_its_keeper_is() {
        let db = crate::testing::database().await;
        let connect = PgConnectOptions::from_str(&db.url).unwrap();
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(20));
        let pool = Pool::new(one, connect);
        let mut kept = Kept::new(pool.clone());
        process(&mut kept).await.unwrap();
        let other = tokio::spawn(async move { pool.acquire().await.map(drop) });
        while !other.is_finished() {
            process(&mut kept).await.expect("it comes back");
        }
        other.await.unwrap().expect("before it gave up waiting");
    }

    #[tokio::test]
    async fn whoever_stops_waiting_for_a_transaction_leaves_none_behind() {
        let db = crate::testing::database().await;
        let connect = PgConnectOptions::from_str(&db.url).unwrap();
        let pool = Pool::new(PgPoolOptions::new().max_connections(1), connect);
        for turns in 0..300 {
            let patience = async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                begun = pool.snapshot() => drop(begun.unwrap()),
                () = patience => {}
            }
            let is_read_only = sqlx::query("select current_setting('transaction_read_only')");
            let found: String = is_read_only.fetch_one(&pool).await.unwrap().try_get(0).unwrap();
            assert_eq!(found, "off", "after {turns} turns");
        }
    }

    #[tokio::test]
    async fn a_full_pool_is_told_apart_from_a_server_that_is_away() {
        let db = crate::testing::database().await;
        let connect = PgConnectOptions::from_str(&db.url).unwrap();
        let one = || PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(300));
        let full = Pool::new(one(), connect.clone());
        let held = full.acquire().await.unwrap();
        let error = Error::from(sqlx::query("select 1").execute(&full).await.unwrap_err());
        assert!(matches!(error, Error::Unavailable(Outage::Busy, _)), "{error:?}");
        drop(held);

        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let secret = connect.host("127.0.0.1").port(free.port()).password("hunter2");
        let away = Pool::new(one(), secret);
        let failures = [
            away.acquire().await.map(drop).unwrap_err(),
            away.begin().await.map(drop).unwrap_err(),
            sqlx::query("select 1").execute(&away).await.map(drop).unwrap_err(),
            sqlx::query("select 1").fetch_optional(&away).await.map(drop).unwrap_err(),
        ];
        for failure in failures {
            let told = failure.to_string();
            assert!(told.contains(&format!("connection refused at {free}")), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
            let error = Error::from(failure);
            assert!(matches!(error, Error::Unavailable(Outage::Away, _)), "{error:?}");
        }
    }
}
