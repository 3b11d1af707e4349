//! Out-of-office delegations: who sits for whom, now; and who cannot sit at all.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
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

/// A longer chain substitutes nobody, as a cycle does.
const MOST_HOPS: usize = 100;

/// Delegations that are or will be in force, by user, newest first; and people of whom the directory says that they do
/// not exist or are disabled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegations {
    by_user: HashMap<String, Vec<Delegation>>,
    unknown: HashSet<String>,
}

/// Whom a command looked at. It holds as long as what was known of these people was true and complete: whoever carries
/// the command out reads what it did not know of them, and asks the engine once more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// Whose delegations counted, those without any too.
    pub delegations_of: BTreeSet<String>,
    /// Who was named by something else than the directory: a rule or a delegation.
    pub named: BTreeSet<String>,
}

/// A chain of delegations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Who stands after the owner, nearest first. Empty when nobody, when the chain is a cycle, or when it is too long.
    pub delegates: Vec<&'a str>,
    /// Everybody on the way, the owner too.
    pub looked_at: Vec<&'a str>,
}

impl LookedAt {
    /// Takes in whom something else looked at.
    pub fn extend(&mut self, other: Self) {
        self.delegations_of.extend(other.delegations_of);
        self.named.extend(other.named);
    }
}

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
        Self { by_user, unknown: HashSet::new() }
    }

    /// The same, with these people unknown to the directory or disabled there: they sit nowhere.
    #[must_use]
    pub fn with_unknown(mut self, users: impl IntoIterator<Item = String>) -> Self {
        self.unknown.extend(users);
        self
    }

    /// Whether the directory says that this user does not exist or is disabled.
    #[must_use]
    pub fn is_unknown(&self, user: &str) -> bool {
        self.unknown.contains(user)
    }

    /// The chain that starts at `user` at `now`. A cycle substitutes nobody.
    #[must_use]
    pub fn chain<'a>(&'a self, user: &'a str, now: OffsetDateTime) -> Chain<'a> {
        let mut seen = HashSet::from([user]);
        let mut looked_at = vec![user];
        let mut at = user;
        while let Some(next) = self.next(at, now) {
            if !seen.insert(next) || looked_at.len() > MOST_HOPS {
                return Chain { delegates: Vec::new(), looked_at };
            }
            looked_at.push(next);
            at = next;
        }
        Chain { delegates: looked_at[1..].to_vec(), looked_at }
    }

    fn next(&self, user: &str, now: OffsetDateTime) -> Option<&str> {
        let in_force = |d: &&Delegation| d.starts_at <= now && now < d.ends_at;
        self.by_user.get(user)?.iter().find(in_force).map(|d| d.delegate_to.as_str())
    }
}
