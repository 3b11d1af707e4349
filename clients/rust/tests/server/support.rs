//! What the tests stand on: tokens, policies and the running server.

use awe_client::models::{
    ApproverRuleIn, CreateRequestIn, DecisionAction, PolicyCreate, RequestOut, StageIn, TaskOut,
};
use awe_client::parameters::{ListRequests, ListTasks};
use awe_client::{AweClient, AweClientBuilder, Created, Error, RetryPolicy};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An id that nothing has.
pub(crate) const NOBODY: &str = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";

pub(crate) fn server_url() -> String {
    named("AWE_CLIENTS_URL")
}

pub(crate) fn nats_url() -> String {
    named("AWE_CLIENTS_NATS")
}

pub(crate) fn named(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: `./dev clients` starts a server and sets it"))
}

/// An unsigned token, which a server in development mode takes.
pub(crate) fn token(subject: &str, roles: &[&str]) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": subject, "realm_access": {"roles": roles}, "exp": 4_102_444_800_i64});
    format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims))
}

/// A policy of its own with one approver, so that tests do not see each other's requests.
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) policy: String,
    pub(crate) kind: String,
    pub(crate) caller: String,
    pub(crate) approver: String,
    pub(crate) admin: AweClient,
}

impl World {
    pub(crate) async fn new() -> Self {
        let name = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
        let (policy, kind) = (format!("clients.{name}"), format!("kind_{name}"));
        let (caller, approver) = (format!("caller-{name}"), format!("approver-{name}"));
        let admin = AweClient::new(server_url(), token(&format!("admin-{name}"), &["AWE_ADMIN"])).unwrap();
        let world = Self { name, policy, kind, caller, approver, admin };
        let admin = &world.admin;
        let made = admin.create_policy(&world.body("Clients"), None).await.unwrap();
        let active = admin
            .activate_policy_version(&world.policy, made.version.into(), &Default::default(), None)
            .await
            .unwrap();
        assert_eq!(active.status, "active");
        world
    }

    /// Its policy under this name.
    pub(crate) fn body(&self, name: &str) -> PolicyCreate {
        let rule = ApproverRuleIn {
            rule_type: "user".to_owned(),
            rule_value: json!({"user_id": self.approver}).as_object().unwrap().clone(),
            ..Default::default()
        };
        let stage = StageIn {
            name: "Review".to_owned(),
            stage_order: 1,
            mode: Some("any-n".to_owned()),
            mode_value: Some(1),
            rules: vec![rule],
            ..Default::default()
        };
        PolicyCreate {
            policy_key: self.policy.clone(),
            name: name.to_owned(),
            artifact_type: self.kind.clone(),
            stages: vec![stage],
            ..Default::default()
        }
    }

    /// A client of the caller that loses no time between attempts.
    pub(crate) fn builder(&self, url: impl Into<String>) -> AweClientBuilder {
        let retry = RetryPolicy {
            first: Duration::from_millis(10),
            most: Duration::from_millis(50),
            ..Default::default()
        };
        AweClient::builder(url).token(token(&self.caller, &[])).retry(retry)
    }

    pub(crate) fn client(&self) -> AweClient {
        self.at(server_url())
    }

    pub(crate) fn at(&self, url: impl Into<String>) -> AweClient {
        self.builder(url).build().unwrap()
    }

    pub(crate) fn as_approver(&self, url: impl Into<String>) -> AweClient {
        self.at(url).with_token(token(&self.approver, &[]))
    }

    pub(crate) fn request(&self, artifact_id: &str) -> CreateRequestIn {
        CreateRequestIn {
            policy_key: self.policy.clone(),
            artifact_type: self.kind.clone(),
            artifact_id: artifact_id.to_owned(),
            ..Default::default()
        }
    }

    pub(crate) async fn create(&self, artifact_id: &str) -> Created {
        self.client().create(&self.request(artifact_id)).await.unwrap()
    }

    pub(crate) fn filters(&self, artifact_id: &str) -> ListRequests {
        ListRequests {
            artifact_type: Some(self.kind.clone()),
            artifact_id: Some(artifact_id.to_owned()),
            ..Default::default()
        }
    }

    pub(crate) async fn requests_of(&self, artifact_id: &str) -> Vec<RequestOut> {
        self.client().iterate(self.filters(artifact_id)).try_collect().await.unwrap()
    }

    pub(crate) async fn tasks_of(&self, request_id: &str) -> Vec<TaskOut> {
        let filters = ListTasks { request_id: Some(request_id.to_owned()), ..Default::default() };
        self.as_approver(server_url()).tasks(filters).try_collect().await.unwrap()
    }

    pub(crate) async fn approve(&self, request_id: &str) {
        for task in self.tasks_of(request_id).await {
            let decided =
                self.as_approver(server_url()).decide(&task.id, DecisionAction::Approve).await.unwrap();
            assert_eq!(decided.action, "approve");
        }
    }
}

/// The stable word of a refusal.
pub(crate) fn reason(error: &Error) -> &str {
    error.reason().map_or("", |reason| reason.as_str())
}

/// Asks until the answer is something, at most for 20 seconds.
pub(crate) async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
