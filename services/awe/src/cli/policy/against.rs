//! Finds users in policy files whom a server's directory does not know.

use crate::auth::{VIEWER, unsigned_token};
use crate::cli::remote::RemoteServer;
use anyhow::{Context as _, bail};
use axum::http::StatusCode;
use clap::Args;
use engine::validate::Fault;
use outbound::Method;
use schemas::api::{ApproverRuleIn, DirectoryUserOut, PolicyCreate};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use url::form_urlencoded;

#[derive(Debug, Args)]
pub(super) struct Against {
    /// A server: warns of users that its directory does not know, or knows as disabled.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// Bearer token of a viewer there; an unsigned one when absent, for servers in development mode.
    #[arg(long, value_name = "TOKEN", env = "AWE_TOKEN", hide_env_values = true, requires = "against")]
    token: Option<SecretString>,
}

/// What is wrong with a user, by id. Users who are known and enabled are absent.
pub(super) type Unknown = BTreeMap<String, &'static str>;

/// Asks the server, if one is named, about every user that a rule of these policies names.
pub(super) async fn unknown(
    against: &Against,
    policies: impl Iterator<Item = &PolicyCreate>,
) -> anyhow::Result<Unknown> {
    let Some(url) = &against.against else { return Ok(Unknown::new()) };
    let unsigned = || unsigned_token("awe-cli", &[VIEWER.to_owned()], Duration::from_secs(300));
    let server = RemoteServer::new(
        url,
        Some(against.token.as_ref().map_or_else(unsigned, |token| token.expose_secret().to_owned())),
    )?;
    let mut unknown = Unknown::new();
    for user in policies.flat_map(users).collect::<BTreeSet<_>>() {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("id", &user).finish();
        let path = format!("/admin/directory/users?{query}");
        let answer = server.try_send(Method::Get, &path, None::<&()>).await;
        let answer = answer.with_context(|| format!("{url} does not answer"))?;
        let found: Vec<DirectoryUserOut> = match answer.status {
            StatusCode::OK => answer.json()?,
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
                    let field = format!("{field}[{index}].rule_value.user_id");
                    let message = format!("user {user:?} {what}");
                    warnings.push(Fault::of_stage(stage.stage_order, &field, message));
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
