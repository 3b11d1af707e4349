//! Compares our JSONLogic with others: with the suite of its community, and with what the reference implementation
//! answers to generated expressions. `tests/data/jsonlogic/README.md` says where both come from, and
//! `docs/policies.md` where ours differs on purpose.

use engine::logic::{Budget, Failure, Logic, operators};
use serde::Deserialize;
use serde_json::{Value, json};

/// Returns whether the rule gives exactly this value.
fn gives(rule: &Value, context: &Value, expected: &Value) -> Result<bool, Failure> {
    let same = Logic::compile(&json!({"===": [rule, expected]})).map_err(Failure::Malformed)?;
    same.truthy(context, &Budget::default())
}

#[derive(Deserialize)]
struct CommunityCase {
    rule: Value,
    #[serde(default)]
    data: Value,
    result: Value,
}

#[test]
fn the_suite_of_the_community_passes() {
    let suite: Vec<Value> = serde_json::from_str(include_str!("../data/jsonlogic/community.json")).unwrap();
    // Entries that are text are headings.
    let cases = suite.into_iter().filter(Value::is_object);
    let cases: Vec<CommunityCase> = cases.map(|case| serde_json::from_value(case).unwrap()).collect();
    assert_eq!(cases.len(), 278);
    for CommunityCase { rule, data, result } in cases {
        assert_eq!(gives(&rule, &data, &result), Ok(true), "{rule} over {data} should give {result}");
    }
}

#[derive(Deserialize)]
struct Reference {
    contexts: Vec<Value>,
    cases: Vec<ReferenceCase>,
}

#[derive(Deserialize)]
struct ReferenceCase {
    rule: Value,
    /// Index into the list of contexts.
    context: usize,
    #[serde(default)]
    is: Value,
    #[serde(default)]
    fails: bool,
}

#[test]
fn generated_expressions_give_what_the_reference_implementation_gives() {
    let reference: Reference =
        serde_json::from_str(include_str!("../data/jsonlogic/reference.json")).unwrap();
    assert_eq!(reference.cases.len(), 2000);
    for case in &reference.cases {
        let given = gives(&case.rule, &reference.contexts[case.context], &case.is);
        let agrees = if case.fails { given.is_err() } else { given == Ok(true) };
        assert!(agrees, "{} over context {} should give {}: {given:?}", case.rule, case.context, case.is);
    }
}

#[test]
fn the_documentation_lists_every_operator() {
    let page = include_str!("../../../docs/policies.md");
    for operator in operators() {
        assert!(page.contains(&format!("`{operator}`")), "docs/policies.md does not mention `{operator}`");
    }
}
