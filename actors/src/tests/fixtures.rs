//! A world of its own for each test: a database, a bus prefix, a policy; and nodes, as processes would be.

use crate::{
    Created, EndpointOptions, Error, NewRequest, NoDirectory, Options, RequestOptions, Requests,
    ResolverOptions, Role, Roles, SlaOptions, System, WebhookOptions,
};
use bus::Bus;
use engine::command::Caller;
use engine::ids::PolicyId;
use outbound::{Client, Credentials, Egress, TokenProvider};
use schemas::api::decision::DecisionIn;
use schemas::api::policy::PolicyCreate;
use schemas::api::request::CreateRequestOut;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::audit::Actor;
use store::testing::TestDb;
use store::vault::Vault;
use time::OffsetDateTime;
use uuid::Uuid;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct World {
    pub(super) db: TestDb,
    pub(super) callback: Option<String>,
    prefix: String,
}

pub(super) struct Node {
    pub(super) system: System,
    callback: Option<String>,
    bus: Bus,
}

pub(super) fn caller(subject: &str) -> Caller {
    Caller { subject: subject.to_owned(), admin: false }
}

fn no_credentials() -> Credentials {
    let tokens = TokenProvider::new(Client::trusted().expect("TLS can be set up"), PATIENCE);
    Credentials::new(std::collections::BTreeMap::new(), tokens)
}

pub(super) fn approve() -> DecisionIn {
    DecisionIn { action: "approve".to_owned(), comment: None, attachments_ref: None, artifact_digest: None }
}

/// A world whose policy `p` has these stages: wire stages, with `users` short for one user rule each.
pub(super) async fn world(stages: Value) -> World {
    let db = store::testing::database().await;
    let world = World { db, callback: None, prefix: format!("test_{}", Uuid::now_v7().simple()) };
    world.activate_next(stages).await;
    world
}

fn policy(stages: Value) -> PolicyCreate {
    let stages: Vec<Value> = stages
        .as_array()
        .expect("stages are a list")
        .iter()
        .enumerate()
        .map(|(n, stage)| {
            let mut stage = stage.clone();
            let fields = stage.as_object_mut().expect("a stage is an object");
            fields.insert("stage_order".into(), (n + 1).into());
            fields.insert("name".into(), format!("stage {}", n + 1).into());
            if let Some(users) = fields.remove("users") {
                let rule = |u: &Value| json!({"rule_type": "user", "rule_value": {"user_id": u}});
                fields.insert("rules".into(), users.as_array().expect("a list").iter().map(rule).collect());
            }
            stage
        })
        .collect();
    serde_json::from_value(
        json!({"policy_key": "p", "name": "P", "artifact_type": "thing", "stages": stages}),
    )
    .expect("a policy")
}

impl World {
    pub(super) async fn activate_next(&self, stages: Value) {
        let policy = policy(stages);
        let actor = Actor { subject: "admin".to_owned(), email: None, once: None };
        let engine = schemas::policy::to_engine(&policy, PolicyId(Uuid::now_v7()), 1, &mut Uuid::now_v7)
            .expect("a good policy");
        let written = match self.db.create_policy(&policy, &engine, &actor).await {
            Err(store::Error::Conflict(..)) => self.db.add_policy_version(&policy, &engine, &actor).await,
            other => other,
        };
        let version = written.expect("written").version;
        self.db.activate_policy("p", version, &actor).await.expect("activated");
    }

    pub(super) async fn delegate(&self, from: &str, to: &str) {
        sqlx_execute(
            &self.db,
            &format!(
                "insert into user_delegation (id, user_id, delegate_to, starts_at, ends_at)
                 values (gen_random_uuid(), '{from}', '{to}', now() - interval '1 h', now() + interval '1 h')"
            ),
        )
        .await;
    }

    /// Moves the deadline of every open task, as an operator would: `moment` is SQL, for example `now() - '1 h'`.
    pub(super) async fn move_deadlines(&self, moment: &str) {
        self.execute(&format!(
            "update approval_task set due_at = {moment} where status in ('open', 'claimed')"
        ))
        .await;
    }

    pub(super) async fn execute(&self, sql: &str) {
        sqlx_execute(&self.db, sql).await;
    }

    pub(super) async fn count(&self, sql: &str) -> i64 {
        store::testing::count(&self.db, sql).await
    }

    pub(super) async fn node(&self) -> Node {
        self.node_with(|_| {}).await
    }

    pub(super) async fn node_with(&self, change: impl FnOnce(&mut Options)) -> Node {
        let url = std::env::var("NATS_URL").expect("NATS_URL names a NATS for tests");
        let bus = Bus::connect(bus::Options { prefix: self.prefix.clone(), ..bus::Options::new(url) }).await;
        let bus = bus.expect("connects");
        let mut options = Options {
            store: self.db.store.clone(),
            bus: Some(bus.clone()),
            vault: Arc::new(Vault::new(&[7; 32])),
            roles: Roles::all() - Role::Notifier,
            requests: RequestOptions::default(),
            webhook: WebhookOptions {
                timeout: Duration::from_secs(2),
                max_attempts: 3,
                backoff: vec![Duration::from_millis(50)],
                poll_interval: Duration::from_millis(100),
                batch_size: 20,
                concurrency: 16,
                endpoint: EndpointOptions {
                    concurrency: 8,
                    rate_per_second: 0,
                    open_after_failures: 100,
                    open: Duration::from_secs(1),
                },
                allow_unsigned: true,
            },
            sla: SlaOptions { check_interval: Duration::from_secs(300) },
            relay: crate::RelayOptions { reconcile_every: Duration::from_secs(60) },
            retention: crate::RetentionOptions {
                check_every: Duration::from_millis(100),
                idempotency_keys: Duration::from_secs(24 * 3600),
                attempts: None,
                requests: None,
            },
            resolver: ResolverOptions { concurrency: 4 },
            egress: Egress { allow_loopback: true, allow_cidrs: Vec::new() },
            credentials: no_credentials(),
            directory: Arc::new(NoDirectory),
            notifier: None,
        };
        change(&mut options);
        Node { system: System::start(options).await.expect("starts"), callback: self.callback.clone(), bus }
    }

    pub(super) async fn until(&self, what: &str, mut happened: impl FnMut() -> bool) {
        self.until_some(what, async || happened().then_some(())).await;
    }

    pub(super) async fn until_some<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let poll = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
    }

    /// Whether a statement waits for a lock that somebody else holds.
    pub(super) async fn waits_for_lock(&self) -> bool {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        self.count(waiting).await > 0
    }

    pub(super) async fn until_status(&self, request: Uuid, status: &str) {
        self.until_some(status, async || {
            let found = self.db.get_request(request).await.expect("exists");
            (found.status == status).then_some(())
        })
        .await;
    }

    pub(super) async fn until_event(&self, request: Uuid, event_type: &str) {
        self.until_some(event_type, async || {
            (self.count_events(request, event_type).await > 0).then_some(())
        })
        .await;
    }

    pub(super) async fn until_published(&self) {
        self.until_some("all is published", async || {
            (self.db.unpublished_count().await.expect("counts") == 0).then_some(())
        })
        .await;
    }

    pub(super) async fn count_events(&self, request: Uuid, event_type: &str) -> usize {
        let (events, _) = self.db.list_events(request, 0).await.expect("exists");
        events.iter().filter(|e| e.event_type == event_type).count()
    }

    pub(super) async fn assert_gapless(&self, request: Uuid) {
        let (events, _) = self.db.list_events(request, 0).await.expect("exists");
        let sequences: Vec<i64> = events.iter().map(|e| e.sequence).collect();
        let expected: Vec<i64> = (1..).take(sequences.len()).collect();
        assert_eq!(sequences, expected);
    }

    pub(super) async fn resolve_after(&self, request: Uuid) -> Option<OffsetDateTime> {
        let loaded = self.db.load_request(request.into()).await.expect("loads").expect("exists");
        loaded.resolve_after
    }

    /// Sequences of a request's events in the order in which the stream took them.
    pub(super) async fn stream_sequences(&self, request: Uuid) -> Vec<i64> {
        store::testing::stream_order(&self.db, request).await
    }
}

async fn sqlx_execute(db: &TestDb, sql: &str) {
    store::testing::execute(db, sql).await;
}

impl Node {
    pub(super) fn requests(&self) -> &Requests {
        self.system.requests()
    }

    pub(super) fn bus(&self) -> &Bus {
        &self.bus
    }

    pub(super) async fn try_create(&self, artifact: &str, key: Option<&str>) -> Result<Created, Error> {
        self.requests().create(self.new_request(artifact, key)).await
    }

    fn new_request(&self, artifact: &str, key: Option<&str>) -> NewRequest {
        let body = json!({"policy_key": "p", "artifact_type": "thing", "artifact_id": "x"});
        let mut body: schemas::api::request::CreateRequestIn = serde_json::from_value(body).expect("a body");
        body.artifact_id = artifact.to_owned();
        body.callback_url = self.callback.clone();
        NewRequest { body, subject: "caller".to_owned(), idempotency_key: key.map(str::to_owned) }
    }

    /// A request of another caller, told at `callback`.
    pub(super) async fn create_as(&self, subject: &str, callback: &str, artifact: &str) -> CreateRequestOut {
        let mut new = self.new_request(artifact, None);
        new.subject = subject.to_owned();
        new.body.callback_url = Some(callback.to_owned());
        self.requests().create(new).await.expect("created").answer
    }

    pub(super) async fn try_create_until(
        &self,
        artifact: &str,
        expires_at: OffsetDateTime,
    ) -> Result<Created, Error> {
        let mut new = self.new_request(artifact, None);
        new.body.expires_at = Some(expires_at);
        self.requests().create(new).await
    }

    /// A request that expires at `expires_at`.
    pub(super) async fn create_until(&self, artifact: &str, expires_at: OffsetDateTime) -> CreateRequestOut {
        self.try_create_until(artifact, expires_at).await.expect("created").answer
    }

    pub(super) async fn create(&self, artifact: &str, key: Option<&str>) -> CreateRequestOut {
        self.try_create(artifact, key).await.expect("created").answer
    }

    pub(super) async fn stop(self) {
        let counts = self.system.shared().store.stuck().await.expect("counts");
        assert_eq!((counts.open_work_wrong, counts.orphaned), (0, 0), "open work is told as it is");
        let began = Instant::now();
        self.stop_unseen().await;
        assert!(began.elapsed() < PATIENCE, "every loop ends by itself");
    }

    /// [`Node::stop`] without a look at the database.
    pub(super) async fn stop_unseen(self) {
        self.system.stop(PATIENCE).await;
        // The second node of a world finds the streams gone, which is what it wanted.
        let _ = self.bus.delete_streams().await;
    }
}
