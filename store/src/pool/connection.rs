//! Connections and transactions whose statements are bounded in time, as those of the pool itself are.

use super::silence::{Silence, within};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, Postgres, SqlStr};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

/// A connection of a pool; it takes statements as `&mut` of it.
#[derive(Debug)]
pub(crate) struct Connection {
    held: Held,
    silence: Arc<Silence>,
    patience: Duration,
}

#[derive(Debug)]
enum Held {
    Alone(PoolConnection<Postgres>),
    Within(sqlx::Transaction<'static, Postgres>),
}

impl Connection {
    pub(super) fn new(alone: PoolConnection<Postgres>, silence: Arc<Silence>) -> Self {
        let patience = silence.patience;
        Self { held: Held::Alone(alone), silence, patience }
    }

    fn inner(&mut self) -> &mut PgConnection {
        match &mut self.held {
            Held::Alone(connection) => connection,
            Held::Within(transaction) => transaction,
        }
    }
}

/// A transaction of a pool. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction(Connection);

impl Transaction {
    pub(super) fn new(begun: sqlx::Transaction<'static, Postgres>, silence: Arc<Silence>) -> Self {
        let patience = silence.patience;
        Self(Connection { held: Held::Within(begun), silence, patience })
    }

    /// Lets the server stay silent for longer in this transaction, whose statements may take that long.
    pub(crate) const fn allow(&mut self, patience: Duration) {
        self.0.patience = patience;
    }

    /// Ends the transaction. After a silence nobody knows whether it was committed.
    ///
    /// # Errors
    /// The server refuses, is away, or stayed silent.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        let Connection { held, silence, patience } = self.0;
        match held {
            // `Transaction::new` is the only one that makes a transaction.
            Held::Alone(_) => Ok(()),
            Held::Within(transaction) => within(patience, &silence, transaction.commit()).await,
        }
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let (silence, patience) = (Arc::clone(&self.silence), self.patience);
        let rows = self.inner().fetch_many(query);
        try_unfold((rows, silence), move |(mut rows, silence)| async move {
            let next = within(patience, &silence, async { rows.next().await.transpose() }).await?;
            Ok(next.map(|row| (row, (rows, silence))))
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let (silence, patience) = (Arc::clone(&self.silence), self.patience);
        let row = self.inner().fetch_optional(query);
        Box::pin(async move { within(patience, &silence, row).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let (silence, patience) = (Arc::clone(&self.silence), self.patience);
        let prepared = self.inner().prepare_with(sql, parameters);
        Box::pin(async move { within(patience, &silence, prepared).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        let (silence, patience) = (Arc::clone(&self.silence), self.patience);
        let described = self.inner().describe(sql);
        Box::pin(async move { within(patience, &silence, described).await })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pool;
    use super::*;
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use std::str::FromStr as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(2);

    /// Passes on what is said to a server and by it, until it is told to fall silent: then it keeps the connections that
    /// there are and passes on nothing.
    async fn falls_silent(server: &PgConnectOptions) -> (PgConnectOptions, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silent, told) = watch::channel(false);
        let to = (server.get_host().to_owned(), server.get_port());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (to, mut told) = (to.clone(), told.clone());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(to).await.unwrap();
                    let silence = async { told.wait_for(|silent| *silent).await.is_ok() };
                    let fell_silent = tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => false,
                        fell_silent = silence => fell_silent,
                    };
                    if fell_silent {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        (server.clone().host("127.0.0.1").port(port), silent)
    }

    /// What is told of `work` on a connection that falls silent once `prepare` has made what it needs.
    async fn told<P>(
        prepare: impl AsyncFnOnce(&Pool) -> P,
        work: impl AsyncFnOnce(&Pool, P) -> Result<(), sqlx::Error>,
    ) -> String {
        let db = crate::testing::database().await;
        let server = PgConnectOptions::from_str(&db.url).unwrap();
        let (through, silent) = falls_silent(&server).await;
        let pool = Pool::with_patience(PgPoolOptions::new().max_connections(1), through, PATIENCE);
        let prepared = prepare(&pool).await;
        silent.send_replace(true);
        let told = timeout(5 * PATIENCE, work(&pool, prepared)).await;
        let failure = told.expect("it does not wait for ever").expect_err("nothing answers");
        for _ in 0..1000 {
            if pool.size() == 0 {
                return failure.to_string();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the silent connection is still in the pool");
    }

    #[tokio::test]
    async fn nothing_waits_for_a_silent_server_for_ever() {
        let begin = async |pool: &Pool| pool.begin().await.unwrap();
        let idle = async |pool: &Pool| {
            drop(pool.acquire().await.unwrap());
            while pool.num_idle() == 0 {
                tokio::task::yield_now().await;
            }
        };
        let failures = [
            told(begin, async |_, mut tx| sqlx::query("select 1").execute(&mut *tx).await.map(drop)).await,
            told(begin, async |_, mut tx| sqlx::query("select 1").fetch_all(&mut *tx).await.map(drop)).await,
            told(begin, async |_, mut tx| sqlx::query("select 1").fetch_one(&mut *tx).await.map(drop)).await,
            told(begin, async |_, tx| tx.commit().await).await,
            told(idle, async |pool, ()| pool.snapshot().await.map(drop)).await,
            told(
                async |pool| pool.connection().await.unwrap(),
                async |_, mut one| sqlx::query("select 1").execute(&mut one).await.map(drop),
            )
            .await,
        ];
        for failure in failures {
            assert!(failure.contains("stayed silent"), "{failure}");
        }
    }
}
