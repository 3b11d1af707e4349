//! Compares two versions of a policy.

use crate::error::ApiError;
use crate::extract::PolicyVersion;
use crate::state::AppState;
use engine::diff::{Version, diff};
use schemas::api::{PolicyDiffOut, PolicyOut};
use store::policies::LoadedPolicy;

/// How `at` differs from version `with` of the same key.
pub(crate) async fn compare(
    state: &AppState,
    at: PolicyVersion,
    with: i32,
) -> Result<PolicyDiffOut, ApiError> {
    let (before, old) = load(state, &at.key, at.version).await?;
    let (after, new) = load(state, &at.key, with).await?;
    let changes = diff(version(&before, &old), version(&after, &new)).into_iter().map(Into::into).collect();
    Ok(PolicyDiffOut { policy_key: at.key, version: at.version, with, changes })
}

/// The version as people read it, and as the engine does. A draft that is edited between the two reads may be told with
/// a mixture of both texts; nothing is decided by that.
async fn load(state: &AppState, key: &str, version: i32) -> Result<(PolicyOut, LoadedPolicy), ApiError> {
    let shown = state.store().get_policy(key, version).await?;
    let loaded = state.store().load_policy(shown.id.into()).await?;
    Ok((shown, loaded))
}

fn version<'a>(shown: &'a PolicyOut, loaded: &'a LoadedPolicy) -> Version<'a> {
    Version {
        policy: &loaded.policy,
        name: &shown.name,
        description: shown.description.as_deref(),
        artifact_type: &shown.artifact_type,
        context_schema: shown.context_schema.as_ref(),
    }
}
