//! The policies of the small world.

use crate::fixture::{observer, policy, required, role, stage_of, user};
use engine::policy::{Mode, OnBreach, Policy, RejectMode, Rule, Stage};

const MODES: &[Mode] = &[
    Mode::All,
    Mode::AnyN(1),
    Mode::AnyN(2),
    Mode::AnyN(3),
    Mode::Percentage(34),
    Mode::Percentage(50),
    Mode::Percentage(67),
    Mode::Percentage(100),
];

/// The requester is the last one, so that one seat fewer is left where `forbid_self_approval` bars her.
const PEOPLE: &[&str] = &["ann", "bob", "rita"];

/// What a deadline does: no deadline, every breach action, and an escalation that asks a resolver.
#[derive(Debug, Clone, Copy)]
enum Deadline {
    Never,
    Does(OnBreach),
    Asks,
}

const DEADLINES: &[Deadline] = &[
    Deadline::Never,
    Deadline::Does(OnBreach::Notify),
    Deadline::Does(OnBreach::Escalate),
    Deadline::Asks,
    Deadline::Does(OnBreach::AutoApprove),
    Deadline::Does(OnBreach::AutoReject),
];

/// A stage of `seats` seats; the bits of `duties` say which of them are required.
fn one(order: i32, mode: Mode, veto: bool, deadline: Deadline, seats: usize, duties: usize) -> Stage {
    let rule = |(at, name): (usize, &&str)| if duties & (1 << at) == 0 { user(name) } else { required(name) };
    let rules: Vec<Rule> = PEOPLE.iter().take(seats).enumerate().map(rule).collect();
    let reject_mode = if veto { RejectMode::Veto } else { RejectMode::Unreachable };
    let stage = Stage { mode, reject_mode, ..stage_of(order, rules) };
    match deadline {
        Deadline::Never => stage,
        Deadline::Does(on_breach) => {
            Stage { sla_hours: Some(2), on_breach, escalation_rules: vec![user("e1")], ..stage }
        }
        Deadline::Asks => Stage {
            sla_hours: Some(2),
            on_breach: OnBreach::Escalate,
            escalation_rules: vec![role("chief")],
            ..stage
        },
    }
}

fn of_one_stage() -> Vec<Policy> {
    let mut policies = Vec::new();
    for mode in MODES {
        for veto in [true, false] {
            for deadline in DEADLINES {
                for seats in 1..=3 {
                    let most = if seats == 3 { 1 } else { seats };
                    for required in 0..=most {
                        let duties = (1 << required) - 1;
                        policies.push(policy(vec![one(1, *mode, veto, *deadline, seats, duties)]));
                    }
                }
            }
        }
    }
    policies
}

/// The stages of one policy. `turn` chooses what is not multiplied out, and `groups` gives each stage its
/// `parallel_group`.
fn several(modes: &[Mode], groups: &[Option<i32>], seats: usize, turn: usize) -> Policy {
    let stage = |(at, mode): (usize, &Mode)| {
        let deadline = DEADLINES[(turn + at) % DEADLINES.len()];
        let duties = if (turn + at).is_multiple_of(4) { 1 } else { 0 };
        let order = i32::try_from(at).expect("few stages") + 1;
        let mut stage = one(order, *mode, !(turn + at).is_multiple_of(3), deadline, seats, duties);
        stage.parallel_group = groups[at];
        stage
    };
    let mut stages: Vec<Stage> = modes.iter().enumerate().map(stage).collect();
    match turn % 5 {
        0 => stages[0].rules.push(observer("eye")),
        // A resolver is asked for the approvers of the first group.
        1 => stages[0].rules = vec![role("officer")],
        _ => {}
    }
    let (own, again) = (turn.is_multiple_of(6), turn % 6 == 3);
    Policy { forbid_self_approval: own, forbid_repeat_approvers: again, ..policy(stages) }
}

/// The groups of stages: side by side, one after the other, and two before a third.
const GROUPS: [[Option<i32>; 3]; 3] = [[Some(1); 3], [None; 3], [Some(1), Some(1), None]];

/// Two stages of three seats side by side have so many states that these modes stand for the others.
const WIDE: [Mode; 3] = [Mode::All, Mode::AnyN(3), Mode::Percentage(50)];

fn of_several_stages() -> Vec<Policy> {
    let mut policies = Vec::new();
    for (at, first) in MODES.iter().enumerate() {
        for (index, second) in MODES.iter().enumerate() {
            let modes = [*first, *second, MODES[(at + index) % MODES.len()]];
            let turn = at * MODES.len() + index;
            for (shift, groups) in GROUPS.iter().enumerate() {
                policies.push(several(&modes, groups, 1, turn + 2 + shift));
            }
            for (shift, groups) in [[None; 2], [Some(1); 2]].iter().enumerate() {
                policies.push(several(&modes[..2], groups, 2, turn + 3 + shift));
            }
            policies.push(several(&modes, &[None; 3], 3, turn + 5));
            if first == second && WIDE.contains(first) {
                policies.push(several(&modes, &[Some(1), Some(1), None], 3, turn + 6));
            }
        }
    }
    policies
}

pub(super) fn all() -> Vec<Policy> {
    of_one_stage().into_iter().chain(of_several_stages()).collect()
}
