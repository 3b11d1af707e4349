//! Approval of grants by AWE: asked for when a grant is stored, learnt from its events, and looked up for what they lost.

mod bus;
mod listener;
mod publisher;
mod reconciler;

pub use bus::{Bus, connect};
pub use listener::listen;
pub use publisher::publish;
pub use reconciler::reconcile;

use crate::config::{Auth, Awe as Settings};
use crate::grant::Checked;
use crate::identity::unsigned;
use crate::uris::Uris;
use anyhow::Context as _;
use awe_client::models::CreateRequestIn;
use awe_client::parameters::ListRequests;
use awe_client::{AweClient, ClientCredentials, Error, ErrorKind, JsonObject, RetryPolicy, Token};
use secrecy::ExposeSecret;
use serde_json::json;
use std::time::Duration;
use time::OffsetDateTime;
use tracing::Instrument as _;
use uuid::Uuid;

/// What an authorization is to AWE.
pub const ARTIFACT_TYPE: &str = "espi.authorization";
/// Whom AWE sees in development mode.
const SUBJECT: &str = "data-custodian";
/// An authorization server waits for ten seconds: asking may not take longer, whatever is tried.
const ASKING: Duration = Duration::from_secs(8);

/// Why approval could not be asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No AWE is configured.
    #[error("no approval service is configured")]
    NotConfigured,
    /// It did not answer in time.
    #[error("the approval service did not answer in time")]
    Slow,
    /// It refused or could not be reached.
    #[error("the approval service refused or could not be reached")]
    Refused(#[source] Box<Error>),
    /// Its answer makes no sense.
    #[error("the approval service gave an id that is none")]
    Unreadable,
}

impl AskError {
    /// Whether there may be a request at AWE all the same: its answer is not known, or makes no sense.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::NotConfigured => false,
            Self::Slow | Self::Unreadable => true,
            Self::Refused(error) => match error.kind() {
                ErrorKind::Api(refused) => refused.status >= 500,
                ErrorKind::Transport { sent } | ErrorKind::Timeout { sent } => *sent,
                ErrorKind::Token(_) | ErrorKind::InvalidArgument(_) => false,
                _ => true,
            },
        }
    }
}

/// Asks AWE. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Awe {
    client: Option<AweClient>,
    expiry: time::Duration,
}

impl Awe {
    /// As configured; without a URL nothing can be asked.
    ///
    /// # Errors
    /// The settings make no client.
    pub fn new(settings: &Settings, auth: &Auth) -> anyhow::Result<Self> {
        let expiry = time::Duration::hours(settings.approval_expiry_hours.into());
        if settings.url.is_empty() {
            return Ok(Self { client: None, expiry });
        }
        let client = AweClient::builder(&settings.url)
            .token(token(settings, auth))
            .trace(telemetry::Trace::inject)
            .timeout(Duration::from_secs(settings.timeout_seconds))
            .retry(RetryPolicy { attempts: 3, total: ASKING, ..RetryPolicy::default() })
            .build()
            .context("awe.url")?;
        Ok(Self { client: Some(client), expiry })
    }

    /// The client, when AWE is configured.
    #[must_use]
    pub const fn client(&self) -> Option<&AweClient> {
        self.client.as_ref()
    }

    /// Asks for approval of a grant that will be stored under `id`, which is also the key of the call: asked again, AWE
    /// answers with the same request.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(
        &self,
        checked: &Checked,
        id: Uuid,
        policy_key: &str,
        uris: &Uris,
    ) -> Result<Uuid, AskError> {
        let client = self.client.as_ref().ok_or(AskError::NotConfigured)?;
        let (request, key) = (self.request(checked, id, policy_key, uris), id.to_string());
        let span = tracing::info_span!("create request", otel.kind = "client");
        let asked = tokio::time::timeout(ASKING, client.create_with_key(&request, &key).instrument(span));
        let created =
            asked.await.map_err(|_| AskError::Slow)?.map_err(|error| AskError::Refused(Box::new(error)))?;
        Uuid::parse_str(&created.request_id).map_err(|_| AskError::Unreadable)
    }

    fn request(&self, checked: &Checked, id: Uuid, policy_key: &str, uris: &Uris) -> CreateRequestIn {
        let grant = &checked.grant;
        let facts: [(&str, serde_json::Value); 6] = [
            ("grant_digest", json!(grant.digest)),
            ("client_id", json!(grant.client_id)),
            ("retail_customer_id", json!(checked.customer)),
            ("scope", json!(grant.granted_scope)),
            ("usage_points", json!(grant.selected_usage_point_ids.len())),
            ("includes_customer_pii", json!(checked.includes_pii)),
        ];
        let context: JsonObject = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        CreateRequestIn {
            artifact_id: id.to_string(),
            artifact_type: ARTIFACT_TYPE.to_owned(),
            artifact_url: Some(uris.authorization(id)),
            context: Some(context),
            expires_at: Some(OffsetDateTime::now_utc() + self.expiry),
            policy_key: policy_key.to_owned(),
            ..CreateRequestIn::default()
        }
    }

    /// The requests at AWE for what was to be stored under this id.
    ///
    /// # Errors
    /// What AWE says, or that it did not answer.
    pub async fn find(&self, id: Uuid) -> anyhow::Result<Vec<Uuid>> {
        let client = self.client.as_ref().context("no AWE is configured")?;
        let filters = ListRequests {
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            artifact_id: Some(id.to_string()),
            ..ListRequests::default()
        };
        let found = client.list(&filters).await?;
        Ok(found.iter().filter_map(|request| Uuid::parse_str(&request.id).ok()).collect())
    }

    /// Stops a request that nobody waits for any more. One that has ended, or is not known, counts as stopped.
    ///
    /// # Errors
    /// What AWE says, or that it did not answer.
    pub async fn cancel(&self, request: Uuid, reason: &str) -> anyhow::Result<()> {
        let client = self.client.as_ref().context("no AWE is configured")?;
        match client.cancel(&request.to_string(), Some(reason)).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn token(settings: &Settings, auth: &Auth) -> Token {
    let fixed = settings.token.expose_secret();
    if !fixed.is_empty() {
        return fixed.into();
    }
    if !settings.token_url.is_empty() {
        let secret = settings.client_secret.expose_secret();
        return ClientCredentials::new(&settings.token_url, &settings.client_id, secret).into();
    }
    if auth.issuer.is_empty() {
        return Token::callback(|| std::future::ready(Ok::<_, std::convert::Infallible>(unsigned(SUBJECT))));
    }
    Token::none()
}
