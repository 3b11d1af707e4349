//! What one command knows of the people it looks at: their delegations, from memory where it has them, and whether the
//! staff directory knows them.
//!
//! The engine does no IO, so a command is asked of it with what is known so far; it says whom it looked at, what was
//! not known of them is read, and it is asked again where that may change anything. The commit names the number of each
//! person's last change, so that memory that has fallen behind costs a second look and never a wrong seat.

use crate::Error;
use crate::directory::Directory;
use crate::register::Register;
use engine::command::{Refusal, Transition};
use engine::delegation::{Delegations, LookedAt, MOST_HOPS};
use engine::simulate::SimulatedStage;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::catalog::DelegationsOf;
use time::OffsetDateTime;

/// People remembered, most of them for having no delegation.
const REMEMBERED: u64 = 50_000;
/// Rounds of the engine for one command: it may find people behind the people that it looked at.
const ROUNDS: usize = 8;

/// The delegations that this process has read, and the directory. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    store: Store,
    pub(crate) register: Register,
    known: moka::sync::Cache<String, Arc<DelegationsOf>>,
}

impl Memory {
    pub(crate) fn new(store: Store, directory: Arc<dyn Directory>) -> Self {
        Self { store, register: Register::new(directory), known: moka::sync::Cache::new(REMEMBERED) }
    }

    /// Waits for questions to the directory that are under way, at most `deadline`.
    pub(crate) async fn stop(&self, deadline: Duration) {
        self.register.stop(deadline).await;
    }

    /// Something was decided on what is no longer true: it is read again when it is next wanted.
    pub(crate) fn forget(&self, looked_at: &LookedAt) {
        for user in &looked_at.delegations_of {
            self.known.invalidate(user);
        }
    }

    async fn read(
        &self,
        users: Vec<String>,
        now: OffsetDateTime,
    ) -> Result<HashMap<String, Arc<DelegationsOf>>, Error> {
        let found = self.store.delegations_of(&users, now).await?;
        let found: HashMap<_, _> = found.into_iter().map(|(user, of)| (user, Arc::new(of))).collect();
        for (user, of) in &found {
            self.known.insert(user.clone(), Arc::clone(of));
        }
        Ok(found)
    }
}

/// A decision, and what it holds by.
#[derive(Debug)]
pub(crate) struct Decided<T> {
    pub(crate) what: T,
    /// People whose delegations counted, each with the number of the last change that was known.
    pub(crate) relied: Vec<(String, i64)>,
}

/// Whatever tells whom it looked at.
pub(crate) trait Looks {
    fn looked_at(&self) -> LookedAt;
}

impl Looks for Transition {
    fn looked_at(&self) -> LookedAt {
        self.looked_at.clone()
    }
}

impl Looks for Vec<SimulatedStage> {
    fn looked_at(&self) -> LookedAt {
        let mut all = LookedAt::default();
        self.iter().for_each(|stage| all.extend(stage.looked_at.clone()));
        all
    }
}

/// What is known of the people that one command looks at.
#[derive(Debug, Default)]
struct Known {
    of: HashMap<String, Arc<DelegationsOf>>,
    /// Looked up in the directory, whatever came of it.
    checked: BTreeSet<String>,
    unknown: Vec<String>,
    delegations: Delegations,
}

/// Asks the engine until it has looked at nobody of whom more is to be known. With `fresh`, memory is not believed.
pub(crate) async fn decide<T: Looks>(
    memory: &Memory,
    now: OffsetDateTime,
    fresh: bool,
    mut ask: impl FnMut(&Delegations) -> Result<T, Refusal>,
) -> Result<Result<Decided<T>, Refusal>, Error> {
    let mut known = Known::default();
    for _ in 0..ROUNDS {
        let what = match ask(&known.delegations) {
            Ok(what) => what,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let looked_at = what.looked_at();
        // Boxed: it is rare that anything must be read, and every command would carry its room.
        let more = Box::pin(async {
            let delegations = known.complete(memory, &looked_at, now, fresh).await?;
            Ok::<_, Error>(known.check(memory, &looked_at).await || delegations)
        });
        if !more.await? {
            return Ok(Ok(Decided { what, relied: known.relied(&looked_at) }));
        }
    }
    Err(Error::Overloaded)
}

impl Known {
    /// Gets what is not known of these people, and of whoever sits for them. Whether that may change a decision.
    async fn complete(
        &mut self,
        memory: &Memory,
        looked_at: &LookedAt,
        now: OffsetDateTime,
        fresh: bool,
    ) -> Result<bool, Error> {
        let mut matters = false;
        let mut wanted: BTreeSet<String> =
            looked_at.delegations_of.iter().filter(|user| !self.of.contains_key(*user)).cloned().collect();
        // The engine follows a chain no further.
        for _ in 0..=MOST_HOPS {
            if wanted.is_empty() {
                break;
            }
            let mut found = HashMap::new();
            if !fresh {
                let remembered = |user: &String| Some((user.clone(), memory.known.get(user)?));
                found.extend(wanted.iter().filter_map(remembered));
            }
            let missing: Vec<String> =
                wanted.iter().filter(|user| !found.contains_key(*user)).cloned().collect();
            if !missing.is_empty() {
                found.extend(memory.read(missing, now).await?);
            }
            let next: BTreeSet<String> = found.values().filter_map(|of| delegate(of, now)).collect();
            matters |= !next.is_empty();
            self.of.extend(found);
            wanted = next.into_iter().filter(|user| !self.of.contains_key(user)).collect();
        }
        if matters {
            self.gather();
        }
        Ok(matters)
    }

    /// Looks up who was named. Whether that may change a decision.
    async fn check(&mut self, memory: &Memory, looked_at: &LookedAt) -> bool {
        let named: BTreeSet<String> = looked_at.named.difference(&self.checked).cloned().collect();
        if named.is_empty() {
            return false;
        }
        let unknown = memory.register.unknown(&named).await;
        self.checked.extend(named);
        if unknown.is_empty() {
            return false;
        }
        self.unknown.extend(unknown);
        self.gather();
        true
    }

    fn gather(&mut self) {
        let all = self.of.values().flat_map(|of| of.delegations.iter().cloned());
        self.delegations = Delegations::new(all).with_unknown(self.unknown.iter().cloned());
    }

    fn relied(&self, looked_at: &LookedAt) -> Vec<(String, i64)> {
        let version = |user: &String| Some((user.clone(), self.of.get(user)?.version));
        looked_at.delegations_of.iter().filter_map(version).collect()
    }
}

/// Whom the newest delegation in force names.
fn delegate(of: &DelegationsOf, now: OffsetDateTime) -> Option<String> {
    let in_force = of.delegations.iter().find(|one| one.starts_at <= now && now < one.ends_at)?;
    Some(in_force.delegate_to.clone())
}
