//! Names of people, noted from whatever the directory says, so that lists show them without asking.

use super::wire::User;
use moka::sync::Cache;
use std::time::Duration;

/// Most people whose name is kept, some 10 MB.
const MOST: u64 = 50_000;
/// Names hardly ever change, and nothing is decided by them.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Names by user id. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Names(Cache<String, String>);

impl Default for Names {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(LIFE).build())
    }
}

impl Names {
    pub(super) fn note(&self, user: &User) {
        if let Some(name) = user.name() {
            self.0.insert(user.id.clone(), name);
        }
    }

    pub(super) fn of(&self, id: &str) -> Option<String> {
        self.0.get(id)
    }
}
