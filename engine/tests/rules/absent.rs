//! A condition that reads absent values does not skip its stage.

use crate::fixture::{World, logic, policy, stage};
use engine::logic::{Budget, Failure};
use engine::request::EventType;
use serde_json::{Value, json};

fn holds(source: &Value, context: &Value) -> Result<bool, Failure> {
    logic(source).holds(context, &Budget::default())
}

#[test]
fn a_condition_over_an_absent_or_null_path_asks_people_and_says_so() {
    for context in [json!({}), json!({"risk_score": null})] {
        let mut first = stage(1, &["ann"]);
        first.skip_if = Some(logic(&json!({"<": [{"var": "risk_score"}, 10]})));
        let world = World::start_with(policy(vec![first]), &[], context);
        assert_eq!(world.open(), ["ann"]);
        let told = world.event(EventType::StageStarted).payload["resolution_errors"].to_string();
        assert!(told.contains("skip_if: reads `risk_score`, which is absent or null"), "{told}");
    }
}

#[test]
fn every_way_to_read_what_is_not_there_is_noticed() {
    let context = json!({
        "nothing": null, "list": [1, {"kind": "a"}, null], "nested": {"x": null}, "items": [{"risk": 1}, {}],
    });
    for (source, path) in [
        (json!({"==": [{"var": "gone"}, 0]}), "`gone`"),
        (json!({"==": [{"var": ["gone"]}, 0]}), "`gone`"),
        (json!({"!": {"var": "nothing"}}), "`nothing`"),
        (json!({"!": {"var": "nested.x"}}), "`nested.x`"),
        (json!({"!": {"var": "nested.x.y.z"}}), "`nested.x.y.z`"),
        (json!({"!": {"var": "list.2"}}), "`list.2`"),
        (json!({"!": {"var": "list.9"}}), "`list.9`"),
        (json!({"!": {"var": "list.1.none"}}), "`list.1.none`"),
        (json!({"!": {"var": {"cat": ["go", "ne"]}}}), "`gone`"),
        (json!({"!": {"var": 7}}), "`7`"),
        (json!({"!": {"val": "gone"}}), "`gone`"),
        (json!({"!": {"val": ["nested", "x"]}}), "`nested.x`"),
        (json!({"!": {"val": [["nested", "x"]]}}), "`nested.x`"),
        (json!({"none": [{"var": "gone"}, true]}), "`gone`"),
        (json!({"!": [{"in": ["x", {"var": "gone"}]}]}), "`gone`"),
        (json!({"!": [{"filter": [{"var": "gone"}, true]}]}), "`gone`"),
        (json!({"all": [{"var": "items"}, {"<": [{"var": "risk"}, 10]}]}), "`risk` of an item of a list"),
        (json!({"none": [{"var": "list"}, {"==": [{"var": ""}, 9]}]}), "an item of a list"),
        (json!({"!": [{"some": [{"var": "items"}, {"val": [[1], "gone"]}]}]}), "`gone`"),
        (
            json!({"none": [{"var": "items"}, {"==": [{"var": "country"}, "KE"]}]}),
            "`country` of an item of a list",
        ),
        (
            json!({"!": [{"reduce": [{"var": "items"}, {"var": "current.gone"}, 0]}]}),
            "`current.gone` of an item",
        ),
        (json!({"==": [{"var": ["gone", {"var": "nothing"}]}, 0]}), "`nothing`"),
        (json!({"or": [true, {"var": "a"}], }), ""),
        (json!({"==": [[{"var": "gone"}], [0]]}), "`gone`"),
        (json!({"if": [{"missing": ["other"]}, {"!": {"var": "gone"}}, false]}), "`gone`"),
        (json!({"if": [{"missing": ["nested"]}, false, {"!": {"var": "nested.x"}}]}), "`nested.x`"),
        (json!({"and": [{"all": [{"var": "items"}, {"!": [{"missing": ["gone", "risk"]}]}]}, true]}), ""),
    ] {
        let outcome = holds(&source, &context);
        match (path, &outcome) {
            ("", Ok(_)) => {}
            (_, Err(failure @ Failure::Absent(_))) => {
                assert!(failure.to_string().contains(path), "{source}: {failure}")
            }
            _ => panic!("{source}: {outcome:?}"),
        }
    }
}

#[test]
fn a_condition_that_provides_for_what_is_absent_may_rest_on_it() {
    let context = json!({"nothing": null, "items": [{"risk": 1}, {}], "country": "KE"});
    for (source, truth) in [
        (json!({"==": [{"var": ["gone", 0]}, 0]}), true),
        (json!({"<": [{"var": ["nothing", 5]}, 10]}), true),
        (json!({"<": [{"var": ["nothing", 50]}, 10]}), false),
        (json!({"missing": ["gone"]}), true),
        (json!({"missing": "gone"}), true),
        (json!({"missing_some": [1, ["gone", "nothing"]]}), true),
        (json!({"if": [{"missing": ["gone"]}, true, {"==": [{"var": "gone"}, 0]}]}), true),
        (json!({"and": [{"!": {"var": "gone"}}, {"missing": ["gone"]}]}), true),
        (json!({"or": [{"!": {"var": "gone"}}, {"missing": ["gone"]}]}), true),
        (json!({"and": [{"missing": [{"cat": ["go", "ne"]}]}, {"!": {"var": "gone"}}]}), true),
        (json!({"and": [{"missing": {"merge": ["gone", []]}}, {"!": {"var": "gone"}}]}), true),
        (json!({"all": [{"var": "items"}, {"<": [{"var": ["risk", 0]}, 10]}]}), true),
        (
            json!({"all": [{"var": "items"}, {"or": [{"missing": ["risk"]}, {"<": [{"var": "risk"}, 10]}]}]}),
            true,
        ),
        (json!({"or": [{"==": [{"var": "country"}, "KE"]}, {"var": "gone"}]}), true),
        (json!({"and": [{"==": [{"var": "country"}, "UG"]}, {"var": "gone"}]}), false),
        (json!({"if": [{"==": [{"var": "country"}, "KE"]}, true, {"var": "gone"}]}), true),
        (json!({"reduce": [[1, 2], {"or": [{"var": "accumulator"}, {"var": "current"}]}]}), true),
        (json!({"!": [{"var": ""}]}), false),
    ] {
        assert_eq!(holds(&source, &context), Ok(truth), "{source}");
    }
}

#[test]
fn many_absent_paths_make_a_short_message() {
    let reads: Vec<Value> =
        (0..200).map(|number| json!({"var": format!("{number}{}", "x".repeat(200))})).collect();
    let failure = holds(&json!({"!": [{"or": reads}]}), &json!({})).unwrap_err().to_string();
    assert!(failure.contains("and 195 more"), "{failure}");
    assert!(failure.len() < 1_000, "{failure}");
}
