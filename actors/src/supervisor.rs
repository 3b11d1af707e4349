//! Supervisors that outlive their children. A child that dies takes nobody with it: the next message to its request
//! starts a new one from the database.

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};

/// Supervisors share the children among them, since linking to one costs a lock of its own.
const SHARDS: usize = 8;

pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    // The default ends the supervisor when any child ends.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, error) = event {
            tracing::error!(actor = %who.get_id(), %error, "an actor failed; another takes its place when needed");
        }
        Ok(())
    }
}

pub(crate) async fn start() -> Result<Vec<ActorCell>, ractor::SpawnErr> {
    let mut supervisors = Vec::with_capacity(SHARDS);
    for _ in 0..SHARDS {
        supervisors.push(Actor::spawn(None, Supervisor, ()).await?.0.get_cell());
    }
    Ok(supervisors)
}
