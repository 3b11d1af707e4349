//! `awe policy apply`: a policy file becomes the newest version on a server.

use super::read;
use crate::auth::{ADMIN, unsigned_token};
use crate::cli::author::Author;
use crate::cli::output;
use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::{Method, StatusCode};
use schemas::api::{ErrorEnvelope, PolicyCreate, PolicyOut, PolicyVersionOut};
use schemas::json::write_canonical;
use schemas::policy::as_written;
use serde::Serialize;
use serde::de::DeserializeOwned;
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
pub(in crate::cli) struct Arguments {
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

struct Server {
    client: reqwest::Client,
    base: String,
    token: String,
}

pub(super) async fn run(arguments: &Arguments, author: &Author) -> anyhow::Result<()> {
    let policy: PolicyCreate = read(&arguments.file)?.sound(&arguments.file).map_err(anyhow::Error::msg)?;
    let server = Server::new(arguments, author)?;
    let (version, said) = server.apply(&policy).await?;
    let mut line = format!("{} version {version}: {said}", policy.policy_key);
    if arguments.activate {
        let path = format!("/policies/{}/versions/{version}/activate", policy.policy_key);
        server.call::<PolicyOut>(Method::POST, &path, None::<&()>).await?;
        line.push_str(", active");
    }
    Ok(output::print(&line)?)
}

impl Server {
    fn new(arguments: &Arguments, author: &Author) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let unsigned = || unsigned_token(&author.subject(), &[ADMIN.to_owned()], Duration::from_secs(300));
        let token = arguments.token.clone().unwrap_or_else(unsigned);
        Ok(Self { client, base: format!("{}/v1/awe", arguments.url.trim_end_matches('/')), token })
    }

    /// The version that says what the file says, and how it came to be.
    async fn apply(&self, policy: &PolicyCreate) -> anyhow::Result<(i32, &'static str)> {
        let key = &policy.policy_key;
        let versions: Option<Vec<PolicyVersionOut>> = self.find(&format!("/policies/{key}/versions")).await?;
        let Some(newest) = versions.as_ref().and_then(|versions| versions.first()) else {
            let created: PolicyOut = self.call(Method::POST, "/policies", Some(policy)).await?;
            return Ok((created.version, "created"));
        };
        let path = format!("/policies/{key}/versions/{}", newest.version);
        let stored: PolicyOut = self.call(Method::GET, &path, None::<&()>).await?;
        if says(as_written(&stored))? == says(policy.clone())? {
            return Ok((stored.version, "unchanged"));
        }
        let added: PolicyOut = self.call(Method::PUT, &format!("/policies/{key}"), Some(policy)).await?;
        Ok((added.version, "added"))
    }

    async fn find<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        let answer = self.send(Method::GET, path, None::<&()>).await?;
        if answer.status() == StatusCode::NOT_FOUND { Ok(None) } else { read_answer(answer).await.map(Some) }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        read_answer(self.send(method, path, body).await?).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<reqwest::Response> {
        let url = format!("{}{path}", self.base);
        let mut call = self.client.request(method, &url).bearer_auth(&self.token);
        if let Some(body) = body {
            call = call.json(body);
        }
        call.send().await.with_context(|| format!("{url} does not answer"))
    }
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

/// The answer, or the server's own words about what is wrong.
async fn read_answer<T: DeserializeOwned>(answer: reqwest::Response) -> anyhow::Result<T> {
    let status = answer.status();
    let bytes = answer.bytes().await?;
    if status.is_success() {
        return serde_json::from_slice(&bytes).context("the server's answer is not understood");
    }
    match serde_json::from_slice::<ErrorEnvelope>(&bytes) {
        Ok(envelope) => {
            let told: Vec<String> = envelope
                .errors
                .iter()
                .map(|error| format!("{} {}", error.error_code, error.message))
                .collect();
            bail!("refused ({status}):\n  {}", told.join("\n  "))
        }
        Err(_) => bail!("the server answered {status}"),
    }
}
