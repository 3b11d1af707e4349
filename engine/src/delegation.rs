//! Out-of-office delegations, and people whom the directory does not know.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use time::OffsetDateTime;

/// One delegation, in force in `[starts_at, ends_at)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The owner, who is away (a subject id).
    pub user_id: String,
    /// The delegate, who sits in the owner's place (a subject id).
    pub delegate_to: String,
    pub starts_at: OffsetDateTime,
    pub ends_at: OffsetDateTime,
    /// Of several delegations in force the newest counts.
    pub created_at: OffsetDateTime,
}

/// Most hops of a chain. A longer one substitutes nobody, as a cycle does.
pub const MOST_HOPS: usize = 100;

/// Delegations that are or will be in force, by owner, newest first; and the people whom the directory does not know
/// or has disabled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegations {
    by_user: HashMap<String, Vec<Delegation>>,
    unknown: HashSet<String>,
}

/// The people whom a command looked at. Its outcome is right only if the engine was given everything about them. A
/// caller who lacked something reads it and asks the engine again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// The people whose delegations were followed, including those who have none.
    pub delegations_of: BTreeSet<String>,
    /// The people named by a `user` rule or as a delegate.
    pub named: BTreeSet<String>,
}

/// A chain of delegations that starts at an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain<'a> {
    /// The delegates, nearest first. Empty when there are none, when the chain is a cycle, and when it is too long.
    pub delegates: Vec<&'a str>,
    /// Everybody on the chain, the owner included.
    pub looked_at: Vec<&'a str>,
}

impl LookedAt {
    /// Adds the people whom something else looked at.
    pub fn extend(&mut self, other: Self) {
        self.delegations_of.extend(other.delegations_of);
        self.named.extend(other.named);
    }
}

impl Delegations {
    /// Indexes delegations by owner.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = Delegation>) -> Self {
        let mut by_user: HashMap<String, Vec<Delegation>> = HashMap::new();
        for delegation in all {
            by_user.entry(delegation.user_id.clone()).or_default().push(delegation);
        }
        for list in by_user.values_mut() {
            list.sort_by_key(|delegation| Reverse(delegation.created_at));
        }
        Self { by_user, unknown: HashSet::new() }
    }

    /// Marks these people as unknown to the directory or disabled there. They get no seat.
    #[must_use]
    pub fn with_unknown(mut self, users: impl IntoIterator<Item = String>) -> Self {
        self.unknown.extend(users);
        self
    }

    /// Returns whether the directory says that this user does not exist or is disabled.
    #[must_use]
    pub fn is_unknown(&self, user: &str) -> bool {
        self.unknown.contains(user)
    }

    /// Follows the delegations that are in force at `now`, starting at `user`.
    #[must_use]
    pub fn chain<'a>(&'a self, user: &'a str, now: OffsetDateTime) -> Chain<'a> {
        let mut seen = HashSet::from([user]);
        let mut looked_at = vec![user];
        let mut owner = user;
        while let Some(next) = self.next(owner, now) {
            if !seen.insert(next) || looked_at.len() > MOST_HOPS {
                return Chain { delegates: Vec::new(), looked_at };
            }
            looked_at.push(next);
            owner = next;
        }
        Chain { delegates: looked_at[1..].to_vec(), looked_at }
    }

    fn next(&self, user: &str, now: OffsetDateTime) -> Option<&str> {
        let in_force = |d: &&Delegation| d.starts_at <= now && now < d.ends_at;
        self.by_user.get(user)?.iter().find(in_force).map(|d| d.delegate_to.as_str())
    }
}
