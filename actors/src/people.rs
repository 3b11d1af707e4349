//! What one command knows about the people it looks at: their delegations, from the cache where possible, and whether
//! the staff directory knows them.
//!
//! The engine does no IO. So it is asked with what is known so far and says whom it looked at
//! (`Transition::looked_at`); what was not known about these people is read, and it is asked again if that can change
//! its decision. The commit names the delegation version of each person, so a stale cache costs a second attempt and
//! never causes a wrong seat.

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

/// Most people cached; most of them have no delegation.
const REMEMBERED: u64 = 50_000;
/// Most times the engine is asked for one command: reading about a person can lead to another one.
const ROUNDS: usize = 8;

/// The cached delegations, and the directory. Cheap to clone.
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

    /// Forgets the people whom a stale decision looked at, so that they are read again.
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

/// A decision, and what it relied on.
#[derive(Debug)]
pub(crate) struct Decided<T> {
    pub(crate) what: T,
    /// People whose delegations were looked at, each with the delegation version that was known.
    pub(crate) relied: Vec<(String, i64)>,
}

/// A decision that tells whom it looked at.
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

/// What is known about the people whom one command looks at.
#[derive(Debug, Default)]
struct Known {
    of: HashMap<String, Arc<DelegationsOf>>,
    /// People looked up in the directory, whether it knew them or not.
    checked: BTreeSet<String>,
    unknown: Vec<String>,
    delegations: Delegations,
}

/// Asks the engine until it has looked at nobody about whom more could be read. With `fresh`, the cache is not used.
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
        // Boxed, because reading is rare and the future of every command would have to reserve room for it.
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
    /// Reads the delegations of these people, and of whoever they delegate to. Returns whether that can change the
    /// decision.
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
        // The engine follows a chain of delegations no further.
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

    /// Looks up the people who were named. Returns whether that can change the decision.
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

/// The delegate of the newest delegation in force.
fn delegate(of: &DelegationsOf, now: OffsetDateTime) -> Option<String> {
    let in_force = of.delegations.iter().find(|one| one.starts_at <= now && now < one.ends_at)?;
    Some(in_force.delegate_to.clone())
}
