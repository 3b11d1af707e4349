//! What `awe dev` says once it is up: where things are, and a first round trip to paste.

use crate::auth::{ADMIN, unsigned_token};
use std::net::SocketAddr;
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The message. `development` = unsigned tokens are accepted.
pub(super) fn message(api: SocketAddr, ui: SocketAddr, development: bool) -> String {
    let mut text = format!(
        "
AWE is up.

  UI       http://{ui}/
  API      http://{api}/v1/awe
  Docs     http://{api}/v1/awe/docs/   http://{api}/v1/awe/redoc
  Health   http://{api}/v1/awe/health
"
    );
    if development {
        let token = unsigned_token("admin", &[ADMIN.to_owned()], LIFETIME);
        text.push_str(
            "\nDEVELOPMENT MODE: unsigned tokens are accepted, anybody on this machine can be anybody.\n",
        );
        text.push_str("\nSmoke test, to paste into another terminal (ends with \"approved\"):\n\n");
        text.push_str(&script(&format!("http://{api}"), &token));
    }
    text.push_str("\nCtrl-C stops everything; data stays.");
    text
}

/// One policy, one request, one decision, with curl.
fn script(base_url: &str, token: &str) -> String {
    SCRIPT.replace("{BASE_URL}", base_url).replace("{TOKEN}", token)
}

const SCRIPT: &str = r#"AWE={BASE_URL}/v1/awe
TOKEN={TOKEN}
awe_call() { curl -sS -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' "$@"; }
awe_field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
awe_call "$AWE/policies" -d '{"policy_key": "demo.v1", "name": "Demo", "artifact_type": "demo", "stages": [
  {"name": "Manager", "stage_order": 1, "mode": "any-n", "mode_value": 1,
   "rules": [{"rule_type": "user", "rule_value": {"user_id": "admin"}}]}]}'; echo
awe_call -X POST "$AWE/policies/demo.v1/versions/1/activate"; echo
REQUEST=$(awe_call "$AWE/requests" -d '{"policy_key": "demo.v1", "artifact_type": "demo", "artifact_id": "demo-1"}' | awe_field request_id)
TASK=$(awe_call "$AWE/tasks?request_id=$REQUEST" | awe_field id)
awe_call "$AWE/tasks/$TASK/decision" -d '{"action": "approve"}'; echo
awe_call "$AWE/requests/$REQUEST" | awe_field status
"#;
