//! Failures of the rooms below, as callers are told.

use super::ApiError;
use actors::Error as ActorError;
use engine::command::Refusal;
use outbound::DirectoryError;
use schemas::api::{Location, ValidationDetail};
use schemas::policy::Fault;
use std::error::Error as StdError;

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(what) => not_found(what),
            store::Error::Conflict(text) => Self::Conflict(text),
            store::Error::Constraint(name) => constraint(&name),
            store::Error::Stale => {
                Self::Conflict("changed by somebody else meanwhile; read it again".to_owned())
            }
            store::Error::Unavailable(cause) => {
                tracing::warn!(%cause, "database unavailable");
                Self::DatabaseUnavailable
            }
            store::Error::Internal(cause) => Self::Internal(chain(&*cause)),
        }
    }
}

fn not_found(what: &str) -> ApiError {
    let text = format!("{what} does not exist");
    if what.contains("policy") {
        ApiError::UnknownPolicy(text)
    } else if what.contains("request") {
        ApiError::UnknownRequest(text)
    } else {
        ApiError::NotFound(text)
    }
}

/// Named constraints that a caller can run into.
fn constraint(name: &str) -> ApiError {
    match name {
        "approval_policy_version_key" => ApiError::PolicyExists("the policy key exists".to_owned()),
        "approval_policy_one_active" => {
            ApiError::Conflict("another version was activated meanwhile; read it again".to_owned())
        }
        "callback_secret_one_active" => {
            ApiError::Conflict("the caller has an active secret; rotate that one".to_owned())
        }
        "user_delegation_window" => ApiError::invalid("starts_at must be before ends_at"),
        "user_delegation_self" => ApiError::invalid("nobody can delegate to themselves"),
        other => ApiError::Internal(format!("constraint {other}")),
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.extend([": ", &cause.to_string()]);
        source = cause.source();
    }
    text
}

impl From<ActorError> for ApiError {
    fn from(error: ActorError) -> Self {
        match error {
            ActorError::UnknownRequest => Self::UnknownRequest("the request does not exist".to_owned()),
            ActorError::UnknownTask => Self::NotFound("the task does not exist".to_owned()),
            ActorError::UnknownPolicy => Self::UnknownPolicy("the policy version does not exist".to_owned()),
            ActorError::NoActivePolicy(key) => {
                Self::UnknownPolicy(format!("policy {key} has no active version"))
            }
            ActorError::Refused(refusal) => refusal.into(),
            ActorError::IdempotencyMismatch => Self::IdempotencyMismatch,
            ActorError::Invalid { field, message } => Self::Unprocessable(vec![ValidationDetail {
                loc: body_path(&field),
                msg: message,
                kind: "value_error".to_owned(),
            }]),
            ActorError::Context(faults) => Self::Unprocessable(faults),
            ActorError::Overloaded => Self::Overloaded,
            ActorError::Directory(error) => error.into(),
            ActorError::Unavailable => Self::DatabaseUnavailable,
            ActorError::Internal(cause) => Self::Internal(cause),
        }
    }
}

/// The words are made for a request's timeline: they name no address and nothing that the other side wrote.
impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Missing(why) => Self::NotConfigured(why),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

fn body_path(field: &str) -> Vec<Location> {
    std::iter::once("body").chain(field.split('.')).map(|step| Location::Field(step.to_owned())).collect()
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownTask(_) => Self::NotFound(refusal.to_string()),
            Refusal::Forbidden(text) => Self::Forbidden(text),
            Refusal::Conflict(text) => Self::Conflict(text),
            Refusal::Invalid { field, message } => Self::unprocessable("body", field, message),
            Refusal::WrongPolicy(_) => Self::Internal(refusal.to_string()),
        }
    }
}

impl From<Vec<Fault>> for ApiError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults.iter().map(Fault::to_string).collect())
    }
}
