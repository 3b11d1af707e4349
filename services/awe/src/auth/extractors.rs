//! What handlers ask for about the caller. A handler that asks for an [`Admin`] refuses everybody else by asking.

use super::identity::{ADMIN, Identity, VIEWER};
use super::refusal::AuthError;
use crate::error::{ApiError, Reason};
use crate::extract::refuse_unknown;
use crate::places::Held;
use crate::state::AppState;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use std::sync::Arc;

/// A caller who may read everything.
#[derive(Debug, Clone)]
pub struct Viewer(pub Identity);

/// A caller who may change things.
#[derive(Debug, Clone)]
pub struct Admin(pub Identity);

fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    let missing = ApiError::from(Reason::TokenMissing);
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Err(missing) };
    let value = value.to_str().map_err(|_| ApiError::from(Reason::TokenMalformed))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(missing),
    }
}

impl FromRequestParts<AppState> for Identity {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if !state.is_started() {
            return Err(Reason::Starting.into());
        }
        let token = bearer(parts)?;
        let identity = match parts.extensions.get::<Noted>() {
            Some(Noted(noted)) => noted.clone(),
            None => state.authenticator().authenticate(token).await,
        };
        let identity = identity?;
        refuse_unknown(parts)?;
        Ok(Arc::unwrap_or_clone(identity))
    }
}

/// The outcome of authentication, kept with the request: the server authenticates before it reads the body.
#[derive(Debug, Clone)]
struct Noted(Result<Arc<Identity>, AuthError>);

/// Authenticates once and keeps the outcome for the extractors below. `None` when there is no token, or a refused one.
pub(crate) async fn note_caller(parts: &mut Parts, state: &AppState) -> Option<Arc<Identity>> {
    if !state.is_started() {
        return None;
    }
    let identity = state.authenticator().authenticate(bearer(parts).ok()?).await;
    if let Ok(identity) = &identity {
        tracing::Span::current().record("subject", &identity.subject);
    }
    parts.extensions.insert(Noted(identity.clone()));
    identity.ok()
}

/// One of the caller's places for lists, held until the request is answered.
#[derive(Debug, Clone, Copy)]
pub struct Listing;

impl FromRequestParts<AppState> for Listing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let (noted, held) = (parts.extensions.get::<Noted>(), parts.extensions.get::<Held>());
        if let (Some(Noted(Ok(caller))), Some(held)) = (noted, held) {
            state.places().share(&caller.subject).list(held).await?;
        }
        Ok(Self)
    }
}

impl FromRequestParts<AppState> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let identity = Identity::from_request_parts(parts, state).await?;
        if identity.is_viewer() { Ok(Self(identity)) } else { Err(lacks(VIEWER)) }
    }
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let identity = Identity::from_request_parts(parts, state).await?;
        if identity.is_admin() { Ok(Self(identity)) } else { Err(lacks(ADMIN)) }
    }
}

fn lacks(role: &str) -> ApiError {
    ApiError::new(Reason::RoleMissing, format!("role {role} is needed"))
}
