//! Expressions that are made to use up too much: each fails by itself, and the request goes on.

use crate::fixture::{World, logic, policy, role, rule, stage, stage_of};
use engine::logic::{Budget, Failure, Logic};
use engine::policy::{Kind, OnBreach, OnEmpty, Rule, RuleSource, Stage};
use engine::request::EventType;
use serde_json::{Value, json};

/// As much as a worker thread has, and a good deal less than the main thread has.
const SMALL_STACK: usize = 1024 * 1024;

fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(run).expect("a thread starts");
    thread.join().expect("the thread lives")
}

/// An expression that evaluates `wrapped` `times` times, each time on the result before; `seed` is the first.
fn again(times: usize, wrapped: &Value, seed: &Value) -> Value {
    json!({"reduce": [vec![0; times], wrapped, seed]})
}

fn deep() -> Value {
    again(5_000, &json!([{"var": "accumulator"}]), &json!([]))
}

fn doubling(operator: &str, seed: &Value) -> Value {
    again(60, &json!({operator: [{"var": "accumulator"}, {"var": "accumulator"}]}), seed)
}

/// Nested loops over the list of the context.
fn polynomial(levels: usize) -> Value {
    (0..levels).fold(json!(true), |inner, _| json!({"all": [{"val": [[99], "list"]}, inner]}))
}

fn long_list() -> Value {
    json!({"list": vec!["x"; 20_000], "text": "y".repeat(100_000)})
}

#[test]
fn an_expression_that_builds_deep_values_fails_wherever_the_value_goes() {
    for whole in [
        deep(),
        json!({"cat": [deep()]}),
        json!({"==": [deep(), deep()]}),
        json!({"===": [deep(), "x"]}),
        json!({"in": [deep(), [[]]]}),
        json!({"merge": [deep(), deep()]}),
        json!({"var": [deep()]}),
        json!({"missing": deep()}),
        json!({"+": [deep()]}),
        json!({"<": [deep(), deep()]}),
        json!({"map": [deep(), {"var": ""}]}),
        again(20_000, &json!({"merge": [[[{"var": "accumulator"}]]]}), &json!([])),
        again(20_000, &json!({"map": [[0], {"val": [[1], "accumulator"]}]}), &json!([])),
    ] {
        let outcome = on_a_small_stack(move || {
            let logic = Logic::compile(&whole).unwrap();
            (logic.truthy(&json!({}), &Budget::default()), logic.users(&json!({}), &Budget::default()))
        });
        assert!(matches!(outcome.0, Err(Failure::Depth | Failure::Steps)), "{outcome:?}");
        assert!(outcome.1.is_err(), "{outcome:?}");
    }
}

#[test]
fn an_expression_as_deep_as_is_allowed_runs_on_a_small_stack() {
    let deepest = (0..31).fold(json!({"var": ""}), |inner, _| json!({"map": [[0], inner]}));
    on_a_small_stack(move || {
        let truth = Logic::compile(&deepest).unwrap().truthy(&json!({}), &Budget::default());
        assert_eq!(truth, Ok(true));
    });
}

#[test]
fn an_expression_that_doubles_what_it_has_fails() {
    for bomb in [
        doubling("cat", &json!("xx")),
        doubling("merge", &json!([1, 2])),
        json!({"cat": [doubling("cat", &json!("xx"))]}),
        again(60, &json!([{"var": "accumulator"}, {"var": "accumulator"}]), &json!("x")),
        json!({"cat": [again(30, &json!([{"var": "accumulator"}, {"var": "accumulator"}]), &json!("x"))]}),
    ] {
        let outcome = logic(&bomb).truthy(&json!({}), &Budget::default());
        assert!(matches!(outcome, Err(Failure::Steps | Failure::Memory | Failure::Depth)), "{outcome:?}");
    }
}

#[test]
fn an_expression_that_loops_in_loops_or_reads_long_texts_over_and_over_fails() {
    let each = |inner: Value| json!({"map": [{"var": "list"}, inner]});
    let text = json!({"val": [[1], "text"]});
    for slow in [
        polynomial(2),
        polynomial(20),
        each(json!({"in": ["zz", {"val": [[1], "list"]}]})),
        each(json!({"==": [text.clone(), {"cat": [text.clone()]}]})),
        each(json!({"in": ["zz", text.clone()]})),
        each(json!({"substr": [text.clone(), -1]})),
        each(json!({"<": [text.clone(), text.clone()]})),
        each(json!({"+": [text.clone()]})),
        each(json!({"val": [[1], {"val": [[1], "text"]}]})),
        each(json!({"missing": [{"val": [[1], "text"]}]})),
        each(json!({"merge": [{"val": [[1], "list"]}, 1]})),
        each(json!({"missing": [{"val": [[1], "list"]}]})),
        each(json!({"missing_some": [1, {"val": [[1], "list"]}]})),
    ] {
        let outcome = logic(&slow).truthy(&long_list(), &Budget::default());
        assert!(
            matches!(outcome, Err(Failure::Steps | Failure::Memory | Failure::NotANumber(_))),
            "{slow}: {outcome:?}"
        );
    }
}

#[test]
fn an_honest_expression_over_the_largest_context_has_room() {
    let named = json!({"some": [{"var": "list"}, {"and": [{"!==": [{"var": ""}, "x"]}, true]}]});
    assert_eq!(logic(&named).truthy(&long_list(), &Budget::default()), Ok(false));
}

fn expression(source: &Value) -> Rule {
    rule(Kind::Approver, RuleSource::Expression(logic(source)))
}

/// The errors in the last event of a type, one on each line.
fn errors(world: &World, kind: EventType) -> String {
    let told = world.event(kind).payload.get("resolution_errors").cloned().unwrap_or_default();
    let lines = told.as_array().cloned().unwrap_or_default();
    lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_rule_past_a_bound_seats_nobody_and_the_others_go_on() {
    let mut first = stage_of(1, vec![expression(&deep()), expression(&json!({"var": "boss"}))]);
    first.skip_if = Some(logic(&doubling("cat", &json!("xx"))));
    let world = World::start_with(policy(vec![first]), &[], json!({"boss": "ann"}));
    assert_eq!(world.open(), ["ann"]);
    let told = errors(&world, EventType::StageStarted);
    assert!(told.contains("expression: puts more than 32 lists into one another"), "{told}");
    assert!(told.contains("skip_if: builds more than"), "{told}");
}

#[test]
fn a_bound_holds_at_the_group_start_the_escalation_and_the_breach_too() {
    let escalating = Stage {
        sla_hours: Some(1),
        on_breach: OnBreach::Escalate,
        escalation_rules: vec![expression(&deep())],
        ..stage(2, &["bob"])
    };
    let second = Stage { skip_if: Some(logic(&polynomial(2))), ..escalating };
    let mut world = World::start_with(policy(vec![stage(1, &["ann"]), second]), &[], long_list());
    world.approve("ann");
    assert!(errors(&world, EventType::StageStarted).contains("skip_if: takes more than"));
    world.hours_pass(2);
    assert!(errors(&world, EventType::StageEscalationFailed).contains("expression: puts more than"));
    world.approve("bob");
    assert_eq!(world.status(), "approved");
}

#[test]
fn a_rule_past_a_bound_that_waits_for_a_directory_is_told_when_it_has_answered() {
    let first = stage_of(1, vec![role("officer"), expression(&deep())]);
    let mut world = World::start(policy(vec![first]));
    world.resolve(&["ann"]);
    assert_eq!(world.open(), ["ann"]);
    assert!(errors(&world, EventType::StageStarted).contains("expression: puts more than"));
}

#[test]
fn a_stored_expression_that_would_be_refused_today_fails_alone() {
    let stored = Logic::stored(&json!({"launch": []}));
    let mut first = stage(1, &["ann"]);
    first.skip_if = Some(stored);
    let world = World::start(policy(vec![first]));
    assert_eq!(world.open(), ["ann"]);
    let told = errors(&world, EventType::StageStarted);
    assert!(told.contains("skip_if: is not well formed: unknown operator `launch`"), "{told}");
}

#[test]
fn many_costly_rules_have_one_budget_together() {
    let budget = Budget::default();
    let costly = logic(&polynomial(2));
    for _ in 0..5 {
        assert_eq!(costly.truthy(&long_list(), &budget), Err(Failure::Steps));
    }
    assert_eq!(logic(&json!(true)).truthy(&json!({}), &budget), Err(Failure::Steps));
}

/// So many ids, all different.
fn crowd(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user-{number}")).collect()
}

#[test]
fn a_stage_has_at_most_a_thousand_seats_else_the_request_is_blocked() {
    let start = |count| {
        let skipping =
            Stage { on_empty: OnEmpty::Skip, ..stage_of(1, vec![expression(&json!({"var": "people"}))]) };
        World::start_with(policy(vec![skipping]), &[], json!({"people": crowd(count)}))
    };
    let full = start(1_000);
    assert_eq!(full.open().len(), 1_000);
    let over = start(1_001);
    assert_eq!((over.status(), over.why()), ("rejected", Some("too_many_seats")));
    assert!(errors(&over, EventType::RequestRejected).contains("more than 1000 approvers"));
}

#[test]
fn stages_that_start_together_share_the_bound() {
    let start = |count: usize, stages: i32| {
        let together = |order| Stage {
            parallel_group: Some(1),
            ..stage_of(order, vec![expression(&json!({"var": "people"}))])
        };
        World::start_with(policy((1..=stages).map(together).collect()), &[], json!({"people": crowd(count)}))
    };
    assert_eq!(start(500, 2).open().len(), 1_000);
    let over = start(501, 2);
    assert_eq!((over.status(), over.why(), over.open().len()), ("rejected", Some("too_many_seats"), 0));
    assert!(errors(&over, EventType::RequestRejected).contains("1000 approvers"));
    // Long ids are bounded by their bytes.
    let long: Vec<String> = (0..600).map(|n| format!("{n}{}", "😀".repeat(190))).collect();
    let together = |order| Stage {
        parallel_group: Some(1),
        ..stage_of(
            order,
            vec![expression(&json!({"map": [{"var": "people"}, {"cat": [order, {"var": ""}]}]}))],
        )
    };
    let policy = policy((1..=3).map(together).collect());
    let over = World::start_with(policy, &[], json!({ "people": long }));
    assert_eq!(over.why(), Some("too_many_seats"));
}

#[test]
fn a_directory_that_names_too_many_blocks_and_an_escalation_to_too_many_fails() {
    let crowd = crowd(1_001);
    let names: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let mut world = World::start(policy(vec![stage_of(1, vec![role("everybody")])]));
    world.resolve(&names);
    assert_eq!(world.why(), Some("too_many_seats"));

    let escalating = Stage {
        sla_hours: Some(1),
        on_breach: OnBreach::Escalate,
        escalation_rules: vec![role("everybody")],
        ..stage(1, &["ann"])
    };
    let mut world = World::start(policy(vec![escalating]));
    world.hours_pass(2);
    world.resolve(&names);
    assert_eq!(world.event(EventType::StageEscalationFailed).reason.as_deref(), Some("too_many_seats"));
    world.approve("ann");
    assert_eq!(world.status(), "approved");
}

#[test]
fn no_list_in_an_event_grows_without_bound() {
    let long = |number: usize| format!("{number:0>200}");
    let people: Vec<String> = (0..1_000).map(long).collect();
    let nobody: Vec<String> = (0..1_000).map(|number| format!("system:{number}")).collect();
    let rules = vec![expression(&json!({"var": "people"})), expression(&json!({"var": "nobody"}))];
    let world =
        World::start_with(policy(vec![stage_of(1, rules)]), &[], json!({"people": people, "nobody": nobody}));
    assert_eq!(world.open().len(), 1_000);
    let payload = &world.event(EventType::StageStarted).payload;
    let told = payload["approvers"].as_array().unwrap().len();
    assert_eq!(told + usize::try_from(payload["approvers_omitted"].as_u64().unwrap()).unwrap(), 1_000);
    assert!(errors(&world, EventType::StageStarted).contains("and 980 more"));
    assert!(serde_json::to_vec(payload).unwrap().len() < 100_000);
}

#[test]
fn a_costly_constant_is_not_played_to_its_end_when_its_policy_is_checked() {
    let costly = again(60, &again(60, &json!({"+": [1, 1]}), &json!(0)), &json!(0));
    let named = logic(&costly);
    assert_eq!(named.users(&json!({}), &named.trial()), Err(Failure::Steps));
    assert_eq!(named.users(&json!({}), &Budget::default()), Err(Failure::NoUser));
    // Without the result of the trial nobody knows whom it names, so no advice is given about it.
    let first = Stage { skip_if: Some(named), ..stage_of(1, vec![expression(&costly)]) };
    assert!(engine::validate::advise(&policy(vec![first])).is_empty());
    // A trial of an expression that only lists people succeeds.
    let list = logic(&json!(crowd(900)));
    assert_eq!(list.users(&json!({}), &list.trial()).map(|users| users.len()), Ok(900));
}
