//! JSONLogic as policies use it.

use engine::logic::{Budget, Failure, Logic, MAX_DEPTH};
use serde_json::{Value, json};

fn truth(source: Value, context: Value) -> Result<bool, String> {
    Logic::compile(&source)?.truthy(&context, &Budget::default()).map_err(|failure| failure.to_string())
}

#[test]
fn expressions_mean_what_jsonlogic_says() {
    let cases = [
        (json!(true), true),
        (json!([]), false),
        (json!(""), false),
        (json!("0"), true),
        (json!(0), false),
        (json!({"==": [1, "1"]}), true),
        (json!({"===": [1, "1"]}), false),
        (json!({"!=": [1, 2]}), true),
        (json!({">": [{"var": "amount"}, 100]}), true),
        (json!({">": [{"var": "missing"}, 100]}), false),
        (json!({"<": [1, {"var": "small"}, 10]}), true),
        (json!({"==": [{"var": "missing"}, "x"]}), false),
        (json!({"!=": [{"var": "missing"}, "x"]}), true),
        (json!({"==": [{"var": "country"}, "KE"]}), true),
        (json!({"in": [{"var": "country"}, ["KE", "UG"]]}), true),
        (json!({"in": ["b", "abc"]}), true),
        (json!({"!": [{"var": "missing"}]}), true),
        (json!({"!": {"var": "missing"}}), true),
        (json!({"!!": [[]]}), false),
        (json!({"and": [true, {"var": "list.0"}]}), true),
        (json!({"or": [false, 0, "yes"]}), true),
        (json!({"==": [{"var": ["nope", 7]}, 7]}), true),
        (json!({"==": [{"if": [false, 1, true, 2, 3]}, 2]}), true),
        (json!({"missing": ["amount", "gone"]}), true),
        (json!({"missing": ["amount"]}), false),
        (json!({"missing_some": [1, ["amount", "gone"]]}), false),
        (json!({"==": [{"+": [1, "2", 3]}, 6]}), true),
        (json!({"==": [{"%": [7, 3]}, 1]}), true),
        (json!({"==": [{"max": [1, 3, 2]}, 3]}), true),
        (json!({"==": [{"cat": ["a", 1]}, "a1"]}), true),
        (json!({"==": [{"substr": ["jsonlogic", -5]}, "logic"]}), true),
        (json!({"some": [{"var": "list"}, {">": [{"var": ""}, 2]}]}), true),
        (json!({"all": [{"var": "list"}, {">": [{"var": ""}, 2]}]}), false),
        (json!({"none": [{"var": "list"}, {">": [{"var": ""}, 9]}]}), true),
        (
            json!({"==": [{"reduce": [{"var": "list"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}, 6]}),
            true,
        ),
    ];
    let context = json!({"amount": 250, "small": 5, "country": "KE", "list": [1, 2, 3]});
    for (source, expected) in cases {
        assert_eq!(truth(source.clone(), context.clone()), Ok(expected), "{source}");
    }
}

#[test]
fn malformed_expressions_are_refused_with_the_reason() {
    let deep = (0..MAX_DEPTH).fold(json!(true), |inner, _| json!({ "!": [inner] }));
    let cases = [
        (json!({"launch": [1]}), "unknown operator `launch`"),
        (json!({"and": [true, {"lenght": [1]}]}), "unknown operator `lenght`"),
        (json!({"==": [1, 1], ">": [2, 1]}), "one key"),
        (json!({"and": true}), "list of arguments"),
        (json!({"now": []}), "unknown operator `now`"),
        (deep, "deeper"),
        (json!({"in": ["a", "x".repeat(70_000)]}), "longer"),
    ];
    for (source, why) in cases {
        let error = Logic::compile(&source).unwrap_err();
        assert!(error.contains(why), "{error} should say {why}");
    }
}

#[test]
fn expressions_name_users_as_a_string_or_a_list() {
    let cases = [
        (json!({"var": "boss"}), Ok(vec!["ann".to_owned()])),
        (json!({"var": "team"}), Ok(vec!["bob".to_owned(), "cy".to_owned()])),
        (json!({"map": [{"var": "people"}, {"var": "id"}]}), Ok(vec!["dan".to_owned()])),
        (json!({"var": "nobody"}), Ok(vec![])),
        (json!([]), Ok(vec![])),
        (json!({"var": "amount"}), Err(())),
        (json!({"var": "mixed"}), Err(())),
        (json!({"var": "people"}), Err(())),
        (json!({"+": ["a", 1]}), Err(())),
    ];
    let context = json!({
        "boss": "ann", "team": ["bob", "cy"], "people": [{"id": "dan"}], "amount": 3, "mixed": ["a", 1],
    });
    for (source, expected) in cases {
        let users = Logic::compile(&source).unwrap().users(&context, &Budget::default());
        assert_eq!(users.map_err(|_| ()), expected, "{source}");
    }
}

#[test]
fn expressions_are_shared_between_threads_and_keep_their_source() {
    fn shareable<T: Send + Sync>(_: &T) {}
    let source = json!({"var": "x"});
    let logic = Logic::compile(&source).unwrap();
    shareable(&logic);
    assert_eq!(logic.source(), &source);
}

#[test]
fn hostile_arithmetic_fails_or_answers_but_never_panics() {
    let extremes = json!([i64::MAX, i64::MIN, -1, 0, 1e308, "x", null, {}, [], u64::MAX]);
    for operator in ["+", "-", "*", "/", "%", "min", "max", "<", "==", "substr", "in", "merge", "cat", "var"]
    {
        for left in extremes.as_array().unwrap() {
            for right in extremes.as_array().unwrap() {
                if let Ok(logic) = Logic::compile(&json!({ operator: [{"var": "l"}, {"var": "r"}] })) {
                    let _ = logic.truthy(&json!({"l": left, "r": right}), &Budget::default());
                }
            }
        }
    }
}

#[test]
fn an_expression_that_grows_without_bound_fails_instead_of_eating_the_memory() {
    let doubled = json!({"cat": [{"var": "accumulator"}, {"var": "accumulator"}]});
    let merged = json!({"merge": [{"var": "accumulator"}, {"var": "accumulator"}]});
    for (step, seed) in [(doubled, json!("xx")), (merged, json!([1, 2]))] {
        let bomb = json!({"reduce": [vec![0; 40], step, seed]});
        let error = Logic::compile(&bomb).unwrap().truthy(&json!({}), &Budget::default());
        assert!(matches!(error, Err(Failure::Memory | Failure::Steps)), "{error:?}");
    }
}
