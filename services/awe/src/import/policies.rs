//! Whether the policies could have been written here.

use crate::policy;
use outbound::Egress;
use schemas::api::PolicyCreate;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Rules that find people by asking others, who may answer with user names.
const ASKING: [&str; 2] = ["expression", "http"];

/// The policies as they come, row by row.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    policies: BTreeMap<String, Value>,
    /// By the id of their policy.
    stages: BTreeMap<String, Vec<Value>>,
    /// By the id of their stage.
    rules: BTreeMap<String, Vec<Value>>,
}

impl Judged {
    /// Takes a row of any table.
    pub(crate) fn take(&mut self, table: &str, row: &Value) {
        let id = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
        match table {
            "approval_policy" => drop(self.policies.insert(id("id"), row.clone())),
            "approval_stage" => self.stages.entry(id("policy_id")).or_default().push(row.clone()),
            "approver_rule" => self.rules.entry(id("stage_id")).or_default().push(row.clone()),
            _ => {}
        }
    }

    /// Everything that a write of these policies would be refused for.
    pub(crate) fn faults(&self, egress: &Egress) -> Vec<String> {
        self.policies.iter().flat_map(|(id, row)| self.faults_of(id, row, egress)).collect()
    }

    fn faults_of(&self, id: &str, row: &Value, egress: &Egress) -> Vec<String> {
        let which =
            format!("policy {} version {}", row["policy_key"].as_str().unwrap_or("?"), row["version"]);
        match serde_json::from_value::<PolicyCreate>(self.written(id, row)) {
            Err(error) => vec![format!("{which}: {error}")],
            Ok(written) => {
                let read = policy::read(&written, egress, None);
                read.err().into_iter().flatten().map(|fault| format!("{which}: {fault}")).collect()
            }
        }
    }

    /// The policy as a caller would write it; what this AWE alone knows is left at its default.
    fn written(&self, id: &str, row: &Value) -> Value {
        let mut stages: Vec<&Value> = self.stages.get(id).into_iter().flatten().collect();
        stages.sort_by_key(|stage| stage["stage_order"].as_i64());
        let stages: Vec<Value> = stages.into_iter().map(|stage| self.stage(stage)).collect();
        let mut written = picked(
            row,
            &[
                "policy_key",
                "name",
                "description",
                "artifact_type",
                "forbid_self_approval",
                "forbid_repeat_approvers",
            ],
        );
        written.insert("stages".to_owned(), json!(stages));
        Value::Object(written)
    }

    fn stage(&self, row: &Value) -> Value {
        let rules = self.rules.get(row["id"].as_str().unwrap_or_default()).into_iter().flatten();
        let rules: Vec<Value> = rules.map(rule).collect();
        let mut stage = picked(
            row,
            &[
                "name",
                "stage_order",
                "mode_value",
                "sla_hours",
                "skip_if",
                "on_empty",
                "parallel_group",
                "on_breach",
            ],
        );
        let mode = row["mode"].as_str().unwrap_or("all").to_lowercase();
        if mode == "all" {
            stage.remove("mode_value");
        }
        if row["sla_hours"].is_null() {
            stage.remove("on_breach");
        }
        if stage.get("on_breach").is_some_and(|word| word == "escalate") {
            let rules = row["escalation_rules_json"].as_array().into_iter().flatten();
            stage.insert("escalation_rules".to_owned(), rules.map(rule).collect());
        }
        stage.insert("mode".to_owned(), json!(mode));
        stage.insert("rules".to_owned(), json!(rules));
        Value::Object(stage)
    }

    /// Rules whose answers have to be subjects from now on.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (id, policy) in &self.policies {
            for stage in self.stages.get(id).into_iter().flatten() {
                let rules = self.rules.get(stage["id"].as_str().unwrap_or_default()).into_iter().flatten();
                let asks = |rule: &&Value| ASKING.iter().any(|word| rule["rule_type"] == *word);
                if policy["status"] != "archived" && rules.into_iter().any(|rule| asks(&rule)) {
                    notes.push(format!(
                        "policy {} version {}, stage {}: an expression or http rule has to give subjects, not user names",
                        policy["policy_key"].as_str().unwrap_or("?"),
                        policy["version"],
                        stage["stage_order"]
                    ));
                }
            }
        }
        notes
    }
}

fn rule(row: &Value) -> Value {
    let mut rule = picked(row, &["rule_type", "rule_value", "kind", "required"]);
    if rule.get("kind").is_some_and(|kind| kind == "observer") {
        rule.remove("required");
    }
    Value::Object(rule)
}

/// Those members of a row that hold something.
fn picked(row: &Value, names: &[&str]) -> Map<String, Value> {
    let held = names.iter().filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone())));
    held.filter(|(_, value)| !value.is_null()).collect()
}
