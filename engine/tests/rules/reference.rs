//! A slow and obvious reference for the arithmetic of a stage: it tries out every way in which the stage could go on.

use crate::fixture::{World, policy, required, stage_of, user};
use engine::policy::{Mode, RejectMode, Rule, Stage};
use engine::request::{Action, StageState};

/// A seat: whether its approval is required, and its decision.
pub(crate) type Seat = (bool, Option<Action>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Undecided,
    Approved,
    Rejected,
}

fn count(seats: &[Seat], action: Action) -> usize {
    seats.iter().filter(|seat| seat.1 == Some(action)).count()
}

/// The quorum as docs/policies.md explains it under "Stages".
pub(crate) fn has_quorum(mode: Mode, seats: &[Seat]) -> bool {
    let approvals = count(seats, Action::Approve);
    let counting = seats.len() - count(seats, Action::Abstain);
    match mode {
        Mode::All => approvals == counting && approvals >= 1,
        Mode::AnyN(n) => approvals >= n as usize,
        Mode::Percentage(p) => approvals * 100 >= p as usize * counting && approvals >= 1,
    }
}

/// Returns whether some future reaches the quorum: every open seat decides in every possible way, and if an
/// escalation is ahead (`more`), any number of seats up to 400 joins.
fn some_future_has_quorum(mode: Mode, seats: &[Seat], more: bool) -> bool {
    if let Some(open) = seats.iter().position(|seat| seat.1.is_none()) {
        return Action::ALL.iter().any(|action| {
            let mut next = seats.to_vec();
            next[open].1 = Some(*action);
            some_future_has_quorum(mode, &next, more)
        });
    }
    let joined = |extra: usize| [seats, &vec![(false, Some(Action::Approve)); extra]].concat();
    (0..=if more { 400 } else { 0 }).any(|extra| has_quorum(mode, &joined(extra)))
}

pub(crate) fn expected(stage: &Stage, seats: &[Seat], more: bool) -> Expected {
    let said_otherwise = |seat: &&Seat| seat.1.is_some_and(|action| action != Action::Approve);
    let required_lost = seats.iter().filter(|seat| seat.0).any(|seat| said_otherwise(&seat));
    let vetoed = stage.reject_mode == RejectMode::Veto && count(seats, Action::Reject) > 0;
    if required_lost || vetoed || !some_future_has_quorum(stage.mode, seats, more) {
        Expected::Rejected
    } else if has_quorum(stage.mode, seats) && seats.iter().all(|seat| !seat.0 || seat.1.is_some()) {
        Expected::Approved
    } else {
        Expected::Undecided
    }
}

const MODES: &[Mode] = &[
    Mode::All,
    Mode::AnyN(1),
    Mode::AnyN(2),
    Mode::AnyN(3),
    Mode::Percentage(1),
    Mode::Percentage(34),
    Mode::Percentage(50),
    Mode::Percentage(67),
    Mode::Percentage(100),
];

/// Every list of `length` actions.
fn histories(length: usize) -> Vec<Vec<Action>> {
    (0..length).fold(vec![Vec::new()], |all, _| {
        let longer = |history: &Vec<Action>| {
            Action::ALL.iter().map(|a| [history.as_slice(), &[*a]].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(longer).collect()
    })
}

fn plays_as_expected(mode: Mode, reject_mode: RejectMode, duties: u32, history: &[Action]) {
    let names: Vec<String> = (0..history.len()).map(|i| format!("u{i}")).collect();
    let rules: Vec<Rule> = names
        .iter()
        .enumerate()
        .map(|(i, name)| if duties & (1 << i) == 0 { user(name) } else { required(name) })
        .collect();
    let stage = Stage { mode, reject_mode, ..stage_of(1, rules) };
    let mut seats: Vec<Seat> = (0..history.len()).map(|i| (duties & (1 << i) != 0, None)).collect();
    let mut world = World::start(policy(vec![stage.clone()]));
    for (i, action) in history.iter().enumerate() {
        let state = match world.state(0) {
            StageState::Active => Expected::Undecided,
            StageState::Approved => Expected::Approved,
            _ => Expected::Rejected,
        };
        assert_eq!(state, expected(&stage, &seats, false), "{mode:?} {reject_mode:?} {duties:b} {seats:?}");
        if state != Expected::Undecided {
            assert!(world.request.status.is_terminal());
            return;
        }
        world.decide(&names[i], *action).expect("an open task may be decided");
        seats[i].1 = Some(*action);
    }
    assert!(world.request.status.is_terminal(), "everybody has spoken: {mode:?} {reject_mode:?} {seats:?}");
}

#[test]
fn every_small_stage_ends_exactly_when_the_reference_says_so() {
    for length in 1..=3 {
        for history in histories(length) {
            for mode in MODES {
                for reject_mode in RejectMode::ALL {
                    for duties in 0..1 << length {
                        plays_as_expected(*mode, *reject_mode, duties, &history);
                    }
                }
            }
        }
    }
}
