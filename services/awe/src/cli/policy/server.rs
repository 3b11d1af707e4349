//! A server that policies are read from and written to.

use crate::auth::{ADMIN, unsigned_token};
use crate::cli::author::Author;
use crate::cli::remote::RemoteServer;
use axum::http::StatusCode;
use clap::Args;
use outbound::Method;
use schemas::api::{
    PolicyCreate, PolicyDiffOut, PolicyOut, PolicyReplayIn, PolicyReplayOut, PolicyVersionOut,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Server {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", env = "AWE_URL")]
    url: String,
    /// Bearer token of a viewer or, for what writes, an administrator; an unsigned one when absent, for servers in
    /// development mode.
    #[arg(long, value_name = "TOKEN", env = "AWE_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
}

impl Server {
    pub(super) fn connect(&self, author: &Author) -> anyhow::Result<Policies> {
        let unsigned = || unsigned_token(&author.subject(), &[ADMIN.to_owned()], Duration::from_secs(300));
        let token = self.token.as_ref().map_or_else(unsigned, |token| token.expose_secret().to_owned());
        Ok(Policies(RemoteServer::new(&self.url, Some(token))?))
    }

    /// Where editors find the schema of policy files.
    pub(super) fn schema_url(&self) -> String {
        format!("{}{}", self.url.trim_end_matches('/'), schemas::policy_schema::PATH)
    }
}

/// The policies of a server.
pub(super) struct Policies(RemoteServer);

impl Policies {
    /// Every key, in order.
    pub(super) async fn keys(&self) -> anyhow::Result<Vec<String>> {
        let listed = self.0.send(Method::Get, "/policies", None::<&()>).await?;
        Ok(listed.success::<Vec<PolicyOut>>()?.into_iter().map(|policy| policy.policy_key).collect())
    }

    /// The versions of a key, newest first; none when it is unknown.
    async fn versions(&self, key: &str) -> anyhow::Result<Vec<PolicyVersionOut>> {
        let listed = self.0.send(Method::Get, &format!("/policies/{key}/versions"), None::<&()>).await?;
        match listed.status {
            StatusCode::NOT_FOUND => Ok(Vec::new()),
            _ => listed.success(),
        }
    }

    async fn version(&self, key: &str, version: i32) -> anyhow::Result<PolicyOut> {
        let path = format!("/policies/{key}/versions/{version}");
        self.0.send(Method::Get, &path, None::<&()>).await?.success()
    }

    /// The newest version of a key.
    pub(super) async fn newest(&self, key: &str) -> anyhow::Result<Option<PolicyOut>> {
        match self.versions(key).await?.first() {
            Some(newest) => self.version(key, newest.version).await.map(Some),
            None => Ok(None),
        }
    }

    /// The active version of a key or, when none is active, the newest.
    pub(super) async fn current(&self, key: &str) -> anyhow::Result<Option<PolicyOut>> {
        let versions = self.versions(key).await?;
        let active = versions.iter().find(|version| version.status == "active");
        match active.or(versions.first()) {
            Some(current) => self.version(key, current.version).await.map(Some),
            None => Ok(None),
        }
    }

    /// Writes the first version of a policy.
    pub(super) async fn create(&self, policy: &PolicyCreate) -> anyhow::Result<PolicyOut> {
        self.0.send(Method::Post, "/policies", Some(policy)).await?.success()
    }

    /// Writes another version of a policy.
    pub(super) async fn add(&self, policy: &PolicyCreate) -> anyhow::Result<PolicyOut> {
        let path = format!("/policies/{}", policy.policy_key);
        self.0.send(Method::Put, &path, Some(policy)).await?.success()
    }

    pub(super) async fn activate(&self, key: &str, version: i32) -> anyhow::Result<PolicyOut> {
        let path = format!("/policies/{key}/versions/{version}/activate");
        self.0.send(Method::Post, &path, None::<&()>).await?.success()
    }

    /// What a version would have made of requests that have ended.
    pub(super) async fn replay(
        &self,
        key: &str,
        version: i32,
        which: &PolicyReplayIn,
    ) -> anyhow::Result<PolicyReplayOut> {
        let path = format!("/policies/{key}/versions/{version}/replay");
        self.0.send(Method::Post, &path, Some(which)).await?.success()
    }

    /// How version `with` differs from version `from`.
    pub(super) async fn diff(&self, key: &str, from: i32, with: i32) -> anyhow::Result<PolicyDiffOut> {
        let path = format!("/policies/{key}/versions/{from}/diff?with={with}");
        self.0.send(Method::Get, &path, None::<&()>).await?.success()
    }
}
