//! Warnings about the variables that a policy's expressions read.

use crate::fixture::{logic, policy, rule, stage, stage_of};
use engine::policy::{Kind, RuleSource, Stage};
use engine::validate::about_variables;
use serde_json::{Value, json};

fn skipping(order: i32, condition: &Value) -> Stage {
    Stage { skip_if: Some(logic(condition)), ..stage(order, &["a"]) }
}

/// Returns the warnings about policies with one stage for each condition.
fn told(conditions: &[Value], schema: Option<&Value>) -> Vec<(i32, String)> {
    let stages = (1..).zip(conditions).map(|(order, condition)| skipping(order, condition)).collect();
    let warnings = about_variables(&policy(stages), schema);
    warnings.into_iter().map(|warning| (warning.stage.unwrap_or(0), warning.message)).collect()
}

fn schema() -> Value {
    json!({
        "required": ["amount", "lines"],
        "properties": {
            "amount": {"type": "number"},
            "district": {"type": "string"},
            "lines": {"items": {"required": ["sum"], "properties": {"sum": {"type": "number"}}}},
        },
    })
}

#[test]
fn a_variable_that_the_schema_does_not_know_is_told_with_the_one_that_was_meant() {
    for (condition, message) in [
        (
            json!({"<": [{"var": "amont"}, 5]}),
            "reads `amont`, which context_schema does not declare; did you mean `amount`?",
        ),
        (
            json!({"<": [{"var": ["amont", 0]}, 5]}),
            "reads `amont`, which context_schema does not declare; did you mean `amount`?",
        ),
        (
            json!({"missing": ["amont"]}),
            "reads `amont`, which context_schema does not declare; did you mean `amount`?",
        ),
        (
            json!({"val": ["amont"]}),
            "reads `amont`, which context_schema does not declare; did you mean `amount`?",
        ),
        (json!({"var": "country"}), "reads `country`, which context_schema does not declare"),
        (json!({"var": "amount.currency"}), "reads `amount.currency`, which context_schema does not declare"),
    ] {
        assert_eq!(
            told(std::slice::from_ref(&condition), Some(&schema())),
            [(1, message.to_owned())],
            "{condition}"
        );
    }
}

#[test]
fn a_variable_that_may_be_absent_is_told_with_what_follows() {
    let condition = json!({"==": [{"var": "district"}, "north"]});
    let [(1, message)] = &told(&[condition], Some(&schema()))[..] else { panic!("one warning") };
    assert!(
        message.contains("`district`, which context_schema does not require: where it is absent"),
        "{message}"
    );
    assert!(message.contains("the stage is not skipped"), "{message}");
    let names = RuleSource::Expression(logic(&json!({"var": "district"})));
    let seats = policy(vec![stage_of(1, vec![rule(Kind::Approver, names)])]);
    let warnings = about_variables(&seats, Some(&schema()));
    assert_eq!(warnings[0].field, "rules[0].rule_value.logic");
    assert!(warnings[0].message.contains("seat nobody"), "{}", warnings[0].message);
}

#[test]
fn nothing_is_told_of_what_is_there_or_may_be_absent_on_purpose() {
    for condition in [
        json!({"<": [{"var": "amount"}, 5]}),
        json!({"==": [{"var": ["district", "none"]}, "north"]}),
        json!({"or": [{"missing": ["district"]}, {"==": [{"var": "district"}, "north"]}]}),
        json!({"some": [{"var": "lines"}, {">": [{"var": "sum"}, 5]}]}),
        json!({"some": [{"var": "lines"}, {">": [{"var": ""}, 5]}]}),
        json!({"some": [{"var": "lines"}, {">": [{"var": "sum"}, {"val": [[1], "amount"]}]}]}),
        json!({"reduce": [{"var": "lines"}, {"+": [{"var": "current.sum"}, {"var": "accumulator"}]}, 0]}),
        json!({"var": {"cat": ["am", "ount"]}}),
    ] {
        assert_eq!(told(std::slice::from_ref(&condition), Some(&schema())), [], "{condition}");
    }
}

#[test]
fn a_variable_inside_a_list_that_means_the_context_is_told() {
    for operator in ["map", "filter", "all", "some", "none"] {
        let condition = json!({operator: [{"var": "lines"}, {"<": [{"var": "sum"}, {"var": "amount"}]}]});
        let [(1, message)] = &told(std::slice::from_ref(&condition), Some(&schema()))[..] else {
            panic!("{operator}")
        };
        assert!(
            message.starts_with("`amount` is read from an item of the list here, not from the context"),
            "{message}"
        );
        // Without a schema, a name counts as known when another expression reads it.
        let told = told(&[json!({"<": [{"var": "amount"}, 5]}), condition], None);
        assert!(
            matches!(&told[..], [(2, message)] if message.starts_with("`amount` is read from an item")),
            "{told:?}"
        );
    }
    let condition =
        json!({"reduce": [{"var": "lines"}, {"+": [{"var": "amount"}, {"var": "accumulator"}]}, 0]});
    for schema in [Some(&schema()), None] {
        let told = told(std::slice::from_ref(&condition), schema);
        assert!(
            matches!(&told[..], [(1, message)] if message.contains("absent inside `reduce`")),
            "{told:?}"
        );
    }
}

#[test]
fn without_a_schema_a_name_that_one_expression_alone_reads_is_told_where_others_read_a_similar_one() {
    let reads = |name: &str| json!({"<": [{"var": name}, 5]});
    let told = |names: &[&str]| told(&names.iter().map(|name| reads(name)).collect::<Vec<_>>(), None);
    let message = "reads `amont`, which no other expression reads; did you mean `amount`?";
    assert_eq!(told(&["amont", "amount", "amount"]), [(1, message.to_owned())]);
    assert_eq!(told(&["amount", "amont"]), [(2, message.to_owned())]);
    assert_eq!(
        told(&["payee.name", "payer.name"]),
        [(2, "reads `payer`, which no other expression reads; did you mean `payee`?".to_owned())]
    );
    for sound in [&["amount", "amount"][..], &["amount", "district"], &["line1", "line2"], &["amount"]] {
        assert_eq!(told(sound), [], "{sound:?}");
    }
}
