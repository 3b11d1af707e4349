//! Checks a policy as a write would, and writes nothing. Where a write stops at what it cannot read, this reads on.

use crate::document::{fit, is_flawed};
use crate::error::{ApiError, Reason};
use crate::extract::misfit;
use crate::policy;
use crate::state::AppState;
use engine::similar;
use engine::validate::Fault;
use schemas::api::{
    Location, PolicyCheckOut, PolicyCreate, PolicyProblemOut, Severity, ValidationDetail, dotted, pointer,
};
use schemas::json::RawJson;
use schemas::policy::way;
use serde_json::Value;

/// Most problems that one answer lists.
const MOST_PROBLEMS: usize = 1_000;
/// Bytes that are read while every flaw of one policy is looked for. Each reading of the whole text finds one.
const MOST_READ: usize = 32 * 1024 * 1024;
/// Readings that even the largest policy gets.
const LEAST_READINGS: usize = 16;

/// Something that is wrong with a policy, or not meant.
struct Found {
    severity: Severity,
    stage: Option<i32>,
    /// From the policy to the value.
    way: Vec<Location>,
    field: String,
    message: String,
}

/// Everything that a write of this policy would refuse and, when there is nothing, advice to its author.
pub(crate) async fn check(state: &AppState, written: RawJson) -> Result<PolicyCheckOut, ApiError> {
    let state = state.clone();
    // Reading again and again takes long for a large policy, so it runs on threads that answer nobody else.
    let checked = tokio::task::spawn_blocking(move || checked(&state, written.text())).await;
    checked.map_err(|error| ApiError::internal(error.to_string()))?
}

fn checked(state: &AppState, text: &str) -> Result<PolicyCheckOut, ApiError> {
    let (found, read_on) = match serde_json::from_str::<PolicyCreate>(text) {
        Ok(written) => (judged(state, &written), true),
        Err(_) => flawed(state, text)?,
    };
    Ok(PolicyCheckOut {
        valid: found.iter().all(|found| found.severity != Severity::Error),
        complete: read_on && found.len() <= MOST_PROBLEMS,
        problems: found.into_iter().take(MOST_PROBLEMS).map(Found::told).collect(),
    })
}

/// What keeps the schema is judged as by a write.
fn judged(state: &AppState, written: &PolicyCreate) -> Vec<Found> {
    let read = policy::read(written, state.egress(), Some(&state.config().credentials));
    let (severity, faults) = match read {
        Ok(policy) => (Severity::Advice, policy::advice(&policy, written)),
        Err(faults) => (Severity::Error, faults),
    };
    faults.into_iter().map(|fault| Found::fault(severity, written, fault)).collect()
}

/// What does not keep the schema: everything that cannot be read, and what is wrong with the rest. Returns also whether
/// it was read to the end.
fn flawed(state: &AppState, text: &str) -> Result<(Vec<Found>, bool), ApiError> {
    let value: Value = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let readings = (MOST_READ / text.len().max(1)).clamp(LEAST_READINGS, fit::MOST_READINGS);
    let (content, mut misfits) = fit::fit::<PolicyCreate>(value.clone(), readings);
    if misfits.is_empty() {
        // A name that is written twice: the value has only one of them.
        misfits.extend(first_misfit(text));
    }
    let flaws: Vec<Vec<Location>> = misfits.iter().map(|misfit| misfit.loc.clone()).collect();
    let mut found: Vec<Found> = misfits.into_iter().map(|misfit| Found::misfit(&value, misfit)).collect();
    let rest = content.as_ref().map(|written| judged(state, written)).unwrap_or_default();
    // In a stage that could not be read, an error may be about made-up values in the place of its fields.
    let doubtful = |found: &Found| {
        let way = if found.stage.is_some() { &found.way[..found.way.len().min(2)] } else { &found.way[..] };
        is_flawed(&flaws, way)
    };
    found.extend(rest.into_iter().filter(|found| found.severity == Severity::Error && !doubtful(found)));
    Ok((found, content.is_some()))
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    let (loc, kind) = (vec![Location::Field("body".to_owned())], "json_invalid".to_owned());
    ApiError::faulty(Reason::FaultyBody, vec![ValidationDetail { loc, msg: error.to_string(), kind }])
}

fn first_misfit(text: &str) -> Option<ValidationDetail> {
    let json = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize::<_, PolicyCreate>(json).err().map(|error| misfit(&error))
}

impl Found {
    fn fault(severity: Severity, written: &PolicyCreate, fault: Fault) -> Self {
        let way = way(written, &fault);
        Self { severity, stage: fault.stage, way, field: fault.field, message: fault.message }
    }

    fn misfit(value: &Value, ValidationDetail { loc, msg, .. }: ValidationDetail) -> Self {
        let order = match &loc[..] {
            [Location::Field(stages), Location::Index(index), ..] if stages == "stages" => {
                let stage = usize::try_from(*index).ok().and_then(|index| value["stages"].get(index));
                stage.and_then(|stage| stage["stage_order"].as_i64()?.try_into().ok())
            }
            _ => None,
        };
        let within = if order.is_some() { &loc[2..] } else { &loc[..] };
        let field = dotted(within);
        Self { severity: Severity::Error, stage: order, field, message: msg, way: loc }
    }

    fn told(self) -> PolicyProblemOut {
        let (message, hint) = similar::split_hint(&self.message);
        PolicyProblemOut {
            severity: self.severity,
            stage: self.stage,
            field: Some(self.field).filter(|field| !field.is_empty()),
            pointer: pointer(&self.way),
            message,
            hint,
        }
    }
}
