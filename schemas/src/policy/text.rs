//! The canonical text of a policy version, which is hashed. `docs/audit.md` explains how an auditor computes it.

use super::as_written;
use crate::api::{ApproverRuleIn, PolicyCreate, PolicyOut, StageIn};
use crate::etag::tag_of;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

type Object = Map<String, Value>;

/// RFC 8785 JSON of what the author wrote. Fields with their default value are left out, so that a field that is
/// added in a later release changes no hash.
///
/// # Errors
/// Never for a policy that was read from JSON.
pub fn canonical_text(policy: &PolicyOut) -> Result<String, serde_json::Error> {
    let written = as_written(policy);
    let least = json!({"policy_key": "k", "name": "n", "artifact_type": "t"});
    let mut text = brief::<PolicyCreate>(&written, &least)?;
    if !written.stages.is_empty() {
        let stages: Result<Vec<_>, _> = written.stages.iter().map(stage).collect();
        text.insert("stages".to_owned(), json!(stages?));
    }
    serde_json_canonicalizer::to_string(&text)
}

/// SHA-256 of the canonical text, in hexadecimal digits.
///
/// # Errors
/// As [`canonical_text`].
pub fn text_sha256(policy: &PolicyOut) -> Result<String, serde_json::Error> {
    Ok(hex::encode(Sha256::digest(canonical_text(policy)?)))
}

/// The `ETag` of a version: another one after each write, and whenever its text or status is another. It does not depend
/// on the form of answers, so that servers of two releases agree about it.
///
/// # Errors
/// As [`canonical_text`].
pub fn entity_tag(policy: &PolicyOut) -> Result<String, serde_json::Error> {
    let (id, written) = (policy.id.to_string(), policy.updated_at.unix_timestamp_nanos().to_string());
    Ok(tag_of(&[&id, &policy.status, &written, &text_sha256(policy)?]))
}

fn stage(stage: &StageIn) -> Result<Object, serde_json::Error> {
    let mut text = brief::<StageIn>(stage, &json!({"name": "n", "stage_order": 1}))?;
    for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
        let least = json!({"rule_type": "user", "rule_value": {}});
        let rules: Result<Vec<_>, _> =
            rules.iter().map(|rule| brief::<ApproverRuleIn>(rule, &least)).collect();
        let rules = rules?;
        if !rules.is_empty() {
            text.insert(field.to_owned(), json!(rules));
        }
    }
    Ok(text)
}

/// Returns the fields that are in `least`, the smallest valid JSON of the type, and those whose value is not the
/// default.
fn brief<T: Serialize + DeserializeOwned>(written: &T, least: &Value) -> Result<Object, serde_json::Error> {
    let defaults = serde_json::to_value(serde_json::from_value::<T>(least.clone())?)?;
    let Value::Object(mut text) = serde_json::to_value(written)? else { return Ok(Object::new()) };
    text.retain(|field, value| least.get(field).is_some() || defaults.get(field) != Some(value));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn policy() -> PolicyOut {
        let rule = json!({"id": Uuid::from_u128(3), "rule_type": "user", "rule_value": {"user_id": "é"},
            "kind": "approver", "required": false});
        let stage = json!({"id": Uuid::from_u128(2), "name": "n", "stage_order": 1, "mode": "any-n", "mode_value": 1,
            "reject_mode": "veto", "sla_hours": null, "skip_if": {"<": [{"var": "amount"}, 1000.0]},
            "on_empty": "block", "parallel_group": null, "on_breach": null, "escalation_rules": [],
            "rules": [rule]});
        serde_json::from_value(json!({"id": Uuid::from_u128(1), "policy_key": "k", "version": 7, "name": "N",
            "status": "active", "artifact_type": "t", "forbid_self_approval": true,
            "forbid_repeat_approvers": false, "created_at": "2026-01-31T08:15:00Z",
            "updated_at": "2026-01-31T08:15:00Z", "stages": [stage]}))
        .expect("a policy")
    }

    fn hash(policy: &PolicyOut) -> String {
        text_sha256(policy).expect("a text")
    }

    #[test]
    fn the_text_is_what_the_author_wrote_without_ids_dates_and_defaults() {
        let expected = r#"{"artifact_type":"t","forbid_self_approval":true,"name":"N","policy_key":"k","stages":[{"mode":"any-n","mode_value":1,"name":"n","rules":[{"rule_type":"user","rule_value":{"user_id":"é"}}],"skip_if":{"<":[{"var":"amount"},1000]},"stage_order":1}]}"#;
        assert_eq!(canonical_text(&policy()).expect("a text"), expected);
        // As `printf %s TEXT | sha256sum` has it.
        assert_eq!(hash(&policy()), "8971d7f262230ecfee78becef689a41dde41aa3952e40fb18268a928db14bb1a");
    }

    #[test]
    fn the_tag_changes_with_the_text_the_status_and_each_write() {
        let before = entity_tag(&policy()).expect("a tag");
        assert_eq!(before, entity_tag(&policy()).expect("a tag"));
        let changes: [fn(&mut PolicyOut); 4] = [
            |policy| policy.forbid_self_approval = false,
            |policy| policy.status = "archived".to_owned(),
            |policy| policy.updated_at += time::Duration::microseconds(1),
            |policy| policy.id = Uuid::from_u128(9),
        ];
        for change in changes {
            let mut changed = policy();
            change(&mut changed);
            assert_ne!(entity_tag(&changed).expect("a tag"), before);
        }
    }

    #[test]
    fn whatever_decides_changes_the_hash_and_nothing_else_does() {
        let before = hash(&policy());
        let changes: [fn(&mut PolicyOut); 5] = [
            |policy| policy.forbid_self_approval = false,
            |policy| policy.stages[0].rules[0].rule_value = json!({"user_id": "e"}),
            |policy| policy.stages[0].rules[0].required = true,
            |policy| policy.stages[0].on_empty = "skip".to_owned(),
            |policy| policy.context_schema = Some(json!({})),
        ];
        for change in changes {
            let mut changed = policy();
            change(&mut changed);
            assert_ne!(hash(&changed), before);
        }
        let mut same = policy();
        (same.version, same.status, same.id) = (8, "archived".to_owned(), Uuid::from_u128(9));
        assert_eq!(hash(&same), before);
    }
}
