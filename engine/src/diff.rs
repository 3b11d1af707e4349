//! Tells how two versions of a policy differ, in words that a committee understands.
//!
//! What means the same is no change: the order of keys and of rules, numbers of stages and groups, a default that is
//! spelled out, one number written in two ways.

mod change;
mod equal;
mod fields;
mod matching;
mod rules;
mod version;
mod words;

pub use change::{Change, ChangeKind};
pub use version::Version;

use change::Found;
use matching::Pair;
use serde_json::{Value, json};

/// Returns what changes from `before` to `after`: the policy as a whole first, then its stages in the order in which
/// they run afterwards, then those that are gone. Empty = both decide the same, and read the same to people.
#[must_use]
pub fn diff(before: Version<'_>, after: Version<'_>) -> Vec<Change> {
    let mut found = Found::default();
    fields::of_policy(before, after, &mut found);
    let matched = matching::stages(before.policy, after.policy);
    for pair in &matched {
        match *pair {
            Pair::Kept { before: old, after: new, moved } => {
                let name = &after.policy.stages[new].name;
                if moved {
                    found.at(&after.policy.stages[new]).push(
                        ChangeKind::Moved,
                        Some("stage_order"),
                        json!(before.policy.stages[old].order),
                        json!(after.policy.stages[new].order),
                        words::moved(name, after.policy, new),
                    );
                }
                fields::of_stage(&before.policy.stages[old], &after.policy.stages[new], &mut found);
                fields::of_group(before.policy, after.policy, &matched, (old, new), &mut found);
                rules::of_stage(&before.policy.stages[old], &after.policy.stages[new], &mut found);
            }
            Pair::Added(new) => {
                let stage = &after.policy.stages[new];
                let text = words::added(stage, after.policy, new);
                found.at(stage).push(ChangeKind::Added, None, Value::Null, words::named(stage), text);
            }
            Pair::Removed(old) => {
                let stage = &before.policy.stages[old];
                let text = words::removed(stage);
                found.at(stage).push(ChangeKind::Removed, None, words::named(stage), Value::Null, text);
            }
        }
    }
    found.changes
}
