//! Which error of the contract each failure of the rooms below becomes.

use super::{ApiError, Reason};
use actors::Error as ActorError;
use engine::command::{self, Refusal};
use outbound::{DirectoryError, error_chain};
use schemas::api::{Location, ValidationDetail};
use schemas::policy::Fault;
use store::{Clash, Outage, What};

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(what) => unknown(what).into(),
            store::Error::Conflict(clash, text) => Self::new(conflict(clash), text),
            store::Error::Constraint(name) => constraint(&name),
            store::Error::Costly(parameter, instead) => Self::query(parameter, instead),
            store::Error::Stale => Reason::ChangedMeanwhile.into(),
            store::Error::Unavailable(outage, cause) => {
                tracing::warn!(%cause, "{outage}");
                outage.into()
            }
            store::Error::Internal(cause) => Self::internal(error_chain(&*cause)),
        }
    }
}

const fn unknown(what: What) -> Reason {
    match what {
        What::Policy => Reason::UnknownPolicy,
        What::Request => Reason::UnknownRequest,
        What::Task => Reason::UnknownTask,
        What::Delegation => Reason::UnknownDelegation,
        What::Delivery => Reason::UnknownDelivery,
        What::CallbackSecret => Reason::UnknownCallbackSecret,
    }
}

const fn conflict(clash: Clash) -> Reason {
    match clash {
        Clash::PolicyExists => Reason::PolicyExists,
        Clash::NotDraft => Reason::PolicyNotDraft,
        Clash::NotActive => Reason::PolicyNotActive,
        Clash::TextChanged => Reason::PolicyTextChanged,
        Clash::SecretExists => Reason::SecretExists,
        Clash::SecretNotActive => Reason::SecretNotActive,
        Clash::SecretUnfit => Reason::SecretUnfit,
        Clash::Judged => Reason::ChangedMeanwhile,
        Clash::Unexpected => Reason::PreconditionFailed,
        Clash::TooMany => Reason::TooManyDelegations,
        Clash::NotRetriable => Reason::NotRetriable,
        Clash::KeyTaken => Reason::IdempotencyKeyReused,
    }
}

impl From<Outage> for ApiError {
    fn from(outage: Outage) -> Self {
        match outage {
            Outage::Away => Reason::DatabaseAway,
            Outage::Busy => Reason::DatabaseBusy,
            Outage::Timeout => Reason::DatabaseTimeout,
        }
        .into()
    }
}

/// Constraints of the database that a body can violate although it passed every check.
fn constraint(name: &str) -> ApiError {
    match name {
        "approval_policy_version_key" => ApiError::new(Reason::PolicyExists, "the policy key exists"),
        "approval_policy_one_active" => {
            let text = "another version was activated meanwhile; read it again";
            ApiError::new(Reason::ChangedMeanwhile, text)
        }
        "callback_secret_one_active" => {
            ApiError::new(Reason::SecretExists, "the caller has an active secret; rotate that one")
        }
        "user_delegation_window" => ApiError::invalid("starts_at must be before ends_at"),
        "user_delegation_self" => ApiError::invalid("nobody can delegate to themselves"),
        other => ApiError::internal(format!("constraint {other}")),
    }
}

impl From<ActorError> for ApiError {
    fn from(error: ActorError) -> Self {
        match error {
            ActorError::UnknownRequest => Reason::UnknownRequest.into(),
            ActorError::UnknownTask => Reason::UnknownTask.into(),
            ActorError::UnknownPolicy => {
                Self::new(Reason::UnknownPolicy, "the policy version does not exist")
            }
            ActorError::NoActivePolicy(key) => {
                Self::new(Reason::NoActivePolicy, format!("policy {key} has no active version"))
            }
            ActorError::Refused(refusal) => refusal.into(),
            ActorError::FeedGone(oldest) => Self::gone(oldest.to_string()),
            ActorError::FeedUnreached => Self::query(
                "after",
                "is not a cursor of this database, or was given before it was restored: read anew what you keep",
            ),
            ActorError::IdempotencyMismatch => Reason::IdempotencyKeyReused.into(),
            ActorError::Invalid { field, message } => {
                let kind = "value_error".to_owned();
                let detail = ValidationDetail { loc: body_path(&field), msg: message, kind };
                Self::faulty(Reason::FaultyBody, vec![detail])
            }
            ActorError::ArtifactType { .. } => {
                Self::new(Reason::ArtifactTypeDiffers, format!("field artifact_type: {error}"))
            }
            ActorError::Context(faults) => Self::faulty(Reason::FaultyContext, faults),
            ActorError::Overloaded => Reason::Overloaded.into(),
            // Whoever gave the key looks for what was stored under it (`operations::once`).
            ActorError::KeyTaken => Reason::IdempotencyKeyReused.into(),
            ActorError::Directory(error) => error.into(),
            ActorError::Unavailable(outage) => outage.into(),
            ActorError::Unanswered => Reason::TimedOut.into(),
            ActorError::Internal(cause) => Self::internal(cause),
        }
    }
}

/// The text may be shown: it is written for the timeline of a request, so it names no address and repeats nothing that the
/// directory wrote.
impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Missing(why) => Self::new(Reason::NoDirectory, why),
            other => Self::new(Reason::DirectoryAway, format!("{other}; a retry is safe")),
        }
    }
}

fn body_path(field: &str) -> Vec<Location> {
    std::iter::once("body").chain(field.split('.')).map(|step| Location::Field(step.to_owned())).collect()
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownTask(_) => Self::new(Reason::UnknownTask, refusal.to_string()),
            Refusal::Forbidden(barred, text) => Self::new(forbidden(barred), text),
            Refusal::Conflict(clash, text) => Self::new(refused(clash), text),
            Refusal::Invalid { field, message } => Self::body(field, message),
            Refusal::WrongPolicy(_) => Self::internal(refusal.to_string()),
        }
    }
}

const fn forbidden(barred: command::Barred) -> Reason {
    match barred {
        command::Barred::Role => Reason::RoleMissing,
        command::Barred::Owner => Reason::NotYours,
        command::Barred::Duties => Reason::SeparationOfDuties,
    }
}

const fn refused(clash: command::Clash) -> Reason {
    match clash {
        command::Clash::RequestFinished => Reason::RequestFinished,
        command::Clash::StageFinished => Reason::StageFinished,
        command::Clash::TaskDecided => Reason::TaskDecided,
        command::Clash::TaskClosed => Reason::TaskClosed,
        command::Clash::Claimed => Reason::TaskClaimed,
        command::Clash::HasApproved => Reason::HasApproved,
        command::Clash::Seated => Reason::AlreadySeated,
        command::Clash::Unfit => Reason::AssigneeBarred,
    }
}

impl From<Vec<Fault>> for ApiError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::several(Reason::FaultyPolicy, faults.iter().map(Fault::to_string).collect())
    }
}
