//! One actor per live request: a cache and a queue. It serialises commands inside this process and keeps the
//! aggregate in memory, so that a decision costs one round trip.
//!
//! Authority: the row version in Postgres. When a commit is stale, another replica was first: the actor loads the
//! request again and decides again. A refusal counts only on a state that was loaded for this very command.
//!
//! Failures: refusals travel in the reply. When the database does not answer, the actor forgets its state, since it
//! cannot know what was written.

mod audit;
mod driver;
mod evidence;

pub(crate) use driver::{Applied, Shared};

use crate::Error;
use crate::handle::NewRequest;
use crate::supervisor::drain;
use engine::command::Command;
use engine::ids::RequestId;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use std::sync::Arc;

/// What a request actor is told.
pub(crate) enum Message {
    /// Become a new request.
    Create(Arc<NewRequest>, RpcReplyPort<Result<Arc<Applied>, Error>>),
    /// Apply a command.
    Apply(Arc<Command>, RpcReplyPort<Result<Arc<Applied>, Error>>),
    /// Die in the middle of a message: what a bug would do.
    #[cfg(test)]
    Crash,
}

pub(crate) struct RequestActor;

pub(crate) struct State {
    id: RequestId,
    shared: Arc<Shared>,
    loaded: Option<store::requests::Loaded>,
}

impl Actor for RequestActor {
    type Msg = Message;
    type State = State;
    type Arguments = (RequestId, Arc<Shared>);

    async fn pre_start(
        &self,
        _: ActorRef<Message>,
        (id, shared): (RequestId, Arc<Shared>),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { id, shared, loaded: None })
    }

    async fn handle(
        &self,
        me: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // Boxed, since an actor that waits for its next message has room for the largest future of all, several times.
        match message {
            Message::Create(new, reply) => {
                let answer = Box::pin(driver::create(&state.shared, state.id, &new, &mut state.loaded)).await;
                finish(&me, state, answer, reply);
            }
            Message::Apply(command, reply) => {
                let answer =
                    Box::pin(driver::apply(&state.shared, state.id, &command, &mut state.loaded)).await;
                finish(&me, state, answer, reply);
            }
            #[cfg(test)]
            Message::Crash => panic!("crash on demand"),
        }
        Ok(())
    }
}

fn finish(
    me: &ActorRef<Message>,
    state: &State,
    answer: Result<Arc<Applied>, Error>,
    reply: RpcReplyPort<Result<Arc<Applied>, Error>>,
) {
    let live = state.loaded.as_ref().is_some_and(|loaded| !loaded.request.status.is_terminal());
    let full = state.shared.registry.len() > state.shared.max_live;
    if !live || full {
        state.shared.registry.remove(state.id, me);
        drain(me);
    }
    // A caller that has given up does not need the answer.
    let _ = reply.send(answer);
}
