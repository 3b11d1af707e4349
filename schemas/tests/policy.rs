//! Policies as written become policies that decide, or are refused with every fault named.

use engine::ids::PolicyId;
use engine::policy::{Kind, Mode, OnBreach, OnEmpty, RejectMode, RuleSource};
use schemas::api::{ApproverRuleOut, PolicyCreate, PolicyOut, StageOut, pointer};
use schemas::policy::{as_written, stored_to_engine, to_engine, way};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

fn policy(stages: Value) -> PolicyCreate {
    let body = json!({"policy_key": "key", "name": "Name", "artifact_type": "thing", "stages": stages});
    serde_json::from_value(body).expect("a policy body")
}

fn read(policy: &PolicyCreate) -> Result<engine::policy::Policy, Vec<String>> {
    let mut last = 0;
    let mut next_id = || {
        last += 1;
        Uuid::from_u128(last)
    };
    to_engine(policy, PolicyId(Uuid::from_u128(1000)), 3, &mut next_id)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn faults(stages: Value) -> Vec<String> {
    read(&policy(stages)).err().unwrap_or_default()
}

/// A stage that is right, but for what `changes` say.
fn stage(changes: Value) -> Value {
    let mut stage = json!({
        "name": "Stage", "stage_order": 1,
        "rules": [{"rule_type": "role", "rule_value": {"role": "approver"}}],
    });
    for (key, value) in changes.as_object().expect("an object") {
        stage[key] = value.clone();
    }
    stage
}

fn the_fault(changes: Value) -> String {
    let faults = faults(json!([stage(changes.clone())]));
    assert_eq!(faults.len(), 1, "{changes}: {faults:?}");
    faults.into_iter().next().unwrap_or_default()
}

#[test]
fn a_user_id_that_can_be_nobodys_is_refused_with_stage_and_field() {
    for id in [" u", "u ", "a\u{7}b", "system:sla", &"x".repeat(201)] {
        for field in ["rules", "escalation_rules"] {
            let rule = json!({"rule_type": "user", "rule_value": {"user_id": id}});
            let mut stage = json!({
                "name": "s", "stage_order": 3, "sla_hours": 1, "on_breach": "escalate",
                "rules": [{"rule_type": "user", "rule_value": {"user_id": "u"}}],
                "escalation_rules": [{"rule_type": "user", "rule_value": {"user_id": "v"}}],
            });
            stage[field][0] = rule;
            let policy = json!({"policy_key": "k", "name": "n", "artifact_type": "t", "stages": [stage]});
            let policy: PolicyCreate = serde_json::from_value(policy).unwrap();
            let faults = to_engine(&policy, PolicyId(Uuid::nil()), 1, &mut Uuid::nil).unwrap_err();
            let told = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            assert!(told.contains("stage 3, field"), "{told}");
            assert!(told.contains(&format!("{field}[0].rule_value")), "{told}");
        }
    }
}

#[test]
fn a_stage_without_words_has_the_defaults() {
    let read = read(&policy(json!([stage(json!({}))]))).expect("a right policy");
    assert_eq!((read.key.as_str(), read.version, read.id.0), ("key", 3, Uuid::from_u128(1000)));
    let stage = &read.stages[0];
    assert_eq!(stage.mode, Mode::All);
    assert_eq!(stage.reject_mode, RejectMode::Veto);
    assert_eq!(stage.on_empty, OnEmpty::Block);
    assert_eq!(stage.on_breach, OnBreach::Notify);
    assert_eq!(stage.rules[0].kind, Kind::Approver);
    assert!(matches!(&stage.rules[0].source, RuleSource::External { rule_type, .. } if rule_type == "role"));
}

#[test]
fn every_word_reaches_the_engine() {
    let read = read(&policy(json!([
        stage(
            json!({"stage_order": 20, "mode": "percentage", "mode_value": 60, "reject_mode": "unreachable"})
        ),
        stage(json!({
            "stage_order": 10, "mode": "quorum", "mode_value": 2, "sla_hours": 4, "on_empty": "skip",
            "on_breach": "escalate", "skip_if": {"var": "small"}, "parallel_group": 1,
            "rules": [
                {"rule_type": "role", "rule_value": {"role": "approver"}, "required": true},
                {"rule_type": "user", "rule_value": {"user_id": "o"}, "kind": "observer"},
            ],
            "escalation_rules": [{"rule_type": "expression", "rule_value": {"logic": {"var": "boss"}}}],
        })),
    ])))
    .expect("a right policy");
    let [first, second] = &read.stages[..] else { panic!("two stages") };
    assert_eq!((first.order, second.order), (10, 20));
    assert_eq!((first.mode, second.mode), (Mode::AnyN(2), Mode::Percentage(60)));
    assert_eq!(second.reject_mode, RejectMode::Unreachable);
    assert_eq!((first.on_empty, first.on_breach), (OnEmpty::Skip, OnBreach::Escalate));
    assert_eq!((first.sla_hours, first.parallel_group), (Some(4), Some(1)));
    assert!(first.skip_if.is_some() && first.rules[0].required);
    assert_eq!(first.rules[1].kind, Kind::Observer);
    assert!(matches!(first.escalation_rules[0].source, RuleSource::Expression(_)));
}

#[test]
fn ids_are_asked_for_stage_by_stage_as_written() {
    let rule = json!({"rule_type": "user", "rule_value": {"user_id": "u"}});
    let read = read(&policy(json!([
        stage(json!({"stage_order": 2, "rules": [rule, rule]})),
        stage(json!({"stage_order": 1, "rules": [rule], "escalation_rules": [rule]})),
    ])))
    .expect("a right policy");
    let ids = |stage: &engine::policy::Stage| {
        let rules = stage.rules.iter().chain(&stage.escalation_rules).map(|rule| rule.id.0.as_u128());
        std::iter::once(stage.id.0.as_u128()).chain(rules).collect::<Vec<_>>()
    };
    assert_eq!(ids(&read.stages[0]), [4, 5, 6]);
    assert_eq!(ids(&read.stages[1]), [1, 2, 3]);
}

#[test]
fn each_fault_names_its_stage_and_field() {
    let rule = |change: Value| {
        let mut rule = json!({"rule_type": "user", "rule_value": {"user_id": "u"}});
        for (key, value) in change.as_object().expect("an object") {
            rule[key] = value.clone();
        }
        json!([{"rule_type": "role", "rule_value": {"role": "approver"}}, rule])
    };
    for (changes, beginning) in [
        (json!({"mode": "most"}), "stage 1, field mode: "),
        (json!({"mode": "any-n"}), "stage 1, field mode_value: "),
        (json!({"mode": "quorum", "mode_value": 0}), "stage 1, field mode_value: "),
        (json!({"mode": "percentage", "mode_value": 101}), "stage 1, field mode_value: "),
        (json!({"reject_mode": "soft"}), "stage 1, field reject_mode: "),
        (json!({"on_empty": "wait"}), "stage 1, field on_empty: "),
        (json!({"comment_required": "sometimes"}), "stage 1, field comment_required: "),
        (json!({"sla_hours": 1, "on_breach": "panic"}), "stage 1, field on_breach: "),
        (json!({"on_breach": "notify"}), "stage 1, field on_breach: "),
        (json!({"on_breach": "auto_approve"}), "stage 1, field on_breach: "),
        (json!({"sla_hours": 0}), "stage 1, field sla_hours: "),
        (json!({"sla_hours": 1, "on_breach": "escalate"}), "stage 1, field escalation_rules: "),
        (json!({"stage_order": 0}), "stage 0, field stage_order: "),
        (json!({"skip_if": {"no_such_operator": [1]}}), "stage 1, field skip_if: "),
        (json!({"rules": []}), "stage 1, field rules: "),
        (json!({"rules": rule(json!({"kind": "judge"}))}), "stage 1, field rules[1].kind: "),
        (json!({"rules": rule(json!({"rule_type": "team"}))}), "stage 1, field rules[1].rule_type: "),
        (json!({"rules": rule(json!({"rule_value": {}}))}), "stage 1, field rules[1].rule_value: "),
        (
            json!({"rules": rule(json!({"rule_type": "expression", "rule_value": {"logic": {"nope": 1}}}))}),
            "stage 1, field rules[1].rule_value: ",
        ),
        (
            json!({"rules": rule(json!({"kind": "observer", "required": true}))}),
            "stage 1, field rules[1].required: ",
        ),
    ] {
        let fault = the_fault(changes.clone());
        assert!(fault.starts_with(beginning) && fault.len() > beginning.len() + 5, "{changes}: {fault}");
    }
}

#[test]
fn faults_of_all_stages_are_told_together() {
    let found = faults(json!([
        stage(json!({"mode": "most", "on_empty": "wait"})),
        stage(json!({"stage_order": 2, "sla_hours": 1, "on_breach": "panic"})),
        stage(json!({"stage_order": 2})),
    ]));
    let fields: Vec<_> = found.iter().filter_map(|fault| fault.split(": ").next()).collect();
    assert_eq!(
        fields,
        [
            "stage 1, field mode",
            "stage 1, field on_empty",
            "stage 2, field on_breach",
            "stage 2, field stage_order"
        ]
    );
}

#[test]
fn a_rule_that_cannot_be_read_is_not_counted_as_a_person() {
    let user = |rule_value: Value| json!({"rule_type": "user", "rule_value": rule_value});
    let fault = the_fault(json!({
        "mode": "any-n", "mode_value": 2, "rules": [user(json!({"user_id": "u"})), user(json!({}))],
    }));
    assert!(fault.starts_with("stage 1, field rules[1].rule_value: "), "{fault}");
}

#[test]
fn a_fault_of_the_policy_names_no_stage() {
    let mut policy = policy(json!([]));
    policy.context_schema = Some(json!([]));
    assert_eq!(read(&policy).err(), Some(vec!["field context_schema: must be a JSON object".to_owned()]));
    policy.context_schema = Some(json!({"type": "object"}));
    assert!(read(&policy).expect("a right policy").stages.is_empty());
}

#[test]
fn a_stored_policy_keeps_its_ids() {
    let rule = |n| ApproverRuleOut {
        id: Uuid::from_u128(n),
        rule_type: "user".into(),
        rule_value: json!({"user_id": format!("u{n}")}),
        kind: "approver".into(),
        required: false,
    };
    let stage = |n: u8, order| StageOut {
        id: Uuid::from_u128(n.into()),
        name: "Stage".into(),
        stage_order: order,
        mode: "all".into(),
        mode_value: None,
        reject_mode: "veto".into(),
        sla_hours: Some(1),
        skip_if: None,
        on_empty: "block".into(),
        comment_required: "reject".into(),
        parallel_group: None,
        on_breach: None,
        escalation_rules: vec![rule(u128::from(n) + 2)],
        rules: vec![rule(u128::from(n) + 1)],
    };
    let at = datetime!(2026-01-31 10:00 UTC);
    let stored = PolicyOut {
        id: Uuid::from_u128(1),
        policy_key: "key".into(),
        version: 4,
        name: "Name".into(),
        description: None,
        status: "active".into(),
        artifact_type: "thing".into(),
        forbid_self_approval: true,
        forbid_repeat_approvers: false,
        context_schema: None,
        text_sha256: None,
        created_by: None,
        created_at: at,
        updated_at: at,
        stages: vec![stage(10, 1), stage(20, 2)],
    };
    let read = stored_to_engine(&stored).expect("a right policy");
    assert_eq!((read.id.0.as_u128(), read.version, read.forbid_self_approval), (1, 4, true));
    assert_eq!(read.stages[1].id.0.as_u128(), 20);
    assert_eq!(read.stages[1].rules[0].id.0.as_u128(), 21);
    assert_eq!(read.stages[1].escalation_rules[0].id.0.as_u128(), 22);
    let written = serde_json::to_value(as_written(&stored)).expect("a policy is JSON");
    let again: PolicyCreate = serde_json::from_value(written).expect("what was stored may be written again");
    assert_eq!(again, as_written(&stored));
}

#[test]
fn faults_of_two_stages_with_one_order_are_told_apart() {
    let unbounded = || stage(json!({"mode": "any-n", "on_breach": "escalate"}));
    let policy = policy(json!([unbounded(), unbounded()]));
    let faults = to_engine(&policy, PolicyId(Uuid::nil()), 1, &mut Uuid::nil).expect_err("they are faulty");
    let mut places: Vec<String> = faults.iter().map(|fault| pointer(&way(&policy, fault))).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "/stages/0/mode_value",
            "/stages/0/on_breach",
            "/stages/1/mode_value",
            "/stages/1/on_breach",
            "/stages/1/stage_order",
        ]
    );
}
