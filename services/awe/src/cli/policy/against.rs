//! Which users of policy files a server's directory does not know.

use crate::auth::{VIEWER, unsigned_token};
use anyhow::{Context as _, bail};
use clap::Args;
use engine::validate::Fault;
use reqwest::StatusCode;
use schemas::api::{ApproverRuleIn, DirectoryUserOut, PolicyCreate};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Against {
    /// A server: warns of users that its directory does not know, or knows as disabled.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// Bearer token of a viewer there; an unsigned one when absent, for servers in development mode.
    #[arg(long, value_name = "TOKEN", env = "AWE_TOKEN", hide_env_values = true, requires = "against")]
    token: Option<String>,
}

/// What is wrong with a user, by id; whoever is in order is absent.
pub(super) type Unknown = BTreeMap<String, &'static str>;

/// Asks the server, if one is named, about every user that a rule of these policies names.
pub(super) async fn unknown(
    against: &Against,
    policies: impl Iterator<Item = &PolicyCreate>,
) -> anyhow::Result<Unknown> {
    let Some(url) = &against.against else { return Ok(Unknown::new()) };
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
    let unsigned = || unsigned_token("awe-cli", &[VIEWER.to_owned()], Duration::from_secs(300));
    let token = against.token.clone().unwrap_or_else(unsigned);
    let route = format!("{}/v1/awe/admin/directory/users", url.trim_end_matches('/'));
    let mut unknown = Unknown::new();
    for user in policies.flat_map(users).collect::<BTreeSet<_>>() {
        let url_of_user = reqwest::Url::parse_with_params(&route, [("id", &user)]);
        let call = client.get(url_of_user.with_context(|| format!("{url} is no URL"))?).bearer_auth(&token);
        let answer = call.send().await.with_context(|| format!("{url} does not answer"))?;
        let found: Vec<DirectoryUserOut> = match answer.status() {
            StatusCode::OK => answer.json().await.context("the server's answer is not understood")?,
            StatusCode::SERVICE_UNAVAILABLE => {
                bail!("{url} has no directory at hand: users were not checked")
            }
            status => bail!("{url} answered {status}: users were not checked"),
        };
        match found.first() {
            None => unknown.insert(user, "is unknown to the directory"),
            Some(found) if !found.enabled => unknown.insert(user, "is disabled in the directory"),
            Some(_) => None,
        };
    }
    Ok(unknown)
}

/// Warnings about one policy, with stage and field named.
pub(super) fn warnings(policy: &PolicyCreate, unknown: &Unknown) -> Vec<Fault> {
    let mut warnings = Vec::new();
    for stage in &policy.stages {
        for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
            for (index, user) in rules.iter().map(named).enumerate() {
                if let Some((user, what)) = user.and_then(|user| unknown.get_key_value(user)) {
                    warnings.push(Fault {
                        stage: Some(stage.stage_order),
                        field: format!("{field}[{index}].rule_value.user_id"),
                        message: format!("user {user:?} {what}"),
                    });
                }
            }
        }
    }
    warnings
}

fn users(policy: &PolicyCreate) -> Vec<String> {
    let rules = policy.stages.iter().flat_map(|stage| stage.rules.iter().chain(&stage.escalation_rules));
    rules.filter_map(named).map(str::to_owned).collect()
}

fn named(rule: &ApproverRuleIn) -> Option<&str> {
    (rule.rule_type == "user").then(|| rule.rule_value["user_id"].as_str()).flatten()
}
