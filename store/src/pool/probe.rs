//! Finds out why nobody got a connection, by opening one.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use std::io::{Error, ErrorKind};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long the server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a result is reused, so that a full pool does not cost the server one connection for each caller that
/// waits.
const HOLDS: Duration = Duration::from_secs(1);

/// Tests whether the server accepts connections.
#[derive(Debug)]
pub(super) struct Probe {
    connect: PgConnectOptions,
    last: Mutex<Option<(Instant, Option<Failure>)>>,
}

#[derive(Debug, Clone)]
struct Failure {
    kind: ErrorKind,
    text: String,
}

impl Probe {
    pub(super) fn new(connect: PgConnectOptions) -> Self {
        Self { connect, last: Mutex::new(None) }
    }

    /// Why the server accepts no connection, with its address and without the password; `None` when it accepts one.
    pub(super) async fn failure(&self) -> Option<Error> {
        let mut last = self.last.lock().await;
        let known = last.take().filter(|(at, _)| at.elapsed() < HOLDS);
        let (at, failure) = match known {
            Some(known) => known,
            None => (Instant::now(), self.ask().await),
        };
        *last = Some((at, failure.clone()));
        failure.map(|failure| Error::new(failure.kind, failure.text))
    }

    async fn ask(&self) -> Option<Failure> {
        match timeout(PATIENCE, self.connect.connect()).await {
            Ok(Ok(connection)) => {
                // The connection was only a test, so an error on closing it does not matter.
                let _ = timeout(PATIENCE, connection.close()).await;
                None
            }
            Ok(Err(error)) => Some(self.failed(&error)),
            Err(_) => Some(self.told(ErrorKind::NotConnected, "no answer from")),
        }
    }

    fn failed(&self, error: &sqlx::Error) -> Failure {
        match error {
            sqlx::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
                self.told(io.kind(), "connection refused at")
            }
            sqlx::Error::Io(io) => self.told(ErrorKind::NotConnected, &format!("{io}: no connection to")),
            sqlx::Error::Database(db) => {
                self.told(ErrorKind::PermissionDenied, &format!("{}: not let in by", db.message()))
            }
            other => self.told(ErrorKind::NotConnected, &format!("{other}: no connection to")),
        }
    }

    fn told(&self, kind: ErrorKind, what: &str) -> Failure {
        Failure { kind, text: format!("{what} {}", self.address()) }
    }

    fn address(&self) -> String {
        match self.connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.connect.get_host(), self.connect.get_port()),
        }
    }
}
