//! The loop of every command: load, decide, commit; and once more when somebody else was first.

use super::audit;
use super::evidence::Evidence;
use crate::catalog::Catalog;
use crate::catalog::Version;
use crate::context_schema::Validations;
use crate::handle::NewRequest;
use crate::people::{self, Decided};
use crate::relay::Fresh;
use crate::shapes;
use crate::signals::{Signals, Unresolved};
use crate::supervisor::Registry;
use crate::{Error, RequestOptions};
use dashmap::DashMap;
use engine::command::{Command, Create, Environment, Transition};
use engine::ids::{IdSource, RequestId, TaskId};
use engine::policy::Policy;
use engine::request::Request;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::commit::{Commit, Committer, Idempotency, Meta};
use store::outbox::Outgoing;
use store::requests::Loaded;
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

/// How often a command is decided again before the caller is asked to try later.
const ROUNDS: u32 = 12;
/// Largest context, as canonical JSON, that the first event of a request repeats: events go to the bus, which takes
/// a message of 1 MiB at most, and to webhooks.
const MOST_TOLD: usize = 64 * 1024;
/// First pause between rounds, doubled each time and jittered.
const PAUSE: Duration = Duration::from_millis(1);

/// What all request actors of a process share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) committer: Committer,
    pub(crate) catalog: Catalog,
    pub(crate) registry: Registry,
    /// Whose task it is: a fact that never changes, so a decision need not ask.
    pub(crate) tasks: moka::sync::Cache<TaskId, RequestId>,
    pub(crate) signals: Signals,
    pub(crate) fresh: Fresh,
    /// Creates that wait for their first tasks, woken when this process commits something of theirs.
    pub(crate) waiting: DashMap<RequestId, Arc<Notify>>,
    pub(crate) validations: Validations,
    pub(crate) max_live: usize,
    pub(crate) options: RequestOptions,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) transition: Arc<Transition>,
    pub(crate) meta: Arc<Meta>,
    pub(crate) updated_at: OffsetDateTime,
}

struct Ids;

impl IdSource for Ids {
    fn fresh(&mut self) -> Uuid {
        Uuid::now_v7()
    }
}

pub(super) async fn create(
    shared: &Shared,
    id: RequestId,
    new: &NewRequest,
    loaded: &mut Option<Loaded>,
) -> Result<Arc<Applied>, Error> {
    let mut current = false;
    for round in 0..ROUNDS {
        let (snapshot, version) = shared.catalog.active(&new.body.policy_key).await?;
        let asked = to_create(id, new, &version);
        if let Err(fault) = Box::pin(check(shared, new, &version, &asked)).await {
            if current {
                return Err(fault);
            }
            // Another version may have been activated since this one was cached; a refusal commits nothing that
            // would notice.
            shared.catalog.refresh().await?;
            current = true;
            continue;
        }
        let (policy, now) = (&version.policy, now());
        let mut asked = Some(asked);
        let decided = people::decide(&shared.catalog.people, now, false, |delegations| {
            let env = Environment { policy, delegations, now };
            let asked = asked.take().unwrap_or_else(|| to_create(id, new, &version));
            Ok(engine::command::create(&env, asked, &mut Ids))
        });
        let Decided { what, relied } = decided.await??;
        let transition = Arc::new(what);
        let meta = Arc::new(to_meta(new, policy.version));
        let owed = (!transition.request.pending_rules(policy).is_empty()).then_some(now);
        let deliveries = store::commit::deliveries(&transition, &meta);
        let commit = Commit {
            before: None,
            resolve_after: owed,
            resolve_attempt: 0,
            epoch: Some(snapshot.epoch),
            relied,
            idempotency: new
                .idempotency_key
                .as_ref()
                .map(|key| to_idempotency(new, key, &transition, &meta))
                .transpose()?,
            audit: None,
            deliveries: deliveries.clone(),
            transition: Arc::clone(&transition),
            meta: Arc::clone(&meta),
        };
        match shared.committer.commit(commit).await {
            Ok(row_version) => {
                let held = Loaded {
                    request: Arc::clone(&transition.request),
                    meta,
                    row_version,
                    resolve_after: owed,
                    resolve_attempt: 0,
                    published: true,
                };
                return Ok(keep(shared, loaded, held, transition, &deliveries, now));
            }
            Err(store::Error::Stale) => {
                shared.catalog.people.forget(&transition.looked_at);
                shared.catalog.refresh().await?;
                pause(round).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Overloaded)
}

pub(super) async fn apply(
    shared: &Shared,
    id: RequestId,
    command: &Command,
    loaded: &mut Option<Loaded>,
) -> Result<Arc<Applied>, Error> {
    for round in 0..ROUNDS {
        let fresh = loaded.is_none();
        if fresh {
            *loaded = shared.store.load_request(id).await?;
        }
        let Some(before) = loaded.clone() else { return Err(Error::UnknownRequest) };
        let version = shared.catalog.version(before.request.policy_id).await?;
        let (policy, now) = (&version.policy, now());
        let decided = people::decide(&shared.catalog.people, now, false, |delegations| {
            let env = Environment { policy, delegations, now };
            engine::command::apply(&env, &before.request, command.clone(), &mut Ids)
        });
        let (transition, relied) = match decided.await? {
            // Another replica may have moved the request on since it was cached.
            Err(_) if !fresh => {
                *loaded = None;
                continue;
            }
            Err(refusal) => return Err(refusal.into()),
            Ok(Decided { what, relied }) => (Arc::new(what), relied),
        };
        if transition.events.is_empty() {
            if fresh {
                return Ok(Arc::new(Applied { transition, meta: before.meta, updated_at: now }));
            }
            *loaded = None;
            continue;
        }
        let (owed, attempt) = next_question(policy, &before, &transition.request, command, now);
        let deliveries = store::commit::deliveries(&transition, &before.meta);
        let commit = Commit {
            before: Some((Arc::clone(&before.request), before.row_version)),
            resolve_after: owed,
            resolve_attempt: attempt,
            epoch: None,
            relied,
            idempotency: None,
            audit: audit::of(command, &before.request, &transition.request),
            deliveries: deliveries.clone(),
            transition: Arc::clone(&transition),
            meta: Arc::clone(&before.meta),
        };
        match shared.committer.commit(commit).await {
            Ok(row_version) => {
                let held = Loaded {
                    request: Arc::clone(&transition.request),
                    row_version,
                    resolve_after: owed,
                    resolve_attempt: attempt,
                    ..before
                };
                return Ok(keep(shared, loaded, held, transition, &deliveries, now));
            }
            Err(store::Error::Stale) => {
                *loaded = None;
                shared.catalog.people.forget(&transition.looked_at);
                pause(round).await;
            }
            Err(error) => {
                // It cannot be known what was written.
                *loaded = None;
                return Err(error.into());
            }
        }
    }
    Err(Error::Overloaded)
}

/// When a resolver owes its next answer, and how often it has failed in a row. The same question again keeps its time,
/// a failed one waits, another one is due at once.
fn next_question(
    policy: &Policy,
    before: &Loaded,
    after: &Request,
    command: &Command,
    now: OffsetDateTime,
) -> (Option<OffsetDateTime>, i32) {
    let asks = after.pending_rules(policy);
    if asks.is_empty() {
        return (None, 0);
    }
    if matches!(command, Command::ResolutionFailed { .. }) {
        let attempt = before.resolve_attempt.saturating_add(1);
        return (Some(now + crate::resolver::back_off(attempt)), attempt);
    }
    match before.resolve_after {
        Some(at) if asks == before.request.pending_rules(policy) => (Some(at), before.resolve_attempt),
        _ => (Some(now), 0),
    }
}

/// Postgres keeps microseconds: what is answered must equal what is read later.
fn now() -> OffsetDateTime {
    let now = crate::clock::now();
    now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
}

async fn pause(round: u32) {
    let longest = PAUSE * 2u32.saturating_pow(round.min(6));
    tokio::time::sleep(longest.mul_f64(rand::random_range(0.5..1.0))).await;
}

/// What is committed is remembered, handed to the relay, and whoever waits for it is woken.
fn keep(
    shared: &Shared,
    loaded: &mut Option<Loaded>,
    held: Loaded,
    transition: Arc<Transition>,
    deliveries: &[Option<Uuid>],
    now: OffsetDateTime,
) -> Arc<Applied> {
    let meta = Arc::clone(&held.meta);
    let request = &transition.request;
    let expires = request.expires_at.filter(|_| !request.status.is_terminal());
    let deadline = request.next_due().into_iter().chain(expires).min();
    let owed = held.resolve_after.filter(|at| *at <= now);
    let unresolved = owed.map(|_| Unresolved { request_id: request.id.0, sequence: request.last_sequence });
    let handed = held.published && shared.fresh.hand(|| Outgoing::of(&transition, &meta, deliveries));
    shared.signals.committed(deadline, unresolved, handed);
    if let Some(waiting) = shared.waiting.get(&request.id) {
        waiting.notify_one();
    }
    let known = loaded.as_ref().map_or(0, |before| before.request.tasks.len());
    for task in request.tasks.iter().skip(known) {
        shared.tasks.insert(task.id, request.id);
    }
    *loaded = Some(held);
    Arc::new(Applied { transition, meta, updated_at: now })
}

/// Whether the policy admits such a request.
async fn check(shared: &Shared, new: &NewRequest, version: &Version, asked: &Create) -> Result<(), Error> {
    if !shared.options.any_artifact_type {
        version.check_artifact_type(&new.body.artifact_type)?;
    }
    version.check_context(&asked.context, &new.subject, &shared.validations).await
}

fn to_create(id: RequestId, new: &NewRequest, version: &Version) -> Create {
    let context = &new.body.context;
    let evidence = Evidence::of(context);
    Create {
        id,
        requester: new.body.requester.clone().unwrap_or_else(|| new.subject.clone()),
        source_service: new.subject.clone(),
        context: Arc::clone(context),
        context_sha256: evidence.sha256,
        context_told: evidence.bytes <= MOST_TOLD,
        expires_at: new.body.expires_at,
        policy_sha256: version.text_sha256.clone(),
    }
}

fn to_meta(new: &NewRequest, policy_version: i32) -> Meta {
    Meta {
        policy_key: new.body.policy_key.clone(),
        policy_version,
        artifact_type: new.body.artifact_type.clone(),
        artifact_id: new.body.artifact_id.clone(),
        callback_url: new.body.callback_url.clone(),
        callback_secret_id: new.body.callback_secret_id,
        callback_events: new.body.callback_events.clone(),
    }
}

fn to_idempotency(
    new: &NewRequest,
    key: &str,
    transition: &Transition,
    meta: &Meta,
) -> Result<Idempotency, Error> {
    Ok(Idempotency {
        subject: new.subject.clone(),
        key: key.to_owned(),
        body: shapes::body_of(new)?,
        response: shapes::stored(&shapes::created(&transition.request, meta))?,
    })
}
