//! The JSON Schema of a policy file, for editors that complete and check while somebody types. Its fields and their
//! descriptions are those of [`PolicyCreate`](crate::api::PolicyCreate); words and the values of rules are added.
//!
//! It says yes to all that AWE accepts. What a schema cannot say (unique orders, rules that fit a mode) the server
//! and `awe policy validate` do.

use crate::openapi::openapi;
use engine::policy::{CommentRequired, Kind, OnBreach, OnEmpty, RejectMode, RuleSource};
use serde_json::{Map, Value, json};

/// Where the server serves it, below its own URL.
pub const PATH: &str = "/v1/awe/policy.schema.json";

/// Returns the schema as it is committed and served: indented JSON with a final line break, the same at every call.
#[must_use]
pub fn policy_schema_json() -> String {
    crate::pretty_json(&policy_schema())
}

/// Returns the schema (JSON Schema 2020-12).
#[must_use]
pub fn policy_schema() -> Value {
    let document = serde_json::to_value(openapi()).unwrap_or_default();
    let taken = |name: &str| {
        let mut schema = document["components"]["schemas"][name].clone();
        adapt(&mut schema);
        schema
    };
    let (mut policy, mut stage, mut rule) =
        (taken("PolicyCreate"), taken("StageIn"), taken("ApproverRuleIn"));
    for (field, known) in [
        ("mode", ["all", "any-n", "quorum", "percentage"].as_slice()),
        ("reject_mode", RejectMode::WORDS),
        ("on_empty", OnEmpty::WORDS),
        ("comment_required", CommentRequired::WORDS),
    ] {
        stage["properties"][field]["enum"] = json!(known);
    }
    let breaches: Vec<Value> = OnBreach::WORDS.iter().map(|word| json!(word)).chain([Value::Null]).collect();
    stage["properties"]["on_breach"]["enum"] = json!(breaches);
    for (field, least) in [("stage_order", 1), ("mode_value", 1), ("sla_hours", 1)] {
        stage["properties"][field]["minimum"] = json!(least);
    }
    rule["properties"]["rule_type"]["enum"] = json!(RuleSource::TYPES);
    rule["properties"]["kind"]["enum"] = json!(Kind::WORDS);
    rule["allOf"] = RuleSource::TYPES.iter().map(|rule_type| value_of(rule_type)).collect();
    policy["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    policy["title"] = json!("AWE approval policy");
    policy["$defs"] = json!({"StageIn": stage, "ApproverRuleIn": rule});
    policy
}

/// What `rule_value` holds in a rule of this type.
fn value_of(rule_type: &str) -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    let optional =
        |description: &str| json!({"type": ["string", "null"], "minLength": 1, "description": description});
    let (fields, required) = match rule_type {
        "user" => (json!({"user_id": text("The person (a subject id).")}), "user_id"),
        "role" => (
            json!({
                "role": text("Everybody who has this role is asked."),
                "client": optional("The client whose role it is; a role of the realm when absent."),
            }),
            "role",
        ),
        "group" => (
            json!({
                "group": {"type": "string", "pattern": "^/.+", "description": "The members of the group at this path."},
                "include_subgroups": {
                    "type": ["boolean", "null"], "description": "Also the members of the groups below it.",
                },
            }),
            "group",
        ),
        "expression" => (
            json!({"logic": {"description": "JSONLogic over the request's context that gives one user id or several."}}),
            "logic",
        ),
        _ => (
            json!({
                "url": {
                    "type": "string", "pattern": "^https?://", "description": "The service that is asked for user ids.",
                },
                "auth": {
                    "description": "The credential, by its name in the server's configuration.",
                    "anyOf": [{"type": ["string", "null"]}, {
                        "type": "object", "additionalProperties": false,
                        "properties": {
                            "credential": optional("Its name."),
                            "type": optional("none, api_key, bearer or oauth2_client_credentials."),
                        },
                    }],
                },
            }),
            "url",
        ),
    };
    json!({
        "if": {"properties": {"rule_type": {"const": rule_type}}, "required": ["rule_type"]},
        "then": {"properties": {"rule_value": {
            "type": "object", "additionalProperties": false, "required": [required], "properties": fields,
        }}},
    })
}

/// Turns what OpenAPI writes into what a schema by itself does: examples in a list, references within the document.
fn adapt(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            adapt_members(members);
            members.values_mut().for_each(adapt);
        }
        Value::Array(items) => items.iter_mut().for_each(adapt),
        _ => {}
    }
}

fn adapt_members(members: &mut Map<String, Value>) {
    // `example` may also be the name of a property, whose value is a schema.
    if members.contains_key("type")
        && let Some(example) = members.remove("example")
    {
        members.insert("examples".to_owned(), json!([example]));
    }
    if let Some(Value::String(target)) = members.get_mut("$ref") {
        *target = target.replace("#/components/schemas/", "#/$defs/");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rule: Value) -> Value {
        json!({
            "policy_key": "payments.large", "name": "Large payments", "artifact_type": "disbursement",
            "stages": [{"name": "Officers", "stage_order": 1, "mode": "any-n", "mode_value": 2, "rules": [rule]}],
        })
    }

    #[test]
    fn policies_that_are_right_pass() {
        let schema = jsonschema::validator_for(&policy_schema()).expect("is a schema");
        for rule in [
            json!({"rule_type": "user", "rule_value": {"user_id": "amina"}}),
            json!({"rule_type": "role", "rule_value": {"role": "approver", "client": null}, "kind": "observer"}),
            json!({"rule_type": "group", "rule_value": {"group": "/finance", "include_subgroups": true}}),
            json!({"rule_type": "expression", "rule_value": {"logic": {"var": "manager"}}}),
            json!({"rule_type": "http", "rule_value": {"url": "https://x.example", "auth": "hr"}, "required": true}),
        ] {
            let errors: Vec<String> = schema.iter_errors(&policy(rule)).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    #[test]
    fn what_is_misspelt_or_missing_is_told() {
        let schema = jsonschema::validator_for(&policy_schema()).expect("is a schema");
        let user = json!({"rule_type": "user", "rule_value": {"user_id": "amina"}});
        let changed = |pointer: &str, value: Value| {
            let mut policy = policy(user.clone());
            *policy.pointer_mut(pointer).expect("is there") = value;
            policy
        };
        for wrong in [
            changed("/stages/0/mode", json!("some")),
            changed("/stages/0/mode_value", json!(0)),
            changed("/stages/0/name", json!("")),
            changed("/stages/0/rules/0/rule_type", json!("people")),
            changed("/stages/0/rules/0/rule_value", json!({"user": "amina"})),
            changed("/stages/0/rules/0/rule_value", json!({"user_id": "amina", "role": "x"})),
            policy(json!({"rule_type": "group", "rule_value": {"group": "finance"}})),
            policy(json!({"rule_type": "user", "rule_value": {"user_id": "a"}, "kind": "boss"})),
        ] {
            assert!(!schema.is_valid(&wrong), "{wrong}");
        }
    }

    #[test]
    fn every_field_is_described() {
        let schema = policy_schema();
        for part in [&schema, &schema["$defs"]["StageIn"], &schema["$defs"]["ApproverRuleIn"]] {
            for (name, field) in part["properties"].as_object().expect("has fields") {
                assert!(field["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            }
        }
    }
}
