//! What all handlers and loops share.

use crate::auth::Authenticator;
use crate::auth::unsigned_token;
use crate::config::Settings;
use anyhow::Context as _;
use awe_client::{AweClient, ClientCredentials, RetryPolicy, Token};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres, Transaction};
use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Subject of the service account in development mode.
pub const SERVICE: &str = "registry-service";

#[derive(Clone)]
pub struct App(Arc<Shared>);

pub struct Shared {
    pub settings: Settings,
    pub db: PgPool,
    pub auth: Authenticator,
    /// AWE without a token: `with_token` calls as a user.
    awe: AweClient,
    /// AWE as the Registry's own service account.
    pub service: AweClient,
    /// Of creations that keep a connection while they wait for AWE; the others are for everybody else.
    pub waiting_for_awe: Semaphore,
    /// Whether reconciliation runs.
    pub reconciling: AtomicBool,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Nothing is connected to yet: the database and AWE may be away when the process starts.
    ///
    /// # Errors
    /// Settings that cannot be used: a URL that is none.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        let db = pool(&settings)?;
        let awe = client(&settings)?;
        let service = awe.with_token(service_account(&settings));
        let half = settings.database.max_connections as usize / 2;
        Ok(Self(Arc::new(Shared {
            auth: Authenticator::new(&settings)?,
            db,
            awe,
            service,
            waiting_for_awe: Semaphore::new(half),
            reconciling: AtomicBool::new(false),
            settings,
        })))
    }

    /// AWE as the person whose token this is.
    #[must_use]
    pub fn awe_as(&self, token: &SecretString) -> AweClient {
        self.awe.with_token(token.expose_secret())
    }

    #[must_use]
    pub fn is_reconciling(&self) -> bool {
        self.reconciling.load(Ordering::Relaxed)
    }
}

/// Begins a transaction in a task of its own, which goes on when the caller stops waiting. Otherwise a transaction whose
/// begin was sent and not answered yet would stay open in the pool, unknown to it (sqlx 0.9), and whoever got the
/// connection next would lose what they wrote.
///
/// # Errors
/// What the database says.
pub async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin().await }).await;
    begun.unwrap_or_else(|ended| Err(sqlx::Error::Io(std::io::Error::other(ended))))
}

/// # Errors
/// The URL is none.
pub fn pool(settings: &Settings) -> anyhow::Result<PgPool> {
    let database = &settings.database;
    PgPoolOptions::new()
        .max_connections(database.max_connections)
        .acquire_timeout(Duration::from_secs(database.acquire_timeout_seconds))
        // Nobody waits for ever for a row that somebody else holds, or for a statement.
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query("select set_config('lock_timeout', '5s', false), set_config('statement_timeout', '20s', false)")
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .connect_lazy(database.url.expose_secret())
        .context("database.url cannot be used")
}

fn client(settings: &Settings) -> anyhow::Result<AweClient> {
    let limit = settings.awe_timeout();
    let retry = RetryPolicy { attempts: 3, total: limit, most_retry_after: limit, ..RetryPolicy::default() };
    let client = AweClient::builder(&settings.awe.base_url).timeout(limit).retry(retry);
    client.trace(telemetry::Trace::inject).build().context("awe.base_url")
}

/// The service account: client credentials of the issuer, or, in development mode, a token without a signature.
fn service_account(settings: &Settings) -> Token {
    if settings.is_development() {
        return Token::callback(|| async { Ok::<_, Infallible>(unsigned_token(SERVICE, &["AWE_ADMIN"])) });
    }
    let url = format!("{}/protocol/openid-connect/token", settings.auth.issuer);
    let secret = settings.awe.service_client_secret.expose_secret();
    ClientCredentials::new(url, &settings.awe.service_client_id, secret).into()
}
