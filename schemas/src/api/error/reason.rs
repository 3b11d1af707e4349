//! The reasons of errors. Each is a word with one meaning, whereas a code of the contract covers several reasons.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! reasons {
    ($($name:ident $word:tt $code:literal $status:literal $meaning:literal;)+) => {
        /// Which error it is. A word keeps its meaning; new words may be added, so treat one that you do not know as
        /// its status and code say. Every word is explained in `docs/errors.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum Reason {
            $(
                #[doc = $meaning]
                #[serde(rename = $word)]
                $name,
            )+
        }

        impl Reason {
            /// Every reason, ordered by code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word for it in answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// The code of the contract. One code covers several reasons.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                }
            }
        }
    };
}

reasons! {
    UnknownPolicy "unknown_policy" "AWE-001" 404 "No such policy or version.";
    NoActivePolicy "no_active_policy" "AWE-001" 404 "There is no such policy, or it has no active version.";
    PolicyExists "policy_exists" "AWE-002" 409 "The policy key is taken.";
    UnknownRequest "unknown_request" "AWE-003" 404 "No such request.";
    NoSuchRoute "no_such_route" "AWE-004" 404 "The server has no such path.";
    UnknownTask "unknown_task" "AWE-004" 404 "No such task.";
    UnknownDelegation "unknown_delegation" "AWE-004" 404 "No such delegation.";
    UnknownDelivery "unknown_delivery" "AWE-004" 404 "No such delivery.";
    UnknownCallbackSecret "unknown_callback_secret" "AWE-004" 404 "No such callback secret.";
    Starting "starting" "AWE-005" 503 "The process has not finished starting.";
    Stopping "stopping" "AWE-005" 503 "The process ends; others answer.";
    DatabaseAway "database_away" "AWE-006" 503 "The database cannot be reached.";
    DatabaseBusy "database_busy" "AWE-006" 503 "The database or its connections have no room.";
    DatabaseTimeout "database_timeout" "AWE-006" 503 "The database took too long for a statement.";
    WriterDown "writer_down" "AWE-006" 503 "The loop that writes decisions does not run.";
    RequestFinished "request_finished" "AWE-007" 409 "The request is approved, rejected, cancelled or expired.";
    StageFinished "stage_finished" "AWE-007" 409 "The stage of the task is finished.";
    TaskDecided "task_decided" "AWE-007" 409 "The task has its decision.";
    TaskClosed "task_closed" "AWE-007" 409 "The task is not open any more.";
    TaskNamedTwice "task_named_twice" "AWE-007" 409 "The task is named twice in one call.";
    TaskClaimed "task_claimed" "AWE-007" 409 "The task is claimed by somebody else.";
    HasApproved "has_approved" "AWE-007" 409 "The person has approved in the stage already.";
    AlreadySeated "already_seated" "AWE-007" 409 "The new assignee holds a seat in the stage already.";
    AssigneeBarred "assignee_barred" "AWE-007" 409 "The policy bars the new assignee from the seat.";
    PolicyNotDraft "policy_not_draft" "AWE-007" 409 "Only drafts can be edited.";
    PolicyNotActive "policy_not_active" "AWE-007" 409 "Only the active version can be deactivated.";
    PolicyTextChanged "policy_text_changed" "AWE-007" 409 "The version's text is not the one that was activated.";
    ChangedMeanwhile "changed_meanwhile" "AWE-007" 409 "Somebody else changed it at the same moment.";
    SecretExists "secret_exists" "AWE-007" 409 "The caller has an active callback secret.";
    SecretNotActive "secret_not_active" "AWE-007" 409 "The callback secret is rotated or revoked.";
    SecretUnfit "secret_unfit" "AWE-007" 409 "The callback secret cannot be used as it would be.";
    TooManyDelegations "too_many_delegations" "AWE-007" 409 "The person has as many delegations as may be.";
    NotRetriable "not_retriable" "AWE-007" 409 "What was delivered is not sent again.";
    TooManyRequests "too_many_requests" "AWE-007" 429 "This caller makes too many such requests.";
    TooManyStreams "too_many_streams" "AWE-007" 503 "As many streams are open as this process serves.";
    Overloaded "overloaded" "AWE-007" 503 "More work at once than this process takes on.";
    TimedOut "timed_out" "AWE-007" 503 "The request was not finished in time.";
    NoDirectory "no_directory" "AWE-007" 503 "No staff directory is configured.";
    DirectoryAway "directory_away" "AWE-007" 503 "Whoever names approvers cannot be asked.";
    KeysAway "keys_away" "AWE-007" 503 "The signing keys of tokens cannot be fetched.";
    TokenMissing "token_missing" "AWE-008" 401 "The request has no bearer token.";
    TokenMalformed "token_malformed" "AWE-008" 401 "The token cannot be read.";
    TokenExpired "token_expired" "AWE-008" 401 "The token's time is over.";
    TokenNotYetValid "token_not_yet_valid" "AWE-008" 401 "The token's time has not come.";
    TokenUntrusted "token_untrusted" "AWE-008" 401 "The token's signature, key or algorithm is not trusted.";
    TokenForeign "token_foreign" "AWE-008" 401 "The token's issuer or audience is another.";
    TokenSubject "token_subject" "AWE-008" 401 "The token's subject cannot be one.";
    RoleMissing "role_missing" "AWE-008" 403 "The caller lacks the role.";
    NotYours "not_yours" "AWE-008" 403 "It belongs to somebody else.";
    SeparationOfDuties "separation_of_duties" "AWE-008" 403 "The policy bars this person from deciding.";
    DevelopmentMode "development_mode" "AWE-008" 403 "Not in development mode.";
    IdempotencyKeyReused "idempotency_key_reused" "AWE-009" 409 "The key was used with another body.";
    MalformedHttp "malformed_http" "AWE-010" 400 "The request is not proper HTTP.";
    FaultyPolicy "faulty_policy" "AWE-010" 400 "The policy is faulty.";
    PolicyKeyDiffers "policy_key_differs" "AWE-010" 400 "The key in the body is not the one in the URL.";
    ArtifactTypeDiffers "artifact_type_differs" "AWE-010" 400 "The artifact type is not the policy's.";
    FaultyValue "faulty_value" "AWE-010" 400 "A well-formed value is not acceptable.";
    ConfirmationMissing "confirmation_missing" "AWE-010" 400 "The confirming parameter is missing.";
    MethodNotAllowed "method_not_allowed" "AWE-010" 405 "The route knows other methods.";
    BodyTooSlow "body_too_slow" "AWE-010" 408 "The body did not arrive in time.";
    BodyTooLarge "body_too_large" "AWE-010" 413 "The body is larger than the server accepts.";
    NotJson "not_json" "AWE-010" 415 "The body is not declared as JSON.";
    BodyEncoded "body_encoded" "AWE-010" 415 "The body has a content-encoding.";
    FaultyBody "faulty_body" "AWE-010" 422 "The body does not keep its schema.";
    FaultyContext "faulty_context" "AWE-010" 422 "The context does not keep the policy's schema.";
    FaultyParameter "faulty_parameter" "AWE-010" 422 "A query parameter has no acceptable value.";
    UnknownParameter "unknown_parameter" "AWE-010" 422 "The route knows no such query parameter.";
    GateDenied "gate_denied" "AWE-011" 403 "The policy gate did not admit the write.";
    EventsGone "events_gone" "AWE-014" 410 "Events after this cursor are no longer kept.";
    Internal "internal" "AWE-012" 500 "A fault of this service.";
    PreconditionFailed "precondition_failed" "AWE-013" 412 "It is not what the caller has read any more.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_word_of_its_own_which_is_what_answers_say() {
        let words: HashSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).expect("a word"), reason.as_str());
        }
    }
}
