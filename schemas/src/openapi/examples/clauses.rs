//! What the description of an answer says, as the errors that programs read.

use crate::api::Reason;

/// The beginning of every clause.
const CODE: &str = "AWE-";

/// The errors that an answer with this description stands for. A test fails where a clause is not known.
pub(super) fn reasons(status: &str, description: &str) -> Vec<Reason> {
    let is_error = matches!(status.as_bytes().first(), Some(b'4' | b'5'));
    let clauses = if is_error { split(description) } else { Vec::new() };
    let mut found: Vec<Reason> = clauses.iter().flat_map(|clause| meant(clause)).copied().collect();
    found.retain(|reason| reason.status().to_string() == status);
    found
}

/// The clauses of a description, each from its code on: `AWE-007: already revoked`.
fn split(description: &str) -> Vec<&str> {
    let starts: Vec<usize> = description.match_indices(CODE).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([description.len()]);
    let clauses = starts.iter().zip(ends).map(|(start, end)| &description[*start..end]);
    clauses
        .map(|clause| clause.trim_end_matches(['.', ';', ' ']).trim_end_matches(". Safe to try again"))
        .collect()
}

/// The errors of one clause, the most frequent first; none when it is not known.
fn meant(clause: &str) -> &'static [Reason] {
    use Reason::*;
    let Some((code, words)) = clause.split_once(": ") else { return &[] };
    match (code, words) {
        ("AWE-001", "no such policy" | "no such version") => &[UnknownPolicy],
        ("AWE-001", "no active version of the policy") => &[NoActivePolicy],
        ("AWE-002", "the key exists") => &[PolicyExists],
        ("AWE-003", "no such request") => &[UnknownRequest],
        ("AWE-004", "no such delegation") => &[UnknownDelegation],
        ("AWE-004", "no such delivery") => &[UnknownDelivery],
        ("AWE-004", "no such secret") => &[UnknownCallbackSecret],
        ("AWE-004", "no such task") => &[UnknownTask],
        ("AWE-005", "starting") => &[Starting],
        ("AWE-005", "starting or stopping") => &[Starting, Stopping],
        ("AWE-006", "no database") => &[DatabaseAway, WriterDown],
        ("AWE-006", "the database is away or has no room") => {
            &[DatabaseAway, DatabaseBusy, DatabaseTimeout, WriterDown]
        }
        ("AWE-007", words) => conflict(words),
        ("AWE-008", words) => barred(words),
        ("AWE-009", "the key was used for something else") => &[IdempotencyKeyReused],
        ("AWE-010", words) => faulty(words),
        ("AWE-011", _) => &[GateDenied],
        ("AWE-013", "not what `If-Match` names; somebody else was there first") => &[PreconditionFailed],
        ("AWE-014", _) => &[EventsGone],
        _ => &[],
    }
}

fn conflict(words: &str) -> &'static [Reason] {
    use Reason::*;
    match words {
        "already decided, or not needed any more" => {
            &[TaskDecided, TaskClosed, StageFinished, RequestFinished, HasApproved]
        }
        "the task is not open" => &[TaskClosed, TaskClaimed, RequestFinished],
        "the task is not open, or the new assignee is barred or already holds a seat in the stage" => {
            &[TaskClosed, AssigneeBarred, AlreadySeated, RequestFinished, StageFinished]
        }
        "the request is terminal" => &[RequestFinished],
        "already delivered" | "delivered ones are not tried again" => &[NotRetriable],
        "changed by somebody else meanwhile" => &[ChangedMeanwhile, PolicyTextChanged],
        "not a draft" => &[PolicyNotDraft],
        "the version is not active" => &[PolicyNotActive],
        "already revoked" | "revoked" | "the secret is not active" => &[SecretNotActive],
        "it signs nothing any more" => &[SecretNotActive, SecretUnfit],
        "the caller has an active secret; rotate it" => &[SecretExists],
        "as many delegations as may be" => &[TooManyDelegations],
        "overloaded, or something needed is away" => &[Overloaded, TimedOut, KeysAway],
        "as many streams as this process serves" => &[TooManyStreams],
        "the directory cannot be asked" => &[NoDirectory, DirectoryAway],
        "too many calls of this caller at once"
        | "too many lists of this caller at once"
        | "too many streams of this caller (`server.max_streams_per_caller`)"
        | "too often; `Retry-After` says when to try again" => &[TooManyRequests],
        _ => &[],
    }
}

fn barred(words: &str) -> &'static [Reason] {
    use Reason::*;
    match words {
        "no valid token" => &[
            TokenMissing,
            TokenMalformed,
            TokenExpired,
            TokenNotYetValid,
            TokenUntrusted,
            TokenForeign,
            TokenSubject,
        ],
        "not a viewer" | "not an admin" => &[RoleMissing],
        "not an admin, or secrets in development mode" => &[RoleMissing, DevelopmentMode],
        "neither an admin nor its creator" | "not the assignee" | "somebody else's" => &[NotYours],
        "not the assignee, or barred from deciding" => &[NotYours, SeparationOfDuties],
        _ => &[],
    }
}

fn faulty(words: &str) -> &'static [Reason] {
    use Reason::*;
    match words {
        "the body did not arrive in time" => &[BodyTooSlow],
        "the body is larger than the server accepts" => &[BodyTooLarge],
        "the body is not declared as `application/json`" => &[NotJson, BodyEncoded],
        "a parameter is unknown or out of range; `detail` names it" => &[FaultyParameter, UnknownParameter],
        "a field or parameter is missing, unknown, of a wrong type or out of range; `detail` names it" => {
            &[FaultyBody, FaultyParameter, UnknownParameter]
        }
        "the context does not keep the policy's schema; `detail` names what is wrong" => &[FaultyContext],
        "`include_sensitive` without `confirm_sensitive_export`" => &[ConfirmationMissing],
        "the policy is faulty; the message names stage and field" => &[FaultyPolicy],
        "the policy is faulty, or its key is not the one in the URL" => &[FaultyPolicy, PolicyKeyDiffers],
        "the policy is faulty, its key is not the one in the URL, or `If-Match` is no ETag" => {
            &[FaultyPolicy, PolicyKeyDiffers, FaultyValue]
        }
        "the version is faulty, or `If-Match` is no ETag" => &[FaultyPolicy, FaultyValue],
        "the callback URL is not acceptable, or expires_at is past" => &[FaultyValue, ArtifactTypeDiffers],
        "it ends before it starts, or delegates to the same user"
        | "the URL is not allowed"
        | "the given secret is malformed or shorter than 24 bytes"
        | "the key is given twice, or is no text of 1 to 255 ASCII characters" => &[FaultyValue],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Given for paths and requests that are none of a route, or by no route on purpose.
    const OF_NO_ROUTE: [Reason; 5] = [
        Reason::NoSuchRoute,
        Reason::MalformedHttp,
        Reason::MethodNotAllowed,
        Reason::Internal,
        // Of one item of `decide_tasks`, whose answer is 200.
        Reason::TaskNamedTwice,
    ];

    /// Operation, status and answer of every error of the document.
    fn errors(document: &Value) -> Vec<(&str, &str, &Value)> {
        let items = document["paths"].as_object().expect("paths").values();
        let operations = items.flat_map(|item| item.as_object().expect("methods").values());
        let answers = operations.flat_map(|one| {
            let id = one["operationId"].as_str().expect("an id");
            let all = one["responses"].as_object().expect("responses");
            all.iter().map(move |(status, answer)| (id, status.as_str(), answer))
        });
        answers.filter(|(_, status, _)| matches!(status.as_bytes()[0], b'4' | b'5')).collect()
    }

    #[test]
    fn every_error_of_every_route_has_an_example_of_each_of_its_codes() {
        let document = serde_json::to_value(super::super::super::openapi()).expect("the document is JSON");
        let mut told = BTreeSet::new();
        for (id, status, answer) in errors(&document) {
            let description = answer["description"].as_str().expect("words");
            let clauses = split(description);
            assert!(!clauses.is_empty(), "{id} {status}: `{description}` names no code");
            for clause in &clauses {
                let known = meant(clause);
                assert!(!known.is_empty(), "{id} {status}: which errors are `{clause}`?");
                for reason in known {
                    assert!(
                        clause.starts_with(reason.code()),
                        "{id} {status}: {reason:?} is none of `{clause}`"
                    );
                }
                let fits = known.iter().any(|reason| reason.status().to_string() == status);
                assert!(fits, "{id} {status}: `{clause}` has another status");
            }
            let examples = answer["content"]["application/json"]["examples"].as_object();
            for (name, example) in examples.unwrap_or_else(|| panic!("{id} {status}: no examples")) {
                assert_eq!(example["$ref"], format!("#/components/examples/{name}"));
                let value = &document["components"]["examples"][name]["value"];
                let error = &value["errors"][0];
                assert_eq!(error["reason"], name.as_str(), "{id} {status}");
                assert!(description.contains(error["errorCode"].as_str().expect("a code")), "{id} {status}");
                serde_json::from_value::<crate::api::ErrorEnvelope>(value.clone())
                    .expect("an error as answered");
                told.insert(name.clone());
            }
        }
        let all: BTreeSet<String> = Reason::ALL
            .iter()
            .filter(|reason| !OF_NO_ROUTE.contains(reason))
            .map(|reason| reason.as_str().to_owned())
            .collect();
        let lacking: Vec<_> = all.difference(&told).collect();
        assert!(lacking.is_empty(), "errors that no route tells of: {lacking:?}");
    }

    #[test]
    fn an_unknown_clause_means_nothing() {
        assert!(reasons("409", "AWE-007: something new").is_empty());
        assert!(reasons("200", "Up").is_empty());
        assert_eq!(reasons("409", "AWE-007: revoked; AWE-009: the key was used for something else").len(), 2);
    }
}
