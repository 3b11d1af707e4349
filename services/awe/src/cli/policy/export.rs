//! `awe policy export`: the policies of a server as files, as `apply` takes them.

use super::server::Server;
use crate::cli::author::Author;
use crate::cli::output;
use anyhow::Context as _;
use clap::Args;
use schemas::api::{ApproverRuleIn, PolicyCreate, StageIn};
use schemas::policy::as_written;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What editors read to complete and check.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=";

#[derive(Debug, Args)]
#[command(
    after_help = "Writes KEY.yaml for each policy: its active version or, when none is active, its newest.
What a policy leaves at its default is left out. Applying the files changes nothing.

Examples:
  awe policy export --dir policies
  awe policy export payments.large --dir policies --url https://awe.example.org --token \"$TOKEN\""
)]
pub(crate) struct Arguments {
    /// Which policies; all when none is named.
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// Where the files are written; made when it does not exist. Files that are there are replaced.
    #[arg(long)]
    dir: PathBuf,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<()> {
    let server = arguments.server.connect(author)?;
    let keys = match arguments.keys.as_slice() {
        [] => server.keys().await?,
        named => named.to_vec(),
    };
    std::fs::create_dir_all(&arguments.dir).with_context(|| arguments.dir.display().to_string())?;
    for key in &keys {
        let Some(stored) = server.current(key).await? else { anyhow::bail!("there is no policy {key}") };
        let file = arguments.dir.join(format!("{key}.yaml"));
        write(&file, &arguments.server.schema_url(), &as_written(&stored))?;
        output::print(&format!("{} version {} ({})", file.display(), stored.version, stored.status))?;
    }
    Ok(())
}

fn write(file: &Path, schema: &str, policy: &PolicyCreate) -> anyhow::Result<()> {
    let text = serde_saphyr::to_string(&Written::of(policy)).context("a policy cannot be written as YAML")?;
    std::fs::write(file, format!("{SCHEMA_LINE}{schema}\n{text}")).with_context(|| file.display().to_string())
}

/// A policy with its fields in the order in which people write them, without those that have their defaults.
#[derive(Serialize)]
struct Written<'a> {
    policy_key: &'a str,
    name: &'a str,
    artifact_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    forbid_self_approval: bool,
    #[serde(skip_serializing_if = "is_false")]
    forbid_repeat_approvers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_schema: Option<&'a Value>,
    stages: Vec<WrittenStage<'a>>,
}

#[derive(Serialize)]
struct WrittenStage<'a> {
    name: &'a str,
    stage_order: i32,
    mode: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode_value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment_required: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_group: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skip_if: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_empty: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sla_hours: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_breach: Option<&'a str>,
    rules: Vec<WrittenRule<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    escalation_rules: Vec<WrittenRule<'a>>,
}

#[derive(Serialize)]
struct WrittenRule<'a> {
    rule_type: &'a str,
    rule_value: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    required: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The word, unless it is the default.
fn unless<'a>(word: &'a str, default: &str) -> Option<&'a str> {
    Some(word).filter(|word| *word != default)
}

impl<'a> Written<'a> {
    fn of(policy: &'a PolicyCreate) -> Self {
        Self {
            policy_key: &policy.policy_key,
            name: &policy.name,
            artifact_type: &policy.artifact_type,
            description: policy.description.as_deref(),
            forbid_self_approval: policy.forbid_self_approval,
            forbid_repeat_approvers: policy.forbid_repeat_approvers,
            context_schema: policy.context_schema.as_ref(),
            stages: policy.stages.iter().map(WrittenStage::of).collect(),
        }
    }
}

impl<'a> WrittenStage<'a> {
    fn of(stage: &'a StageIn) -> Self {
        Self {
            name: &stage.name,
            stage_order: stage.stage_order,
            mode: &stage.mode,
            mode_value: stage.mode_value,
            reject_mode: unless(&stage.reject_mode, "veto"),
            comment_required: unless(&stage.comment_required, "never"),
            parallel_group: stage.parallel_group,
            skip_if: stage.skip_if.as_ref(),
            on_empty: unless(&stage.on_empty, "block"),
            sla_hours: stage.sla_hours,
            on_breach: stage.sla_hours.and(stage.on_breach.as_deref()),
            rules: stage.rules.iter().map(WrittenRule::of).collect(),
            escalation_rules: stage.escalation_rules.iter().map(WrittenRule::of).collect(),
        }
    }
}

impl<'a> WrittenRule<'a> {
    fn of(rule: &'a ApproverRuleIn) -> Self {
        Self {
            rule_type: &rule.rule_type,
            rule_value: &rule.rule_value,
            kind: unless(&rule.kind, "approver"),
            required: rule.required,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use serde_json::json;

    #[test]
    fn what_is_exported_is_read_as_what_it_was() {
        let policy: PolicyCreate = serde_json::from_value(json!({
            "policy_key": "payments.large", "name": "Large: \"payments\" # of all", "artifact_type": "disbursement",
            "description": "Two\nlines", "context_schema": {"type": "object", "required": ["amount"]},
            "stages": [
                {"name": "yes", "stage_order": 1, "mode": "any-n", "mode_value": 2, "sla_hours": 4,
                 "on_breach": "escalate", "skip_if": {"<": [{"var": "amount"}, 1e3]}, "comment_required": "reject",
                 "rules": [{"rule_type": "role", "rule_value": {"role": "null"}, "required": true}],
                 "escalation_rules": [{"rule_type": "user", "rule_value": {"user_id": "0123"}}]},
                {"name": "1.5", "stage_order": 2,
                 "rules": [{"rule_type": "group", "rule_value": {"group": "/a"}, "kind": "observer"}]},
            ],
        }))
        .expect("is a policy");
        let file = std::env::temp_dir().join(format!("awe-{}.yaml", uuid::Uuid::now_v7()));
        write(&file, "http://x/schema", &policy).expect("writes");
        let text = std::fs::read_to_string(&file).expect("is there");
        assert!(text.starts_with("# yaml-language-server: $schema=http://x/schema\npolicy_key:"), "{text}");
        assert!(!text.contains("veto") && !text.contains("forbid"), "defaults are left out: {text}");
        let read = document::read::<PolicyCreate>(&file).expect("reads").sound(&file).expect("is sound");
        std::fs::remove_file(&file).expect("is there");
        assert_eq!(read, policy, "{text}");
    }
}
