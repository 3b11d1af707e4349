//! A policy to play with.

use crate::policy;
use crate::state::AppState;
use anyhow::{Context as _, bail};
use schemas::api::PolicyCreate;
use serde_json::json;
use store::audit::Actor;

const KEY: &str = "hello.v1";

/// Creates and activates `hello.v1`, unless it is there.
pub(super) async fn hello(state: &AppState) -> anyhow::Result<()> {
    match state.store().list_versions(KEY).await {
        Ok(_) => return Ok(()),
        Err(store::Error::NotFound(_)) => {}
        Err(other) => return Err(other).context("the demo policy could not be looked for"),
    }
    let body: PolicyCreate = serde_json::from_value(json!({
        "policy_key": KEY,
        "name": "Hello",
        "artifact_type": "hello",
        "description": "A demo: one stage, one approval, by the user `admin`.",
        "stages": [{
            "name": "Somebody who can approve", "stage_order": 1, "mode": "any-n", "mode_value": 1,
            "rules": [{"rule_type": "user", "rule_value": {"user_id": "admin"}}],
        }],
    }))?;
    let policy = match policy::read(&body, state.egress(), None) {
        Ok(policy) => policy,
        Err(faults) => bail!("the demo policy is faulty: {faults:?}"),
    };
    let actor = Actor { subject: "system:dev".to_owned(), email: None, once: None };
    match state.store().create_policy(&body, &policy, &actor).await {
        Ok(_) => state.store().activate_policy(KEY, 1, &actor).await.map(drop),
        // Another `awe dev` on the same database was quicker.
        Err(store::Error::Conflict(..)) => Ok(()),
        Err(other) => Err(other),
    }
    .context("the demo policy could not be written")
}
