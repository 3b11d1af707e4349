//! The public resources: authorizations and subscriptions, for the customer or the client whose they are.

use crate::authorizations::{AuthorizationOut, Party, SubscriptionOut};
use crate::identity::IdentityError;
use crate::metrics;
use crate::state::App;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An error of a public resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceErrorOut {
    /// `invalid_token`, `not_found`, `temporarily_unavailable`, `server_error`.
    #[schema(example = "not_found")]
    pub error: &'static str,
    /// For people.
    pub error_description: &'static str,
}

/// Why a resource is not given.
#[derive(Debug)]
pub enum ResourceError {
    /// 401.
    Unauthorized,
    /// 404, for what is not there as for what is somebody else's.
    NotFound,
    /// 503.
    Away,
    /// 500.
    Fault,
}

impl From<sqlx::Error> for ResourceError {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the database failed");
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => Self::Away,
            _ => Self::Fault,
        }
    }
}

impl IntoResponse for ResourceError {
    fn into_response(self) -> Response {
        let (status, error, error_description) = match self {
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                "a bearer token of a customer or a client is needed",
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "there is nothing here for this token"),
            Self::Away => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "not now; the call may be sent again",
            ),
            Self::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "an unexpected fault"),
        };
        let mut response = (status, Json(ResourceErrorOut { error, error_description })).into_response();
        match status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

impl FromRequestParts<App> for Party {
    type Rejection = ResourceError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ResourceError> {
        let mut all = parts.headers.get_all(header::AUTHORIZATION).iter();
        let header = all.next().filter(|_| all.next().is_none()).and_then(|value| value.to_str().ok());
        app.tokens.party(header).await.map_err(|error| {
            tracing::debug!(%error, "a token was refused");
            match error {
                IdentityError::Untrusted(_) => ResourceError::Unauthorized,
                IdentityError::Away(_) => ResourceError::Away,
            }
        })
    }
}

/// The resources below `/espi/1_1/resource`.
pub fn router() -> Router<App> {
    Router::new()
        .route("/espi/1_1/resource/Authorization/{id}", get(authorization).delete(withdraw))
        .route("/espi/1_1/resource/Subscription/{id}", get(subscription))
}

fn id(text: &str) -> Result<Uuid, ResourceError> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36).ok_or(ResourceError::NotFound)
}

async fn authorization(
    State(app): State<App>,
    party: Party,
    Path(text): Path<String>,
) -> Result<Json<AuthorizationOut>, ResourceError> {
    app.authorizations.read(id(&text)?, &party).await?.map(Json).ok_or(ResourceError::NotFound)
}

async fn subscription(
    State(app): State<App>,
    party: Party,
    Path(text): Path<String>,
) -> Result<Json<SubscriptionOut>, ResourceError> {
    app.authorizations.subscription(id(&text)?, &party).await?.map(Json).ok_or(ResourceError::NotFound)
}

async fn withdraw(
    State(app): State<App>,
    party: Party,
    Path(text): Path<String>,
) -> Result<StatusCode, ResourceError> {
    let id = id(&text)?;
    if !app.authorizations.withdraw(id, &party).await? {
        return Err(ResourceError::NotFound);
    }
    tracing::info!(authorization_id = %id, ?party, "an authorization was withdrawn");
    metrics::withdrawn();
    app.changed.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
