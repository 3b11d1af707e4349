use super::*;
use serde_json::json;

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
