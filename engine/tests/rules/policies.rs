//! Faults for which a policy is refused, and advice about it.

use crate::fixture::{logic, observer, policy, required, role, rule, stage, stage_of, user};
use engine::policy::{Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, RuleSource, Stage};
use engine::validate::{advise, check};
use serde_json::json;

fn faults(stages: Vec<Stage>) -> Vec<(Option<i32>, String)> {
    check(&policy(stages)).into_iter().map(|fault| (fault.stage, fault.field)).collect()
}

/// A rule whose source is an expression.
fn says(source: serde_json::Value) -> Rule {
    rule(Kind::Approver, RuleSource::Expression(logic(&source)))
}

#[test]
fn a_sound_policy_has_no_faults() {
    let full = Stage {
        sla_hours: Some(1),
        on_breach: OnBreach::Escalate,
        escalation_rules: vec![user("c")],
        mode: Mode::AnyN(3),
        parallel_group: Some(1),
        ..stage(1, &["a", "b"])
    };
    let sibling = Stage { parallel_group: Some(1), ..stage_of(2, vec![role("r"), observer("o")]) };
    let sound = policy(vec![full, sibling]);
    assert_eq!((check(&sound), advise(&sound)), (vec![], vec![]));
    assert_eq!(check(&policy(vec![])), []);
}

#[test]
fn faults_name_the_stage_and_the_field() {
    let grouped = |order, group| Stage { parallel_group: group, ..stage(order, &["a"]) };
    let sla = |hours| Stage { sla_hours: Some(hours), ..stage(1, &["a"]) };
    let mode = |mode| Stage { mode, ..stage(1, &["a", "b"]) };
    let required = Rule { required: true, ..observer("o") };
    let cases = [
        ("stage_order", 2, vec![stage(2, &["a"]), stage(2, &["b"])]),
        ("stage_order", 0, vec![stage(0, &["a"])]),
        ("parallel_group", 3, vec![grouped(1, Some(1)), grouped(2, None), grouped(3, Some(1))]),
        ("parallel_group", 3, vec![grouped(1, Some(1)), grouped(2, Some(2)), grouped(3, Some(1))]),
        ("mode_value", 1, vec![mode(Mode::AnyN(0))]),
        ("mode_value", 1, vec![mode(Mode::AnyN(3))]),
        ("mode_value", 1, vec![Stage { mode: Mode::AnyN(2), ..stage(1, &["a", "a"]) }]),
        ("mode_value", 1, vec![Stage { mode: Mode::AnyN(3), ..stage_of(1, vec![says(json!(["a", "b"]))]) }]),
        ("mode_value", 1, vec![mode(Mode::Percentage(101))]),
        ("sla_hours", 1, vec![sla(0)]),
        ("sla_hours", 1, vec![sla(i32::MAX)]),
        ("on_breach", 1, vec![Stage { on_breach: OnBreach::AutoApprove, ..stage(1, &["a"]) }]),
        ("escalation_rules", 1, vec![Stage { on_breach: OnBreach::Escalate, ..sla(1) }]),
        ("rules[1].required", 1, vec![stage_of(1, vec![user("a"), required.clone()])]),
        (
            "escalation_rules[0].required",
            1,
            vec![Stage { escalation_rules: vec![required], ..stage(1, &["a"]) }],
        ),
        ("rules", 1, vec![stage_of(1, vec![observer("o")])]),
    ];
    for (field, order, stages) in cases {
        assert_eq!(faults(stages), [(Some(order), field.to_owned())], "{field}");
    }
}

#[test]
fn modes_are_read_with_their_value() {
    assert_eq!(Mode::parse("all", None), Ok(Mode::All));
    assert_eq!(Mode::parse("quorum", Some(2)), Ok(Mode::AnyN(2)));
    assert_eq!(Mode::parse("percentage", Some(100)), Ok(Mode::Percentage(100)));
    let bad = [
        ("any-n", None),
        ("any-n", Some(0)),
        ("percentage", Some(101)),
        ("percentage", None),
        ("most", None),
    ];
    for (mode, value) in bad {
        assert!(Mode::parse(mode, value).is_err(), "{mode} {value:?}");
    }
    assert_eq!(RejectMode::parse("veto"), Some(RejectMode::Veto));
    assert_eq!(OnEmpty::parse("wait"), None);
    assert_eq!(OnBreach::parse("auto_reject").map(OnBreach::as_str), Some("auto_reject"));
}

#[test]
fn rule_values_are_read_and_nothing_unknown_is_let_through() {
    let good = [
        ("user", json!({"user_id": "ann"})),
        ("role", json!({"role": "r"})),
        ("role", json!({"role": "r", "client": null})),
        ("role", json!({"role": "r", "client": "c"})),
        ("group", json!({"group": "/a/b", "include_subgroups": true})),
        ("expression", json!({"logic": {"var": "x"}})),
        ("http", json!({"url": "https://example.org/who?x=1", "auth": "vault-entry"})),
        ("http", json!({"url": "http://[::1]:80/", "auth": {"credential": "hr"}})),
        ("http", json!({"url": "http://[::1]:80/", "auth": {"type": "bearer", "credential": "hr"}})),
        ("http", json!({"url": "http://[::1]:80/", "auth": {"type": "none"}})),
    ];
    for (rule_type, value) in good {
        assert!(RuleSource::parse(rule_type, &value).is_ok(), "{rule_type} {value}");
    }
    let bad = [
        ("user", json!({"user_id": ""})),
        ("user", json!({"user_id": 3})),
        ("user", json!({"user_id": "ann", "typo": 1})),
        ("user", json!("ann")),
        ("role", json!({})),
        ("role", json!({"role": "r", "client": ""})),
        ("group", json!({"group": "a"})),
        ("group", json!({"group": "/"})),
        ("group", json!({"group": "/a", "include_subgroups": "yes"})),
        ("expression", json!({"logic": {"nope": 1}})),
        ("expression", json!({})),
        ("http", json!({"url": "ftp://example.org"})),
        ("http", json!({"url": "https://"})),
        ("http", json!({"url": "/who"})),
        ("http", json!({"url": "https://me:secret@example.org"})),
        ("http", json!({"url": "https://example.org", "auth": 7})),
        ("http", json!({"url": "https://example.org", "auth": {"type": "bearer"}})),
        ("http", json!({"url": "https://example.org", "auth": {"type": "basic", "credential": "hr"}})),
        ("http", json!({"url": "https://example.org", "auth": {"type": "bearer", "token": "s3cret"}})),
        ("http", json!({"url": "https://example.org", "auth": {"credential": "hr", "client_secret": "x"}})),
        ("manager", json!({})),
    ];
    for (rule_type, value) in bad {
        assert!(RuleSource::parse(rule_type, &value).is_err(), "{rule_type} {value}");
    }
}

fn escalating(stage: Stage, to: Vec<Rule>) -> Stage {
    Stage { sla_hours: Some(1), on_breach: OnBreach::Escalate, escalation_rules: to, ..stage }
}

/// Returns the advice about a policy that has no fault.
fn advice(policy: &Policy) -> Vec<String> {
    assert_eq!(check(policy), [], "the policy is legal");
    advise(policy).iter().map(ToString::to_string).collect()
}

fn assert_advice(policy: &Policy, expected: &[(&str, &str)]) {
    let told = advice(policy);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, (place, words)) in told.iter().zip(expected) {
        assert!(told.starts_with(place) && told.contains(words), "{told}\nis not\n{place} ... {words}");
    }
}

#[test]
fn a_stage_that_hardly_does_what_is_meant_is_told_in_words() {
    let any = |n, users: &[&str]| Stage { mode: Mode::AnyN(n), ..stage(1, users) };
    let skips = |source| Stage { skip_if: Some(logic(&source)), ..stage(1, &["a"]) };
    let unused = Stage { escalation_rules: vec![user("c")], ..stage(1, &["a"]) };
    let auto = Stage {
        sla_hours: Some(1),
        on_breach: OnBreach::AutoApprove,
        ..stage_of(1, vec![required("a"), user("b")])
    };
    let no_veto = Stage { reject_mode: RejectMode::Unreachable, ..stage(1, &["a", "b"]) };
    let nobody = |on_empty| Stage { on_empty, ..stage_of(1, vec![says(json!([]))]) };
    let cases = [
        (vec![], vec![("field stages", "approved at once")]),
        (vec![skips(json!({"==": [1, 1]}))], vec![("stage 1, field skip_if", "the stage never runs")]),
        (vec![skips(json!({"<": [2, 1]}))], vec![("stage 1, field skip_if", "never skipped")]),
        (vec![skips(json!({"+": ["x", 1]}))], vec![("stage 1, field skip_if", "fails on every context")]),
        (vec![skips(json!({"<": [{"var": "amount"}, 1]}))], vec![]),
        (vec![any(1, &["a", "b", "a"])], vec![("stage 1, field rules[2]", "`a` is named twice")]),
        (
            vec![stage_of(1, vec![role("r"), observer("a"), user("a")])],
            vec![("stage 1, field rules[1]", "nobody observes who decides")],
        ),
        (
            vec![nobody(OnEmpty::Block)],
            vec![
                ("stage 1, field rules[0].rule_value", "names nobody on any context"),
                ("stage 1, field rules", "the request is rejected"),
            ],
        ),
        (
            vec![nobody(OnEmpty::Skip)],
            vec![
                ("stage 1, field rules[0].rule_value", "names nobody"),
                ("stage 1, field rules", "the stage is skipped"),
            ],
        ),
        (
            vec![Stage { mode: Mode::AnyN(1), ..stage_of(1, vec![required("a"), required("b")]) }],
            vec![("stage 1, field mode_value", "1 never suffices: 2 are required")],
        ),
        (vec![no_veto], vec![("stage 1, field reject_mode", "the first reject ends the stage")]),
        (vec![auto], vec![("stage 1, field on_breach", "without those whose approval is required")]),
        (vec![unused], vec![("stage 1, field escalation_rules", "are not used: on_breach is `notify`")]),
        (
            vec![escalating(stage(1, &["a", "b"]), vec![user("b")])],
            vec![("stage 1, field escalation_rules", "nobody who is not asked already")],
        ),
        (vec![escalating(stage(1, &["a", "b"]), vec![user("c")])], vec![]),
        (vec![escalating(stage(1, &["a", "b"]), vec![role("r")])], vec![]),
    ];
    for (stages, expected) in cases {
        assert_advice(&policy(stages), &expected);
    }
}

#[test]
fn it_is_told_what_is_left_when_a_named_approver_asks() {
    let own = |stages| Policy { forbid_self_approval: true, ..policy(stages) };
    let any = |n, users: &[&str]| Stage { mode: Mode::AnyN(n), ..stage(1, users) };
    let cases = [
        (vec![stage(1, &["a"])], vec![("stage 1, field rules", "when `a` asks, nobody is left")]),
        (vec![stage(1, &["a", "b"])], vec![]),
        (vec![any(1, &["a", "b"])], vec![]),
        (vec![any(2, &["a", "b"])], vec![("stage 1, field mode_value", "only 1 may approve, and 2")]),
        (vec![escalating(any(2, &["a", "b"]), vec![user("c")])], vec![]),
        (vec![stage_of(1, vec![role("r"), user("a")])], vec![]),
        (
            vec![stage_of(1, vec![role("r"), required("a")])],
            vec![("stage 1, field rules", "what `a` asks for does not wait for `a`")],
        ),
    ];
    for (stages, expected) in cases {
        assert_eq!(
            advice(&policy(stages.clone())),
            Vec::<String>::new(),
            "only the bar makes it worth a word"
        );
        assert_advice(&own(stages), &expected);
    }
}

#[test]
fn it_is_told_when_earlier_approvers_leave_a_later_stage_short() {
    let again = |stages| Policy { forbid_repeat_approvers: true, ..policy(stages) };
    let any = |order, n, users: &[&str]| Stage { mode: Mode::AnyN(n), ..stage(order, users) };
    let skipped = |stage| Stage { skip_if: Some(logic(&json!({"var": "x"}))), ..stage };
    let together = |stage| Stage { parallel_group: Some(1), ..stage };
    let empty = ("stage 2, field rules", "everybody named here has approved an earlier stage");
    let short = ("stage 2, field mode_value", "2 approvals are out of reach");
    let cases = [
        (vec![stage(1, &["a", "b"]), stage(2, &["a"])], vec![empty]),
        (vec![stage(1, &["a", "b"]), any(2, 2, &["a", "c"])], vec![short]),
        (vec![any(1, 2, &["a", "b"]), stage(2, &["b"])], vec![empty]),
        (vec![any(1, 1, &["a", "b"]), stage(2, &["a"])], vec![]),
        (vec![stage_of(1, vec![role("r"), required("a")]), stage(2, &["a"])], vec![empty]),
        (vec![skipped(stage(1, &["a"])), stage(2, &["a"])], vec![]),
        (vec![escalating(stage(1, &["a"]), vec![user("c")]), stage(2, &["a"])], vec![]),
        (vec![together(stage(1, &["a"])), together(stage(2, &["a"]))], vec![]),
        (vec![stage(1, &["a"]), escalating(any(2, 2, &["a", "c"]), vec![user("d")])], vec![]),
        (
            vec![stage(1, &["a"]), stage_of(2, vec![role("r"), required("a")])],
            vec![("stage 2, field rules", "`a` has approved stage 1 by then")],
        ),
        (
            vec![stage(1, &["a"]), stage(2, &["b"]), any(3, 1, &["a", "b"])],
            vec![("stage 3, field rules", "everybody named here")],
        ),
    ];
    for (stages, expected) in cases {
        assert_eq!(
            advice(&policy(stages.clone())),
            Vec::<String>::new(),
            "only the bar makes it worth a word"
        );
        assert_advice(&again(stages), &expected);
    }
}
