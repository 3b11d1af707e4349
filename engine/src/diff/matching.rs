//! Which stage of one version is which stage of the other. Ids say nothing: each version has its own.

use super::rules::Asks;
use crate::policy::Policy;

/// What became of a stage. Numbers are positions in the stages of the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Kept {
        before: usize,
        after: usize,
        /// It runs at another place among those that are kept.
        moved: bool,
    },
    Added(usize),
    Removed(usize),
}

/// Stages of one name are one stage; else those that ask the same people, whose name has changed then. In the order of
/// the later version, then what is gone.
pub(super) fn stages(before: &Policy, after: &Policy) -> Vec<Pair> {
    let mut old_of: Vec<Option<usize>> = vec![None; after.stages.len()];
    assign(before, &mut old_of, |old, new| before.stages[old].name == after.stages[new].name);
    // Each list is brought into its form once, because every stage may be compared with every other one.
    let asks = |policy: &Policy| policy.stages.iter().map(|stage| Asks::of(&stage.rules)).collect::<Vec<_>>();
    let (asked, asks) = (asks(before), asks(after));
    assign(before, &mut old_of, |old, new| asked[old] == asks[new]);
    let stay = in_order(&old_of.iter().flatten().copied().collect::<Vec<_>>());
    let later = old_of.iter().enumerate().map(|(after, old)| match *old {
        Some(before) => Pair::Kept { before, after, moved: !stay.contains(&before) },
        None => Pair::Added(after),
    });
    let gone = (0..before.stages.len()).filter(|old| !old_of.contains(&Some(*old))).map(Pair::Removed);
    later.chain(gone).collect()
}

/// Gives each stage that has none yet the first unused one that fits.
fn assign(before: &Policy, old_of: &mut [Option<usize>], fits: impl Fn(usize, usize) -> bool) {
    for new in 0..old_of.len() {
        if old_of[new].is_none() {
            let unused = |old: &usize| !old_of.contains(&Some(*old));
            old_of[new] = (0..before.stages.len()).filter(unused).find(|old| fits(*old, new));
        }
    }
}

/// The longest part of the list that is in ascending order: what is left out has moved past these.
fn in_order(list: &[usize]) -> Vec<usize> {
    let mut longest: Vec<Vec<usize>> = Vec::with_capacity(list.len());
    for (position, item) in list.iter().enumerate() {
        let before = longest[..position].iter().filter(|part| part.last().is_some_and(|last| last < item));
        let mut part = before.max_by_key(|part| part.len()).cloned().unwrap_or_default();
        part.push(*item);
        longest.push(part);
    }
    longest.into_iter().max_by_key(Vec::len).unwrap_or_default()
}
