//! The only public door to request actors.

mod first_tasks;
mod policy_replay;
mod progress;
mod replay;
mod simulate;

use crate::directory::Directory;
use crate::request::{Applied, Created, Message, NewRequest, Order, RequestActor, Shared};
use crate::{Error, shapes};
use engine::command::{Caller, Command};
use engine::ids::{RequestId, TaskId};
use engine::request::Action;
use ractor::rpc::CallResult;
use ractor::{Actor, ActorRef, RpcReplyPort};
use schemas::api::decision::{DecisionIn, DecisionOut};
use schemas::api::request::{CancelRequest, RequestOut};
use schemas::api::task::{ReassignTaskIn, TaskOut};
use std::sync::Arc;
use std::time::Instant;
use store::once::Once;
use telemetry::{Origin, measure};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Sends commands to requests, whether their actor is live or not. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Requests {
    shared: Arc<Shared>,
    in_flight: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    directory: Arc<dyn Directory>,
    once: Option<Once>,
}

/// Most creates that wait for their first tasks; others are answered immediately.
const MOST_WAITING: usize = 256;
/// How often a command looks for a live actor before it gives up. Each failure means that one has just ended.
const LOOKS: usize = 4;

impl Requests {
    pub(crate) fn new(shared: Arc<Shared>, directory: Arc<dyn Directory>) -> Self {
        let in_flight = Arc::new(Semaphore::new(shared.options.max_in_flight));
        Self { shared, in_flight, waiting: Arc::new(Semaphore::new(MOST_WAITING)), directory, once: None }
    }

    /// The same door for a command that is given under a key: the key is noted together with what is done, or neither
    /// is. [`Error::KeyTaken`] then says that something was asked for under it before.
    #[must_use]
    pub fn under(&self, once: Option<&Once>) -> Self {
        Self { once: once.cloned(), ..self.clone() }
    }

    /// Creates a request, once per idempotency key. When its approvers must be asked for, it waits a moment for the
    /// first tasks.
    ///
    /// # Errors
    /// [`Error::NoActivePolicy`], [`Error::Context`], [`Error::IdempotencyMismatch`], [`Error::Overloaded`], [`Error::Unavailable`],
    /// [`Error::Unanswered`].
    pub async fn create(&self, new: NewRequest) -> Result<Created, Error> {
        let new = Arc::new(new);
        let refused = match self.commit(&new).await {
            Ok(applied) => return Ok(Created { answer: self.answer(&applied, &new).await, replayed: false }),
            Err(error) => error,
        };
        // Whatever the reason, a stored first answer takes precedence. A database that is away has none to give,
        // though, and asking it would only make the caller wait twice.
        match refused {
            Error::Overloaded | Error::Unavailable(_) | Error::Unanswered => Err(refused),
            // The first answer has been deleted meanwhile, so a repeated call would be a first one again.
            Error::KeyTaken => self.first_answer(&new).await?.ok_or(Error::Overloaded),
            _ => self.first_answer(&new).await?.ok_or(refused),
        }
    }

    async fn commit(&self, new: &Arc<NewRequest>) -> Result<Arc<Applied>, Error> {
        let _permit = self.in_flight.try_acquire().map_err(|_| Error::Overloaded)?;
        let id = RequestId(Uuid::now_v7());
        self.call(id, |origin, reply| Message::Create(Arc::clone(new), origin, reply)).await
    }

    /// Decides a task.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], [`Error::Refused`], [`Error::Invalid`] for an unknown action, [`Error::KeyTaken`],
    /// [`Error::Overloaded`], [`Error::Unavailable`].
    pub async fn decide(
        &self,
        caller: Caller,
        task_id: Uuid,
        body: DecisionIn,
    ) -> Result<DecisionOut, Error> {
        let action = Action::parse(&body.action).ok_or_else(|| Error::Invalid {
            field: "action".to_owned(),
            message: format!("must be one of {}", Action::WORDS.join(", ")),
        })?;
        let command = Command::Decide {
            caller,
            task_id: TaskId(task_id),
            action,
            comment: body.comment,
            attachments_ref: body.attachments_ref,
            artifact_digest: body.artifact_digest,
        };
        let began = Instant::now();
        let request_id = self.request_of(task_id).await?;
        let applied = self.apply(request_id, command).await?;
        measure::decided(action.as_str(), began.elapsed());
        let decision = applied.transition.decision.as_ref();
        let out = decision.map(|d| shapes::decision(&applied.transition.request, d));
        out.ok_or_else(|| Error::Internal("a decision was written but not returned".to_owned()))
    }

    /// Claims a task.
    ///
    /// # Errors
    /// As [`Requests::decide`].
    pub async fn claim(&self, caller: Caller, task_id: Uuid) -> Result<TaskOut, Error> {
        let request_id = self.request_of(task_id).await?;
        let command = Command::Claim { caller, task_id: TaskId(task_id) };
        let applied = self.apply(request_id, command).await?;
        task_out(&applied, TaskId(task_id))
    }

    /// Moves a task to somebody else and returns the new task.
    ///
    /// # Errors
    /// As [`Requests::decide`].
    pub async fn reassign(
        &self,
        caller: Caller,
        task_id: Uuid,
        body: ReassignTaskIn,
    ) -> Result<TaskOut, Error> {
        let request_id = self.request_of(task_id).await?;
        let command = Command::Reassign {
            caller,
            task_id: TaskId(task_id),
            new_assignee: body.new_assignee,
            reason: body.reason,
        };
        let applied = self.apply(request_id, command).await?;
        task_out(&applied, applied.transition.task_id.unwrap_or(TaskId(task_id)))
    }

    /// Cancels a request.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`] and as [`Requests::decide`].
    pub async fn cancel(
        &self,
        caller: Caller,
        request_id: Uuid,
        body: CancelRequest,
    ) -> Result<RequestOut, Error> {
        let command = Command::Cancel { caller, reason: body.reason };
        let applied = self.apply(RequestId(request_id), command).await?;
        shapes::request(&applied.transition.request, &applied.meta, applied.updated_at)
    }

    /// Whether the staff directory knows an enabled user with this id; `None` when it cannot tell.
    pub async fn may_sit(&self, user: &str) -> Option<bool> {
        self.shared.catalog.people.register.may_sit(user).await
    }

    pub(crate) async fn apply(&self, id: RequestId, command: Command) -> Result<Arc<Applied>, Error> {
        let _permit = self.in_flight.try_acquire().map_err(|_| Error::Overloaded)?;
        let order = Arc::new(Order { command, once: self.once.clone() });
        self.call(id, |origin, reply| Message::Apply(Arc::clone(&order), origin, reply)).await
    }

    /// The request that a task belongs to.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], [`Error::Unavailable`].
    pub async fn request_of(&self, task_id: Uuid) -> Result<RequestId, Error> {
        if let Some(known) = self.shared.tasks.get(&TaskId(task_id)) {
            return Ok(known);
        }
        self.shared.store.request_of_task(task_id).await?.ok_or(Error::UnknownTask)
    }

    /// Sends a message to the live actor of the request, or starts one. A message that the actor did not take is sent
    /// to the next one. A message that was taken and not answered is not repeated, because it may have been carried
    /// out.
    async fn call(
        &self,
        id: RequestId,
        message: impl Fn(Origin, RpcReplyPort<Result<Arc<Applied>, Error>>) -> Message,
    ) -> Result<Arc<Applied>, Error> {
        let origin = Origin::here();
        for _ in 0..LOOKS {
            let actor = self.actor(id).await?;
            let message = |reply| message(origin.clone(), reply);
            match actor.call(message, Some(self.shared.options.command_timeout)).await {
                Ok(CallResult::Success(answer)) => return answer,
                Ok(CallResult::Timeout) => return Err(Error::Unanswered),
                Ok(CallResult::SenderError) => {
                    self.shared.registry.remove(id, &actor);
                    return Err(Error::Unanswered);
                }
                Err(_) => self.shared.registry.remove(id, &actor),
            }
        }
        Err(Error::Overloaded)
    }

    async fn actor(&self, id: RequestId) -> Result<ActorRef<Message>, Error> {
        if let Some(actor) = self.shared.registry.get(id) {
            return Ok(actor);
        }
        let supervisor = self.shared.registry.supervisor_of(id);
        let arguments = (id, Arc::clone(&self.shared));
        let (actor, _) = Actor::spawn_linked(None, RequestActor, arguments, supervisor)
            .await
            .map_err(|e| Error::Internal(format!("an actor could not be started: {e}")))?;
        match self.shared.registry.insert(id, actor.clone()) {
            Ok(()) => Ok(actor),
            Err(other) => {
                actor.stop(None);
                Ok(other)
            }
        }
    }
}

fn task_out(applied: &Applied, id: TaskId) -> Result<TaskOut, Error> {
    shapes::task_by_id(&applied.transition.request, id, &applied.meta, &applied.version.policy)
        .ok_or(Error::UnknownTask)
}
