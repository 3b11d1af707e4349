//! Supervisors of actors, which outlive their children. The death of a child affects nobody else: the next message to
//! its request starts a new actor from the database.

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};

/// Number of supervisors. Linking a child takes a lock of its supervisor, so several share them.
const SHARDS: usize = 8;

pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    // The default would end the supervisor when any child ends.
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
