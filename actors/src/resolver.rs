//! Resolves approvers: asks the directory about the rules that need one. An answer that is owed is a row
//! (`resolve_after`), so a question that fails or is slow is asked again, with growing pauses, until it succeeds or
//! the request ends.
//!
//! Cast: the queue says which requests owe an answer; the poll finds those that no message announced. Both claim the
//! row first, so a request is resolved once whoever hears of it first. A bounded number of requests is resolved at
//! the same time, each for at most [`PATIENCE`], so a slow directory slows others down and never stops them.

use crate::Error;
use crate::background::{self, Job};
use crate::catalog::Catalog;
use crate::clock;
use crate::directory::{Directory, Question};
use crate::handle::Requests;
use crate::loops::Loops;
use crate::queue::{self, Follower};
use bus::{Bus, Work};
use engine::command::Command;
use engine::ids::{RequestId, RuleId};
use engine::policy::{Policy, Rule, RuleSource};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use outbound::DirectoryError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::requests::Loaded;
use store::traces::Last;
use telemetry::measure;
use telemetry::trace::Trace;
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

/// Lease of a claimed request.
const LEASE: Duration = Duration::from_secs(60);
/// Most time for all rules of a request together; well within the lease.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often an idle resolver looks without a signal.
const LOOK: Duration = Duration::from_secs(4);
/// Pause when what is due has been leased by others, or is not due yet by the clock of the database.
const TAKEN: Duration = Duration::from_millis(50);
/// Rules of one request asked at the same time.
const RULES_AT_ONCE: usize = 4;
/// Most groups of stages resolved one after the other, when each seats nobody. More come with the next claim.
const ROUNDS: usize = 64;

/// Users by rule.
type Answers = BTreeMap<RuleId, Vec<String>>;

/// Bounds of the resolver.
#[derive(Debug, Clone, Copy)]
pub struct ResolverOptions {
    /// Requests resolved at the same time.
    pub concurrency: usize,
}

/// The resolver role of this process.
pub(crate) struct Resolver {
    worker: Worker,
}

impl Resolver {
    pub(crate) fn new(
        store: Store,
        requests: Requests,
        catalog: Arc<Catalog>,
        directory: Arc<dyn Directory>,
        options: ResolverOptions,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(options.concurrency.max(1)));
        Self { worker: Worker { store, requests, catalog, directory, slots, tasks: TaskTracker::new() } }
    }

    /// Starts consuming the queue and polling. `wake` makes the poll look at once.
    pub(crate) fn start(&self, bus: Option<Bus>, wake: Arc<Notify>, loops: &Loops) {
        if let Some(bus) = bus {
            queue::follow(loops, self.worker.clone(), bus);
        }
        background::start(loops, Poll { worker: self.worker.clone() }, wake);
    }

    /// Lets questions under way finish within `deadline`. The others are asked again when their lease runs out.
    pub(crate) async fn stop(self, deadline: Duration) {
        self.worker.tasks.close();
        let _ = tokio::time::timeout(deadline, self.worker.tasks.wait()).await;
    }
}

#[derive(Clone)]
struct Worker {
    store: Store,
    requests: Requests,
    catalog: Arc<Catalog>,
    directory: Arc<dyn Directory>,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Follower for Worker {
    const NAME: &'static str = "resolver";

    async fn pull(&self, bus: &Bus) -> Result<Work, Error> {
        Ok(bus.resolve_queue().await?)
    }

    async fn take(&self, requests: Vec<Uuid>) -> Result<(), Error> {
        for id in requests {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return Ok(()) };
            if self.store.lease_resolution(RequestId(id), LEASE).await? {
                self.spawn(RequestId(id), slot);
            }
        }
        Ok(())
    }
}

impl Worker {
    fn spawn(&self, id: RequestId, slot: tokio::sync::OwnedSemaphorePermit) {
        let worker = self.clone();
        self.tasks.spawn(async move {
            let began = Instant::now();
            let last = worker.store.last_of(id).await;
            let resolved = worker.resolve_within(id, last).await;
            measure::resolved(if resolved.is_ok() { "resolved" } else { "failed" }, began.elapsed());
            if let Err(error) = resolved {
                tracing::warn!(request.id = %id.0, %error, "a request was not resolved; its lease runs out");
            }
            drop(slot);
        });
    }

    /// The first attempt is part of the trace of what made it necessary; a later one begins a trace and links to it.
    /// Who is asked is told that place where no span of ours is recorded.
    async fn resolve_within(&self, id: RequestId, last: Option<Last>) -> Result<(), Error> {
        let make =
            || tracing::debug_span!(parent: None, "resolve", otel.kind = "consumer", awe.request.id = %id.0);
        let (trace, is_first) = last.map_or((None, true), |last| (last.trace, last.failed_resolutions == 0));
        let span = match &trace {
            Some(trace) if is_first => trace.within(make),
            trace => telemetry::trace::about(trace, make),
        };
        let resolving = async {
            let place = Trace::current().map_or(trace, |_| None);
            Trace::around(place, self.resolve(id)).await
        };
        resolving.instrument(span).await
    }

    /// Answers the questions of a request, and those that follow when nobody is seated.
    async fn resolve(&self, id: RequestId) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let Some(loaded) = self.store.load_request(id).await? else { return Ok(()) };
            let version = self.catalog.version(loaded.request.policy_id).await?;
            let policy = &version.policy;
            let asked = loaded.request.pending_rules(policy);
            if asked.is_empty() {
                return Ok(());
            }
            let (answers, failed) = self.answers(policy, &asked, &loaded).await;
            // A stage that cannot be answered does not keep others from going on.
            if !answers.is_empty() {
                self.tell(id, Command::Resolved { answers }).await?;
            }
            if let Some(error) = failed {
                return self.tell(id, Command::ResolutionFailed { reason: error.to_string() }).await;
            }
        }
        Ok(())
    }

    async fn tell(&self, id: RequestId, command: Command) -> Result<(), Error> {
        match self.requests.apply(id, command).await {
            Ok(_) | Err(Error::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The answers to these rules, and the error of one that could not be answered.
    async fn answers(
        &self,
        policy: &Policy,
        asked: &[RuleId],
        loaded: &Loaded,
    ) -> (Answers, Option<DirectoryError>) {
        let rules = policy.stages.iter().flat_map(|stage| stage.rules.iter().chain(&stage.escalation_rules));
        let rules: Vec<&Rule> = rules.filter(|rule| asked.contains(&rule.id)).collect();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let questions: Vec<_> = rules
            .into_iter()
            .map(|rule| {
                let asked = tokio::time::timeout_at(deadline, self.ask(rule, loaded));
                let late = || DirectoryError::Unavailable(format!("no answer within {PATIENCE:?}"));
                asked.map(move |answer| (rule.id, answer.unwrap_or_else(|_| Err(late())))).boxed()
            })
            .collect();
        let mut answered = stream::iter(questions).buffered(RULES_AT_ONCE);
        let (mut answers, mut failed) = (Answers::new(), None);
        while let Some((rule, answer)) = answered.next().await {
            match answer {
                Ok(users) => {
                    answers.insert(rule, users);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        (answers, failed)
    }

    async fn ask(&self, rule: &Rule, loaded: &Loaded) -> Result<Vec<String>, DirectoryError> {
        let RuleSource::External { rule_type, value } = &rule.source else { return Ok(Vec::new()) };
        let question = Question {
            rule_type,
            rule_value: value,
            context: &loaded.request.context,
            caller: &loaded.request.source_service,
            callback_secret_id: loaded.meta.callback_secret_id,
        };
        self.directory.users(question).await
    }
}

struct Poll {
    worker: Worker,
}

impl Job for Poll {
    const NAME: &'static str = "resolver poll";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        let worker = &self.worker;
        // Asked first, because most often nothing is due: a process at rest then makes one statement and no two.
        let next = worker.store.next_resolution().await?;
        let wait = next.map_or(LOOK, |at| Duration::try_from(at - clock::now()).unwrap_or(Duration::ZERO));
        if !wait.is_zero() {
            return Ok(wait.min(LOOK));
        }
        // Claims no more than can begin at once, so that no lease runs out while its request waits for a slot.
        let Ok(first) = Arc::clone(&worker.slots).acquire_owned().await else { return Ok(LOOK) };
        let mut free = vec![first];
        while let Ok(slot) = Arc::clone(&worker.slots).try_acquire_owned() {
            free.push(slot);
        }
        let limit = i64::try_from(free.len()).unwrap_or(i64::MAX);
        let owed = worker.store.lease_resolutions(LEASE, limit).await?;
        let nothing = owed.is_empty();
        for (id, slot) in owed.into_iter().zip(free) {
            worker.spawn(id, slot);
        }
        Ok(if nothing { TAKEN } else { Duration::ZERO })
    }
}
