//! What is refused when a policy is written.

use crate::fixture::{observer, policy, role, stage, stage_of, user};
use engine::lint::check;
use engine::policy::{Mode, OnBreach, OnEmpty, RejectMode, Rule, RuleSource, Stage};
use serde_json::json;

fn faults(stages: Vec<Stage>) -> Vec<(Option<i32>, String)> {
    check(&policy(stages)).into_iter().map(|fault| (fault.stage, fault.field)).collect()
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
    assert_eq!(check(&policy(vec![full, sibling])), []);
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
        ("http", json!({"url": "http://[::1]:80/", "auth": {"kind": "oauth2"}})),
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
        ("manager", json!({})),
    ];
    for (rule_type, value) in bad {
        assert!(RuleSource::parse(rule_type, &value).is_err(), "{rule_type} {value}");
    }
}
