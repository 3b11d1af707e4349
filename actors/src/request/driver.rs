//! Carries out every command: load, decide, commit, and again when somebody else was first.

use super::audit;
use super::evidence::Evidence;
use super::measured;
use super::message::{Applied, NewRequest, Order};
use super::question::{self, Due};
use super::shared::Shared;
use crate::catalog::Version;
use crate::delivery::Room;
use crate::people::{self, Decided};
use crate::signals::{News, Unresolved};
use crate::{Error, clock, shapes};
use engine::command::{Command, Create, Environment, Transition};
use engine::ids::{IdSource, RequestId};
use engine::policy::Policy;
use outbound::Backoff;
use std::sync::Arc;
use std::time::Duration;
use store::commit::{Commit, Committed, Idempotency, Meta};
use store::deliveries::Destination;
use store::once::Once;
use store::requests::Loaded;
use time::OffsetDateTime;
use uuid::Uuid;

/// How often a command is decided before the caller is told to retry.
const ROUNDS: u32 = 12;
/// Largest context, as canonical JSON, that the first event of a request repeats: events go to the bus, which takes
/// a message of 1 MiB at most, and to webhooks.
const MOST_TOLD: usize = 64 * 1024;
/// Pauses between rounds.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(64));

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
            // Another version may have been activated since this one was cached. A refusal is not committed, so no
            // commit would notice.
            shared.catalog.refresh().await?;
            current = true;
            continue;
        }
        let now = now();
        let mut commit = decide_create(shared, id, new, &version, asked, now).await?;
        commit.epoch = Some(snapshot.epoch);
        if let Some(applied) = commit_and_keep(shared, loaded, commit, (&version, now)).await? {
            return Ok(applied);
        }
        shared.catalog.refresh().await?;
        pause(round).await;
    }
    Err(Error::Overloaded)
}

/// Asks the engine about a create.
async fn decide_create(
    shared: &Shared,
    id: RequestId,
    new: &NewRequest,
    version: &Version,
    asked: Create,
    now: OffsetDateTime,
) -> Result<Commit, Error> {
    let policy = &version.policy;
    let mut asked = Some(asked);
    let decided = people::decide(&shared.catalog.people, now, false, |delegations| {
        let env = Environment { policy, delegations, now };
        let asked = asked.take().unwrap_or_else(|| to_create(id, new, version));
        Ok(engine::command::create(&env, asked, &mut Ids))
    });
    let Decided { what, relied } = decided.await??;
    let (transition, meta) = (Arc::new(what), Arc::new(to_meta(new, policy.version)));
    let key = new.idempotency_key.as_ref();
    let idempotency = key.map(|key| to_idempotency(new, key, (&transition, &meta, policy))).transpose()?;
    let mut commit = Commit::new(None, transition, meta);
    commit.relied = relied;
    commit.idempotency = idempotency;
    commit.resolve_after = (!commit.transition.request.pending_rules(policy).is_empty()).then_some(now);
    Ok(commit)
}

pub(super) async fn apply(
    shared: &Shared,
    id: RequestId,
    Order { command, once }: &Order,
    loaded: &mut Option<Loaded>,
) -> Result<Arc<Applied>, Error> {
    for round in 0..ROUNDS {
        let fresh = loaded.is_none();
        if fresh {
            *loaded = shared.store.load_request(id).await?;
        }
        let Some(before) = loaded.clone() else { return Err(Error::UnknownRequest) };
        let now = now();
        let version = shared.catalog.version(before.request.policy_id).await?;
        let mut commit = match decide(shared, &before, command, &version.policy, now).await {
            // Another replica may have changed the request since it was cached, so a refusal counts only on a state
            // just loaded.
            Err(Error::Refused(_)) if !fresh => {
                *loaded = None;
                continue;
            }
            decided => decided?,
        };
        if let Some(once) = once {
            commit.idempotency = shapes::keyed(once, command, &applied(&commit, &version, now))?;
        }
        if commit.transition.events.is_empty() {
            if fresh {
                note_unchanged(shared, id, commit.idempotency.as_ref()).await?;
                return Ok(applied(&commit, &version, now));
            }
            *loaded = None;
            continue;
        }
        if let Some(applied) = commit_and_keep(shared, loaded, commit, (&version, now)).await? {
            return Ok(applied);
        }
        refuse_taken(shared, once.as_ref()).await?;
        pause(round).await;
    }
    Err(Error::Overloaded)
}

/// Notes the answer to a command that changed nothing: there is no commit that would.
async fn note_unchanged(shared: &Shared, id: RequestId, key: Option<&Idempotency>) -> Result<(), Error> {
    let Some(Idempotency { once, response }) = key else { return Ok(()) };
    Ok(shared.store.note_answer(once, Some(id.0), response).await?)
}

/// A commit may be refused for its key alone, and then deciding again would not help.
async fn refuse_taken(shared: &Shared, once: Option<&Once>) -> Result<(), Error> {
    let Some(Once { subject, key, .. }) = once else { return Ok(()) };
    if shared.store.is_answered(subject, key).await? { Err(Error::KeyTaken) } else { Ok(()) }
}

/// Asks the engine about a command.
async fn decide(
    shared: &Shared,
    before: &Loaded,
    command: &Command,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Commit, Error> {
    let decided = people::decide(&shared.catalog.people, now, false, |delegations| {
        let env = Environment { policy, delegations, now };
        engine::command::apply(&env, &before.request, command.clone(), &mut Ids)
    });
    let Decided { what, relied } = decided.await??;
    let transition = Arc::new(what);
    let Due { at, attempt } = question::next(policy, before, &transition.request, command, now);
    let decided_on = Some((Arc::clone(&before.request), before.row_version));
    let mut commit = Commit::new(decided_on, transition, Arc::clone(&before.meta));
    commit.relied = relied;
    commit.audit = audit::of(command, &before.request, &commit.transition.request);
    (commit.resolve_after, commit.resolve_attempt) = (at, attempt);
    Ok(commit)
}

/// Commits a decision and keeps the new state. `None`: the commit was stale, so the command must be decided again.
async fn commit_and_keep(
    shared: &Shared,
    loaded: &mut Option<Loaded>,
    mut commit: Commit,
    (version, now): (&Arc<Version>, OffsetDateTime),
) -> Result<Option<Arc<Applied>>, Error> {
    let to = commit.destination();
    let room = to.as_ref().and_then(|to| shared.rooms.get()?.find(to));
    commit.lease = room.as_ref().map(Room::lease);
    let commit = Arc::new(commit);
    match shared.committer.commit(Arc::clone(&commit)).await {
        Ok(committed) => {
            keep(shared, loaded, &commit, &committed, (to, now));
            match room {
                Some(room) if committed.leased => room.hand(commit.leased()),
                Some(room) => room.unused(),
                None => {}
            }
            Ok(Some(applied(&commit, version, now)))
        }
        Err(store::Error::Stale) => {
            room.into_iter().for_each(Room::unused);
            *loaded = None;
            shared.catalog.people.forget(&commit.transition.looked_at);
            Ok(None)
        }
        Err(error) => {
            // It is unknown what was written, unless the database refused it.
            if !matches!(error, store::Error::Unavailable(..)) {
                room.into_iter().for_each(Room::unused);
            }
            *loaded = None;
            Err(error.into())
        }
    }
}

/// The time, to the microsecond as Postgres keeps it: what is answered must equal what is read later.
fn now() -> OffsetDateTime {
    let now = clock::now();
    now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
}

async fn pause(round: u32) {
    tokio::time::sleep(BACKOFF.jittered(round + 1, rand::random_range(0.5..1.0))).await;
}

/// Keeps the committed state, hands its events to the relay, and wakes whoever waits for it.
fn keep(
    shared: &Shared,
    loaded: &mut Option<Loaded>,
    commit: &Commit,
    committed: &Committed,
    (to, now): (Option<Destination>, OffsetDateTime),
) {
    let request = &commit.transition.request;
    measured::transition(&commit.transition);
    let (known, published) =
        loaded.as_ref().map_or((0, true), |before| (before.request.tasks.len(), before.published));
    let expires = request.expires_at.filter(|_| !request.status.is_terminal());
    let deadline = request.next_due().into_iter().chain(expires).min();
    let owed = commit.resolve_after.filter(|at| *at <= now);
    let unresolved = owed.map(|_| Unresolved { request_id: request.id.0, sequence: request.last_sequence });
    let handed = published && shared.fresh.hand(|| commit.outgoing(committed));
    let undelivered = to.filter(|_| !committed.leased);
    shared.signals.committed(News { deadline, unresolved, undelivered, handed });
    if let Some(waiting) = shared.waiting.get(&request.id) {
        waiting.notify_one();
    }
    for task in request.tasks.iter().skip(known) {
        shared.tasks.insert(task.id, request.id);
    }
    *loaded = Some(Loaded {
        request: Arc::clone(request),
        meta: Arc::clone(&commit.meta),
        row_version: committed.row_version,
        resolve_after: commit.resolve_after,
        resolve_attempt: commit.resolve_attempt,
        published,
    });
}

fn applied(commit: &Commit, version: &Arc<Version>, now: OffsetDateTime) -> Arc<Applied> {
    let transition = Arc::clone(&commit.transition);
    Arc::new(Applied {
        updated_at: transition.events.last().map_or(now, |event| event.occurred_at),
        meta: Arc::clone(&commit.meta),
        version: Arc::clone(version),
        unresolved: commit.resolve_after.is_some(),
        transition,
    })
}

/// Whether the policy accepts such a request.
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
        title: new.body.title.clone(),
        summary: new.body.summary.clone(),
        artifact_url: new.body.artifact_url.clone(),
        callback_url: new.body.callback_url.clone(),
        callback_secret_id: new.body.callback_secret_id,
        callback_events: new.body.callback_events.clone(),
    }
}

fn to_idempotency(
    new: &NewRequest,
    key: &str,
    (transition, meta, policy): (&Transition, &Meta, &Policy),
) -> Result<Idempotency, Error> {
    let asked = shapes::body_of(&new.body)?;
    Ok(Idempotency {
        once: Once { subject: new.subject.clone(), key: key.to_owned(), asked },
        response: shapes::stored(&shapes::created(&transition.request, meta, policy))?,
    })
}
