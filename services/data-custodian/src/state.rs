//! What the routes of one process share.

use crate::approval::Awe;
use crate::asked::Asked;
use crate::authorizations::Authorizations;
use crate::backchannel::{Credential, Rates};
use crate::config::Config;
use crate::consent::Pages;
use crate::database;
use crate::handoff::Codec;
use crate::identity::{Issuer, Tokens};
use crate::loops::Loops;
use crate::nonces::Nonces;
use crate::uris::Uris;
use secrecy::ExposeSecret;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What routes share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// Settings.
    pub config: Arc<Config>,
    /// The database.
    pub pool: PgPool,
    /// Authorizations.
    pub authorizations: Authorizations,
    /// What AWE was asked for.
    pub asked: Asked,
    /// Nonces of hand-off tokens.
    pub nonces: Nonces,
    /// Hand-off tokens.
    pub codec: Codec,
    /// The back-channel's credential.
    pub credential: Credential,
    /// How fast clients may ask.
    pub rates: Rates,
    /// Bearer tokens.
    pub tokens: Tokens,
    /// AWE.
    pub awe: Awe,
    /// Consent pages.
    pub pages: Pages,
    /// Loops in the background.
    pub loops: Loops,
    /// Cancelled once the process was asked to stop: it still answers, and is not ready any more.
    pub leaving: CancellationToken,
    /// Something waits to be published or cancelled.
    pub changed: Arc<Notify>,
}

impl App {
    /// As configured. `tells`: whether there is a NATS to tell events to; `port`: of the public listener, as it was bound.
    ///
    /// # Errors
    /// A setting makes no sense.
    pub fn new(config: Config, tells: bool, port: u16, stop: CancellationToken) -> anyhow::Result<Self> {
        let pool = database::pool(&config.database)?;
        let subjects = tells.then(|| config.nats.prefix.clone());
        let authorizations = Authorizations::new(pool.clone(), Uris::new(config.base_uri(port)), subjects);
        let backchannel = &config.backchannel;
        Ok(Self {
            authorizations,
            asked: Asked::new(pool.clone()),
            nonces: Nonces::new(pool.clone()),
            codec: Codec::new(config.handoff.signing_key.expose_secret())?,
            credential: Credential::new(&backchannel.client_id, &backchannel.client_secret),
            rates: Rates::new(backchannel),
            tokens: Tokens::new(Issuer::new(&config.auth)?),
            awe: Awe::new(&config.awe, &config.auth)?,
            pages: Pages::new()?,
            loops: Loops::new(stop),
            leaving: CancellationToken::new(),
            changed: Arc::default(),
            config: Arc::new(config),
            pool,
        })
    }
}
