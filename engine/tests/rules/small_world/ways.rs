//! A graph of the states and the steps between them. It is filled while the world is explored, and then searched
//! backwards from the ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every state by its key, and every step between two states that people, deadlines or a resolver take.
#[derive(Default)]
pub(super) struct Ways(Mutex<Known>);

#[derive(Default)]
struct Known {
    states: HashSet<u64>,
    ends: HashSet<u64>,
    /// For each state, the states from which it is reached in one step.
    before: HashMap<u64, Vec<u64>>,
}

impl Ways {
    pub(super) fn state(&self, key: u64, ended: bool) {
        let mut known = self.known();
        known.states.insert(key);
        if ended {
            known.ends.insert(key);
        }
    }

    pub(super) fn way(&self, from: u64, to: u64) {
        self.known().before.entry(to).or_default().push(from);
    }

    /// Returns how many states have no path to an end.
    pub(super) fn dead_ends(&self) -> usize {
        let known = self.known();
        let mut reaching = known.ends.clone();
        let mut waiting: Vec<u64> = known.ends.iter().copied().collect();
        while let Some(to) = waiting.pop() {
            for from in known.before.get(&to).into_iter().flatten() {
                if reaching.insert(*from) {
                    waiting.push(*from);
                }
            }
        }
        known.states.difference(&reaching).count()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
