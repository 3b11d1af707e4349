use super::*;
use serde_json::{Value, json};

fn file(cases: &Value) -> File {
    let policy = json!({"policy_key": "k", "name": "K", "artifact_type": "t", "context_schema": {"required": ["n"]},
        "stages": [
            {"name": "One", "stage_order": 1, "skip_if": {">": [{"var": "n"}, 9]}, "sla_hours": 4,
             "rules": [{"rule_type": "role", "rule_value": {"role": "r"}}]},
            {"name": "Two", "stage_order": 2, "rules": [{"rule_type": "user", "rule_value": {"user_id": "cy"}}]}]});
    let written =
        json!({"policy": policy, "directory": [{"role": "r", "users": ["ann", "bob"]}], "cases": cases});
    serde_json::from_value(written).expect("the file is well formed")
}

fn differences(case: &Value) -> Vec<String> {
    let file = file(&json!([case]));
    let PolicySource::Inline(policy) = &file.policy else { panic!("the policy is inline") };
    let schema =
        policy.context_schema.as_ref().map(|schema| ContextSchema::compile(schema).expect("a schema"));
    let checked = policy::read(policy, &Egress::default(), None).expect("the policy is sound");
    judge(&Subject { policy: checked, schema }, &file, &file.cases[0])
}

#[test]
fn the_example_holds() {
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policies/disbursement.cases.yaml");
    assert!(matches!(test(&example, &Egress::default()), Ok(Outcome::Good)));
}

#[test]
fn a_case_that_holds_has_no_difference() {
    let decide = |by: &str| json!({"decide": {"by": by, "action": "approve"}});
    let case = json!({"name": "c", "context": {"n": 1}, "steps": [decide("ann"), decide("bob"), decide("cy")],
        "expect": {"status": "approved", "reason": null, "open": [], "stages": [
            {"stage_order": 1, "approvers": ["bob", "ann"], "observers": [], "skipped": false, "state": "approved"},
            {"stage_order": 2, "approvers": ["cy"]}]}});
    assert_eq!(differences(&case), Vec::<String>::new());
    let unreached = json!({"name": "c", "context": {"n": 1}, "expect": {"open": ["ann", "bob"], "stages": [
        {"stage_order": 2, "approvers": ["cy"], "state": "waiting"}]}});
    assert_eq!(differences(&unreached), Vec::<String>::new());
    let refused = json!({"name": "c", "context": {}, "expect": {"context": "refused"}});
    assert_eq!(differences(&refused), Vec::<String>::new());
}

#[test]
fn every_difference_says_what_was_expected_and_what_came() {
    let expecting = |expect: Value| json!({"name": "c", "context": {"n": 1}, "expect": expect});
    let stage = |stage: Value| expecting(json!({"stages": [stage]}));
    let doing = |step: Value| json!({"name": "c", "context": {"n": 1}, "steps": [step], "expect": {}});
    let silent = json!({"name": "c", "context": {"n": 1}, "steps": [], "directory": [{"role": "r", "users": []}],
        "expect": {"status": "in_review"}});
    let cases = [
        (expecting(json!({"status": "approved"})), "status: expected approved, got in_review"),
        (expecting(json!({"status": "done"})), "status: `done` is none of pending, in_review, approved"),
        (expecting(json!({"reason": "x"})), "reason: expected x, got none"),
        (expecting(json!({"open": ["ann"]})), "open: expected [ann], got [ann, bob]"),
        (expecting(json!({"context": "refused"})), "the context is accepted, and should be refused"),
        (stage(json!({"stage_order": 9})), "stage 9: the policy has none"),
        (
            stage(json!({"stage_order": 1, "approvers": ["cy"]})),
            "stage 1, approvers: expected [cy], got [ann, bob]",
        ),
        (stage(json!({"stage_order": 1, "observers": ["cy"]})), "stage 1, observers: expected [cy], got []"),
        (
            stage(json!({"stage_order": 1, "skipped": "skip_if"})),
            "stage 1, skipped: expected skip_if, got false",
        ),
        (stage(json!({"stage_order": 1, "skipped": true})), "stage 1, skipped: expected true, got false"),
        (
            stage(json!({"stage_order": 1, "state": "approved"})),
            "stage 1, state: expected approved, got active",
        ),
        (json!({"name": "c", "expect": {}}), "the context is refused: context.n: "),
        (silent, "status: expected in_review, got rejected"),
        (
            doing(json!({"decide": {"by": "cy", "action": "approve"}})),
            "step 1: `cy` has no task here; those who have: ann, bob",
        ),
        (
            doing(json!({"decide": {"by": "ann", "action": "agree"}})),
            "step 1: `agree` is not one of approve, reject, abstain",
        ),
        (
            doing(json!({"decide": {"by": "ann", "action": "approve", "refused": true}})),
            "step 1: was accepted, and should be refused",
        ),
        (
            doing(json!({"reassign": {"from": "ann", "to": "bob"}})),
            "step 1: was refused: bob already holds a seat",
        ),
        (doing(json!({"cancel": {"by": "ann"}})), "step 1: was refused: only an admin"),
    ];
    for (case, words) in cases {
        let told = differences(&case);
        assert!(told.len() == 1 && told[0].starts_with(words), "{told:?}\nis not\n{words}");
    }
}

#[test]
fn a_rule_that_the_directory_is_silent_about_is_named() {
    let mut file = file(&json!([{"name": "c", "context": {"n": 1}, "expect": {}}]));
    file.directory.clear();
    let PolicySource::Inline(policy) = &file.policy else { panic!("the policy is inline") };
    let policy = policy::read(policy, &Egress::default(), None).expect("the policy is sound");
    let told = judge(&Subject { policy, schema: None }, &file, &file.cases[0]);
    assert_eq!(told, ["the directory of this case does not say who is found by role {\"role\":\"r\"}"]);
}

#[test]
fn an_unknown_word_in_a_case_is_an_error_and_not_ignored() {
    let case = json!({"name": "c", "expect": {"stages": [{"stage_order": 1, "aprovers": []}]}});
    let file = json!({"policy": "p.yaml", "cases": [case]});
    assert!(serde_json::from_value::<File>(file).is_err());
}
