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
mod janitor;
mod measured;
mod message;
mod options;
mod question;
mod registry;
mod shared;

pub(crate) use janitor::Janitor;
pub(crate) use message::{Applied, Message, Order};
pub use message::{Created, NewRequest};
pub use options::RequestOptions;
pub(crate) use shared::Shared;

use crate::Error;
use engine::ids::RequestId;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use registry::drain;
use serde_json::Value;
use std::sync::Arc;
use telemetry::measure;
use tracing::Instrument;

pub(crate) struct RequestActor;

pub(crate) struct State {
    id: RequestId,
    shared: Arc<Shared>,
    loaded: Option<store::requests::Loaded>,
    /// Bytes of the context, which never changes; `None` until counted.
    context: Option<usize>,
}

/// Bytes that the states of all live requests may take together, so that a few with large contexts or many seats
/// cannot fill the memory.
const MOST_HELD: u64 = 256 * 1024 * 1024;
/// Bytes of a task or decision without its texts, roughly.
const ROW: usize = 512;

impl Actor for RequestActor {
    type Msg = Message;
    type State = State;
    type Arguments = (RequestId, Arc<Shared>);

    async fn pre_start(
        &self,
        _: ActorRef<Message>,
        (id, shared): (RequestId, Arc<Shared>),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { id, shared, loaded: None, context: None })
    }

    async fn handle(
        &self,
        me: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // Boxed, because the memory of an actor includes the future of its largest command several times over, even
        // while it waits.
        match message {
            Message::Create(new, origin, reply) => {
                measure::waited_for_actor(origin.age());
                let creating = async {
                    let created = driver::create(&state.shared, state.id, &new, &mut state.loaded);
                    created.instrument(tracing::debug_span!("create", awe.request.id = %state.id.0)).await
                };
                let answer = Box::pin(origin.around(creating)).await;
                finish(&me, state, answer, reply);
            }
            Message::Apply(order, origin, reply) => {
                measure::waited_for_actor(origin.age());
                let applying = async {
                    let applied = driver::apply(&state.shared, state.id, &order, &mut state.loaded);
                    let command = order.command.name();
                    applied
                        .instrument(tracing::debug_span!("apply", command, awe.request.id = %state.id.0))
                        .await
                };
                let answer = Box::pin(origin.around(applying)).await;
                finish(&me, state, answer, reply);
            }
            #[cfg(test)]
            Message::Crash => panic!("crash on demand"),
        }
        Ok(())
    }
}

impl State {
    fn weight(&mut self) -> u64 {
        let Some(loaded) = &self.loaded else { return 0 };
        let request = &loaded.request;
        let context = *self.context.get_or_insert_with(|| weight(&request.context));
        let said: usize = request.decisions.iter().filter_map(|d| d.comment.as_ref().map(String::len)).sum();
        let rows = (request.tasks.len() + request.decisions.len()) * ROW;
        (context + rows + said) as u64
    }
}

/// Bytes that a JSON value takes in memory, roughly.
fn weight(value: &Value) -> usize {
    /// A node of a map, which has room for eleven entries.
    const NODE: usize = 640;
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(map) => {
                let entries: usize = map.iter().map(|(key, value)| key.len() + weight(value)).sum();
                entries + map.len().div_ceil(6) * NODE
            }
        }
}

fn finish(
    me: &ActorRef<Message>,
    state: &mut State,
    answer: Result<Arc<Applied>, Error>,
    reply: RpcReplyPort<Result<Arc<Applied>, Error>>,
) {
    let live = state.loaded.as_ref().is_some_and(|loaded| !loaded.request.status.is_terminal());
    let full = state.shared.registry.len() > state.shared.options.max_live;
    let weight = state.weight();
    if !live || full || state.shared.registry.weigh(state.id, weight, MOST_HELD) {
        state.shared.registry.remove(state.id, me);
        drain(me);
    }
    // A caller that has given up does not need the answer.
    let _ = reply.send(answer);
}
