//! Out-of-office delegations: who sits for whom, now.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

/// One delegation, in force in `[starts_at, ends_at)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// Who is away.
    pub user_id: String,
    /// Who sits instead.
    pub delegate_to: String,
    /// First moment.
    pub starts_at: OffsetDateTime,
    /// First moment after.
    pub ends_at: OffsetDateTime,
    /// The newest wins.
    pub created_at: OffsetDateTime,
}

/// All delegations that are or will be in force, by user, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegations(HashMap<String, Vec<Delegation>>);

impl Delegations {
    /// Indexes them.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = Delegation>) -> Self {
        let mut by_user: HashMap<String, Vec<Delegation>> = HashMap::new();
        for delegation in all {
            by_user.entry(delegation.user_id.clone()).or_default().push(delegation);
        }
        for list in by_user.values_mut() {
            list.sort_by_key(|delegation| Reverse(delegation.created_at));
        }
        Self(by_user)
    }

    /// Who stands after `user` in the chain at `now`, nearest first. Empty when nobody, or when the chain is a
    /// cycle: a cycle substitutes nobody.
    #[must_use]
    pub fn chain(&self, user: &str, now: OffsetDateTime) -> Vec<&str> {
        let mut seen = HashSet::from([user]);
        let mut chain = Vec::new();
        let mut at = user;
        while let Some(next) = self.next(at, now) {
            if !seen.insert(next) {
                return Vec::new();
            }
            chain.push(next);
            at = next;
        }
        chain
    }

    fn next(&self, user: &str, now: OffsetDateTime) -> Option<&str> {
        let in_force = |d: &&Delegation| d.starts_at <= now && now < d.ends_at;
        self.0.get(user)?.iter().find(in_force).map(|d| d.delegate_to.as_str())
    }
}
