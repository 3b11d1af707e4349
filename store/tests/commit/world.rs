//! A database with a policy of one stage, a running writer, and transitions to commit.

use engine::command::{Caller, Command, Create, Environment, Transition, apply, create};
use engine::delegation::Delegations;
use engine::ids::{IdSource, PolicyId, RequestId, TaskId};
use engine::policy::Policy;
use engine::request::Action;
use schemas::api::policy::PolicyCreate;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Error;
use store::audit::Actor;
use store::commit::{Commit, Committer, Idempotency, Limits, Meta};
use store::once::Once;
use store::requests::Loaded;
use store::testing::{TestDb, count, database};
use time::OffsetDateTime;
use uuid::Uuid;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

struct Ids;

impl IdSource for Ids {
    fn fresh(&mut self) -> Uuid {
        Uuid::now_v7()
    }
}

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) committer: Committer,
    written: PolicyCreate,
    policy: Policy,
}

/// A world with one writer, as a process has it.
pub(crate) async fn world() -> World {
    let db = database().await;
    let written: PolicyCreate = serde_json::from_value(json!({
        "policy_key": "p",
        "name": "P",
        "artifact_type": "thing",
        "stages": [{"name": "one", "stage_order": 1, "mode": "all", "rules": [
            {"rule_type": "user", "rule_value": {"user_id": "ann"}},
            {"rule_type": "user", "rule_value": {"user_id": "bob"}}]}],
    }))
    .unwrap();
    let policy =
        schemas::policy::to_engine(&written, PolicyId(Uuid::now_v7()), 1, &mut Uuid::now_v7).unwrap();
    db.create_policy(&written, &policy, &admin()).await.unwrap();
    db.activate_policy("p", 1, &admin()).await.unwrap();
    let (committer, writers) = Committer::new(&db, Limits::default());
    for writer in writers {
        tokio::spawn(async move { writer.run().await });
    }
    World { db, committer, written, policy }
}

fn admin() -> Actor {
    Actor { subject: "admin".to_owned(), email: None, once: None }
}

/// PostgreSQL stores microseconds.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap()
}

pub(crate) fn meta(artifact_id: &str) -> Meta {
    Meta {
        policy_key: "p".to_owned(),
        policy_version: 1,
        artifact_type: "thing".to_owned(),
        artifact_id: artifact_id.to_owned(),
        title: Some(format!("About {artifact_id}")),
        summary: None,
        artifact_url: Some("https://caller.example/things".to_owned()),
        callback_url: None,
        callback_secret_id: None,
        callback_events: None,
    }
}

pub(crate) fn key(key: &str) -> Option<Idempotency> {
    let text = |value: serde_json::Value| schemas::json::RawJson::of(&value).unwrap();
    let (body, response) = (text(json!({"a": 1})), text(json!({"b": 2})));
    let once = Once { subject: "caller".to_owned(), key: key.to_owned(), asked: body };
    Some(Idempotency { once, response })
}

impl World {
    /// A create with default values for everything but the artifact.
    pub(crate) fn new_request(&self, artifact_id: &str) -> Commit {
        self.new_request_of(meta(artifact_id))
    }

    pub(crate) fn new_request_of(&self, meta: Meta) -> Commit {
        let delegations = Delegations::default();
        let env = Environment { policy: &self.policy, delegations: &delegations, now: now() };
        let asked = Create {
            id: RequestId(Uuid::now_v7()),
            requester: "rita".to_owned(),
            source_service: "caller".to_owned(),
            context: Arc::new(json!({})),
            context_sha256: String::new(),
            context_told: true,
            expires_at: None,
            policy_sha256: None,
        };
        Commit::new(None, Arc::new(create(&env, asked, &mut Ids)), Arc::new(meta))
    }

    /// An approval by the first open task of a loaded request.
    pub(crate) fn approval(&self, before: &Loaded) -> Commit {
        let task = before.request.tasks.iter().find(|task| task.status.is_open()).unwrap();
        let (caller, task_id) = (Caller { subject: task.assignee.clone(), admin: false }, task.id);
        Commit::new(
            Some((Arc::clone(&before.request), before.row_version)),
            Arc::new(self.decide(before, caller, task_id)),
            Arc::clone(&before.meta),
        )
    }

    fn decide(&self, before: &Loaded, caller: Caller, task_id: TaskId) -> Transition {
        let delegations = Delegations::default();
        let env = Environment { policy: &self.policy, delegations: &delegations, now: now() };
        let command = Command::Decide {
            caller,
            task_id,
            action: Action::Approve,
            comment: None,
            attachments_ref: None,
            artifact_digest: Some("sha256:9f86".to_owned()),
        };
        apply(&env, &before.request, command, &mut Ids).unwrap()
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<i64, Error> {
        Ok(self.committer.commit(Arc::new(commit)).await?.row_version)
    }

    /// Writes a create and loads the request.
    pub(crate) async fn request(&self, artifact_id: &str) -> Loaded {
        let commit = self.new_request(artifact_id);
        let id = commit.transition.request.id;
        assert_eq!(self.commit(commit).await.unwrap(), 1, "the row version of a new request");
        self.load(id).await
    }

    pub(crate) async fn load(&self, id: RequestId) -> Loaded {
        self.db.load_request(id).await.unwrap().unwrap()
    }

    pub(crate) async fn is_written(&self, id: RequestId) -> bool {
        self.db.load_request(id).await.unwrap().is_some()
    }

    /// How many database transactions wrote the requests of these artifacts.
    pub(crate) async fn transactions_of(&self, artifacts: &str) -> i64 {
        let written = format!(
            "select count(distinct xmin::text) from approval_request where artifact_id like '{artifacts}'"
        );
        count(&self.db, &written).await
    }

    pub(crate) async fn epoch(&self) -> i64 {
        self.db.policy_epoch().await.unwrap()
    }

    /// Activates another version of the policy.
    pub(crate) async fn activate_another(&self) {
        let version = 2;
        let policy =
            schemas::policy::to_engine(&self.written, PolicyId(Uuid::now_v7()), version, &mut Uuid::now_v7);
        self.db.add_policy_version(&self.written, &policy.unwrap(), &admin()).await.unwrap();
        self.db.activate_policy("p", version, &admin()).await.unwrap();
    }

    /// Commits all of these in one batch: they are queued behind a transition that cannot be written yet. Returns the
    /// outcomes in the order given.
    pub(crate) async fn in_one_batch(&self, commits: Vec<Commit>) -> Vec<Result<i64, Error>> {
        let held = self.db.hold("approval_request").await;
        let first = tokio::spawn(hand_over(self.committer.clone(), self.new_request("first")));
        self.until_writer_waits().await;
        let mut outcomes = Vec::new();
        for commit in commits {
            let mut outcome = Box::pin(hand_over(self.committer.clone(), commit));
            // The first poll puts it into the queue, which is not full.
            assert!(futures::poll!(&mut outcome).is_pending());
            outcomes.push(outcome);
        }
        drop(held);
        first.await.unwrap().unwrap();
        futures::future::join_all(outcomes).await
    }

    async fn until_writer_waits(&self) {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let deadline = Instant::now() + PATIENCE;
        while count(&self.db, waiting).await == 0 {
            assert!(Instant::now() < deadline, "the writer never waited for the table");
            tokio::time::sleep(Duration::from_millis(10)).await; // the poll of that deadline
        }
    }
}

async fn hand_over(committer: Committer, commit: Commit) -> Result<i64, Error> {
    Ok(committer.commit(Arc::new(commit)).await?.row_version)
}
