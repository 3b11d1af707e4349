//! `awe policy apply`: a policy file becomes the newest version on a server.

use super::files::read;
use crate::auth::{ADMIN, unsigned_token};
use crate::cli::author::Author;
use crate::cli::output;
use crate::cli::remote::RemoteServer;
use axum::http::StatusCode;
use clap::Args;
use outbound::Method;
use schemas::api::{PolicyCreate, PolicyOut, PolicyVersionOut};
use schemas::json::write_canonical;
use schemas::policy::as_written;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "The file holds what POST /v1/awe/policies takes, as YAML or JSON:

  policy_key: payments.large
  name: Large payments
  artifact_type: disbursement
  stages:
    - name: Two officers
      stage_order: 1
      mode: any-n
      mode_value: 2
      rules:
        - {rule_type: role, rule_value: {role: payment-approver}}

Applying the same file twice changes nothing.

Examples:
  awe policy apply payments.yaml
  awe policy apply payments.yaml --activate --url https://awe.example.org --token \"$TOKEN\"")]
pub(crate) struct Arguments {
    /// The policy.
    file: PathBuf,
    /// Bring it into force.
    #[arg(long)]
    activate: bool,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", env = "AWE_URL")]
    url: String,
    /// Bearer token of an administrator; an unsigned one when absent, for servers in development mode.
    #[arg(long, value_name = "TOKEN", env = "AWE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<()> {
    let policy: PolicyCreate = read(&arguments.file)?.sound(&arguments.file)?;
    let unsigned = || unsigned_token(&author.subject(), &[ADMIN.to_owned()], Duration::from_secs(300));
    let token = arguments.token.clone().unwrap_or_else(unsigned);
    let server = RemoteServer::new(&arguments.url, Some(token))?;
    let (version, said) = apply(&server, &policy).await?;
    let mut line = format!("{} version {version}: {said}", policy.policy_key);
    if arguments.activate {
        let path = format!("/policies/{}/versions/{version}/activate", policy.policy_key);
        server.send(Method::Post, &path, None::<&()>).await?.success::<PolicyOut>()?;
        line.push_str(", active");
    }
    Ok(output::print(&line)?)
}

/// The version that says what the file says, and how it came to be.
async fn apply(server: &RemoteServer, policy: &PolicyCreate) -> anyhow::Result<(i32, &'static str)> {
    let key = &policy.policy_key;
    let listed = server.send(Method::Get, &format!("/policies/{key}/versions"), None::<&()>).await?;
    let versions: Vec<PolicyVersionOut> = match listed.status {
        StatusCode::NOT_FOUND => Vec::new(),
        _ => listed.success()?,
    };
    let Some(newest) = versions.first() else {
        let created: PolicyOut = server.send(Method::Post, "/policies", Some(policy)).await?.success()?;
        return Ok((created.version, "created"));
    };
    let path = format!("/policies/{key}/versions/{}", newest.version);
    let stored: PolicyOut = server.send(Method::Get, &path, None::<&()>).await?.success()?;
    if says(as_written(&stored))? == says(policy.clone())? {
        return Ok((stored.version, "unchanged"));
    }
    let path = format!("/policies/{key}");
    let added: PolicyOut = server.send(Method::Put, &path, Some(policy)).await?.success()?;
    Ok((added.version, "added"))
}

/// What a policy says, with what the server fills in (a stage with a deadline and no `on_breach` notifies) and each
/// number written in one way.
fn says(mut policy: PolicyCreate) -> anyhow::Result<Vec<u8>> {
    policy.stages.sort_by_key(|stage| stage.stage_order);
    for stage in &mut policy.stages {
        let on_breach = stage.on_breach.take().unwrap_or_else(|| "notify".to_owned());
        stage.on_breach = stage.sla_hours.map(|_| on_breach);
    }
    let mut text = Vec::new();
    write_canonical(&serde_json::to_value(policy)?, &mut text)?;
    Ok(text)
}
