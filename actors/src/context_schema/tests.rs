use super::*;
use serde_json::json;
use std::sync::Arc;

fn faults(schema: &Value, context: &Value) -> Vec<(Value, String)> {
    let schema = ContextSchema::compile(schema).expect("the schema is valid");
    let details = schema.check(context).expect_err("the context is faulty");
    details.into_iter().map(|d| (serde_json::to_value(d.loc).expect("plain strings"), d.kind)).collect()
}

#[test]
fn a_fault_names_its_way_into_the_context() {
    let lines = json!({"type": "array", "items": {
        "type": "object", "required": ["amount"], "additionalProperties": false,
        "properties": {"amount": {"type": "number"}, "0": {"type": "string"}}}});
    let schema = json!({"type": "object", "required": ["lines"], "properties": {"lines": lines}});
    let cases = [
        (json!({}), json!(["body", "context", "lines"]), "missing"),
        (json!({"lines": 1}), json!(["body", "context", "lines"]), "value_error"),
        (
            json!({"lines": [{"amount": "x"}]}),
            json!(["body", "context", "lines", 0, "amount"]),
            "value_error",
        ),
        (json!({"lines": [{}]}), json!(["body", "context", "lines", 0, "amount"]), "missing"),
        (
            json!({"lines": [{"amount": 1, "b": 1}]}),
            json!(["body", "context", "lines", 0, "b"]),
            "extra_forbidden",
        ),
        (
            json!({"lines": [{"amount": 1, "0": 1}]}),
            json!(["body", "context", "lines", 0, "0"]),
            "value_error",
        ),
    ];
    for (context, loc, kind) in cases {
        assert_eq!(faults(&schema, &context), [(loc, kind.to_owned())], "{context}");
    }
    let kept = ContextSchema::compile(&schema).expect("the schema is valid");
    assert!(kept.check(&json!({"lines": [{"amount": 1}]})).is_ok());
}

#[test]
fn formats_are_checked_and_faults_are_bounded() {
    let schema = json!({"type": "object", "additionalProperties": {"type": "string", "format": "date"}});
    assert_eq!(faults(&schema, &json!({"on": "tomorrow"})).len(), 1);
    let many: serde_json::Map<_, _> = (0..1000).map(|n| (format!("f{n}"), json!(n))).collect();
    assert_eq!(faults(&schema, &Value::Object(many)).len(), MAX_FAULTS);
}

#[test]
fn what_is_no_schema_or_leads_outside_is_refused() {
    let cases = [
        (json!({"type": "strange"}), "is no valid JSON Schema, at `/type`"),
        (json!({"required": "amount"}), "is no valid JSON Schema, at `/required`"),
        (json!({"pattern": "("}), "is no valid JSON Schema"),
        (json!({"pattern": "(?=a)"}), "is no valid JSON Schema"),
        (json!({"$ref": "https://example.org/schema.json"}), "nothing is fetched"),
        (json!({"$ref": "file:///etc/passwd"}), "nothing is fetched"),
        (json!({"$ref": "#/nowhere"}), "must lead to a place inside this schema"),
        (json!({"$schema": "https://example.org/dialect"}), "nothing is fetched"),
        (json!({"description": "x".repeat(MAX_BYTES)}), "longer than"),
    ];
    for (schema, words) in cases {
        let refused = ContextSchema::compile(&schema).expect_err("the schema is refused");
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let itself = ContextSchema::compile(&json!({"$ref": "#"})).expect("it is a valid schema");
    assert!(itself.check(&json!({"a": 1})).is_ok());
    let round =
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
    assert!(ContextSchema::compile(&round).expect("it is a valid schema").check(&json!({})).is_ok());
    let tree =
        json!({"type": "object", "properties": {"child": {"$ref": "#"}}, "additionalProperties": false});
    assert_eq!(
        faults(&tree, &json!({"child": {"child": {"leaf": 1}}})),
        [(json!(["body", "context", "child", "child", "leaf"]), "extra_forbidden".to_owned())]
    );
}

/// A schema that goes on in two branches at every level.
fn branching(applicator: &str) -> Value {
    let deeper = json!({"properties": {"a": {"$ref": "#/$defs/node"}}});
    json!({"$ref": "#/$defs/node", "$defs": {"node": {applicator: [deeper, deeper]}}})
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({}), |inner, _| json!({"a": inner}))
}

#[test]
fn a_context_that_would_take_for_ever_is_refused_at_once_with_the_reason() {
    let ladder = |applicator: &str| {
        let step = |n: usize| json!({applicator: [{"$ref": format!("#/$defs/{}", n + 1)}, {"$ref": format!("#/$defs/{}", n + 1)}]});
        let mut steps: serde_json::Map<String, Value> = (0..60).map(|n| (n.to_string(), step(n))).collect();
        steps.insert("60".to_owned(), json!({"type": "string"}));
        json!({"$ref": "#/$defs/0", "$defs": steps})
    };
    let by_anchor = json!({"$ref": "#n", "$defs": {"n": {"$anchor": "n", "anyOf": [
        {"properties": {"a": {"$ref": "#n"}}}, {"properties": {"a": {"$ref": "#n"}}}]}}});
    let by_id = json!({"$id": "http://example.org/root", "anyOf": [
        {"properties": {"a": {"$ref": "root"}}, "required": ["b"]},
        {"properties": {"a": {"$ref": "http://example.org/root#"}}, "required": ["b"]}]});
    let escaped = json!({"$ref": "#/%24defs/n", "$defs": {"n": {"anyOf": [
        {"properties": {"a": {"$ref": "#/%24defs/n"}}, "required": ["b"]},
        {"additionalProperties": {"$ref": "#/%24defs/n"}, "required": ["b"]}]}}});
    let embedded = json!({"$defs": {"x": true, "e": {"$id": "http://e/e", "$defs": {"x": {"anyOf": [
        {"properties": {"a": {"$ref": "#/$defs/x"}}, "required": ["b"]},
        {"properties": {"a": {"$ref": "#/$defs/x"}}, "required": ["b"]}]}}, "$ref": "#/$defs/x"}}, "$id": "http://e/root", "$ref": "e"});
    let hostile = [
        branching("anyOf"),
        branching("oneOf"),
        branching("allOf"),
        ladder("allOf"),
        ladder("anyOf"),
        ladder("oneOf"),
        by_anchor,
        by_id,
        escaped,
        embedded,
    ];
    for schema in hostile {
        let compiled = ContextSchema::compile(&schema).expect("the schema is valid");
        let faults = compiled.check(&nested(40)).expect_err("too costly");
        assert!(faults[0].msg.contains("takes too many steps"), "{schema}: {faults:?}");
    }
}

#[test]
fn a_schema_that_leads_back_to_itself_on_the_spot_is_refused() {
    for schema in [json!({"allOf": [{"$ref": "#"}]}), json!({"not": {"$ref": "#"}})] {
        if let Ok(compiled) = ContextSchema::compile(&schema) {
            assert!(compiled.check(&json!({"a": 1})).is_err(), "{schema}");
        }
    }
}

#[test]
fn an_honest_schema_that_recurses_goes_on_over_a_large_context() {
    let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {
        "a": {"$ref": "#/$defs/node"}, "left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}},
        "additionalProperties": {"type": "number"}}}});
    let compiled = ContextSchema::compile(&tree).expect("the schema is valid");
    assert!(compiled.check(&nested(30)).is_ok());
    assert_eq!(compiled.advise(), None);
    let lines = json!({"properties": {"lines": {"items": {"type": "object", "required": ["n"], "properties": {
        "n": {"type": "integer", "minimum": 0}, "t": {"type": "string", "pattern": "^[a-z]+$"}}}}}});
    let compiled = ContextSchema::compile(&lines).expect("the schema is valid");
    let many: Vec<Value> = (0..6_000).map(|n| json!({"n": n, "t": "abc"})).collect();
    assert!(compiled.check(&json!({ "lines": many })).is_ok());
    assert_eq!(compiled.advise(), None);
}

#[test]
fn the_author_of_a_schema_that_branches_without_end_is_told() {
    for schema in [branching("anyOf"), branching("allOf")] {
        let advice = ContextSchema::compile(&schema).expect("the schema is valid").advise();
        assert!(advice.expect("a warning").contains("nested deeply"), "{schema}");
    }
}

#[test]
fn long_lists_of_unlike_things_and_many_faults_stay_small() {
    let unique = json!({"properties": {"list": {"uniqueItems": true}}});
    let compiled = ContextSchema::compile(&unique).expect("the schema is valid");
    let list: Vec<Value> = (0..20_000).map(|n| json!([n])).collect();
    assert!(compiled.check(&json!({ "list": list })).is_ok());
    let wrong = json!({"properties": {"list": {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}});
    let compiled = ContextSchema::compile(&wrong).expect("the schema is valid");
    let faults = compiled.check(&json!({ "list": list })).expect_err("faulty");
    assert_eq!((faults.len(), faults[0].msg.as_str()), (1, "does not keep the policy's context_schema"));
}

#[test]
fn a_schema_of_many_patterns_is_refused() {
    let patterns: Vec<Value> = (0..101).map(|n| json!({"pattern": format!("a{{{n}}}")})).collect();
    let refused = ContextSchema::compile(&json!({"anyOf": patterns})).expect_err("too many");
    assert!(refused.contains("more than 100 patterns"), "{refused}");
}

#[tokio::test]
async fn costly_validations_take_their_turn_and_whoever_waits_too_long_is_told_to_come_back() {
    let schema = Arc::new(
        ContextSchema::compile(&json!({"properties": {"list": {"uniqueItems": true}}})).expect("valid"),
    );
    let list: Vec<Value> = (0..20_000).map(Value::from).collect();
    let context = Arc::new(json!({ "list": list }));
    let validations = Validations::default();
    assert!(validations.check(&schema, &context, "amy").await.is_ok());
    let taken = validations.take_all().await;
    assert!(matches!(validations.check(&schema, &context, "amy").await, Err(crate::Error::Overloaded)));
    // Cheap ones need no place.
    assert!(validations.check(&schema, &Arc::new(json!({})), "amy").await.is_ok());
    drop(taken);
    assert!(validations.check(&schema, &context, "amy").await.is_ok());
}

#[tokio::test]
async fn a_caller_who_keeps_a_place_busy_keeps_none_from_others() {
    let schema = Arc::new(
        ContextSchema::compile(&json!({"properties": {"list": {"uniqueItems": true}}})).expect("valid"),
    );
    let list: Vec<Value> = (0..20_000).map(Value::from).collect();
    let context = Arc::new(json!({ "list": list }));
    let validations = Validations::default();
    let own = validations.take_own("hostile").await;
    assert!(matches!(validations.check(&schema, &context, "hostile").await, Err(crate::Error::Overloaded)));
    assert!(validations.check(&schema, &context, "honest").await.is_ok());
    drop(own);
    assert!(validations.check(&schema, &context, "hostile").await.is_ok());
}

#[test]
fn dividing_large_numbers_by_fractions_is_counted_as_what_it_takes() {
    let schema = json!({"properties": {"list": {"items": {"multipleOf": 0.0001}}}});
    let schema = ContextSchema::compile(&schema).expect("valid");
    let cost = |number: f64| schema.cost(&json!({ "list": vec![number; 1_000] })).expect("within the bound");
    assert!(cost(1e300) > 100 * cost(0.5) / 20, "{} and {}", cost(1e300), cost(0.5));
    assert!(schema.cost(&json!({ "list": vec![1e300; 19_000] })).is_none());
}
