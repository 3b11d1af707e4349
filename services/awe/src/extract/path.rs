//! Ids in the path. Text that cannot be an id names nothing, so it is refused like an unknown id.

use crate::error::{ApiError, Reason};
use crate::state::AppState;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

async fn param(parts: &mut Parts, state: &AppState, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    let (_, value) = params.iter().find(|(key, _)| *key == name)?;
    (!value.contains('\0')).then(|| value.to_owned())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $param:literal, $unknown:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(pub Uuid);

        impl FromRequestParts<AppState> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
                let raw = param(parts, state, $param).await;
                raw.and_then(|raw| Uuid::try_parse(&raw).ok()).map(Self).ok_or_else(|| $unknown.into())
            }
        }
    )*};
}

ids! {
    /// `{request_id}`.
    RequestId, "request_id", Reason::UnknownRequest;
    /// `{task_id}`.
    TaskId, "task_id", Reason::UnknownTask;
    /// `{delegation_id}`.
    DelegationId, "delegation_id", Reason::UnknownDelegation;
    /// `{delivery_id}`.
    DeliveryId, "delivery_id", Reason::UnknownDelivery;
    /// `{secret_id}`.
    SecretId, "secret_id", Reason::UnknownCallbackSecret;
}

/// `{policy_key}`.
#[derive(Debug, Clone)]
pub struct PolicyKey(pub String);

impl FromRequestParts<AppState> for PolicyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let key = param(parts, state, "policy_key").await;
        key.map(Self).ok_or_else(|| Reason::UnknownPolicy.into())
    }
}

/// A version number, written exactly as answers write it (no sign, no leading zero), so that each version has one URL.
fn version_number(raw: &str) -> Option<i32> {
    raw.parse().ok().filter(|number: &i32| number.to_string() == raw)
}

/// `{policy_key}` and `{version}`.
#[derive(Debug, Clone)]
pub struct PolicyVersion {
    /// The policy key, as the path has it.
    pub key: String,
    /// The version number, from 1.
    pub version: i32,
}

impl FromRequestParts<AppState> for PolicyVersion {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let PolicyKey(key) = PolicyKey::from_request_parts(parts, state).await?;
        let version = param(parts, state, "version").await.and_then(|raw| version_number(&raw));
        let unknown = || ApiError::new(Reason::UnknownPolicy, format!("policy {key} has no such version"));
        let version = version.ok_or_else(unknown)?;
        Ok(Self { key, version })
    }
}
