//! How two versions of a policy differ, in words.

use crate::fixture::{logic, observer, policy, required, role, rule, stage, stage_of, user};
use crate::plan::plans;
use engine::diff::{Change, ChangeKind, Version, diff};
use engine::policy::{CommentRequired, Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, RuleSource, Stage};
use proptest::prelude::*;
use serde_json::{Value, json};

const fn version(policy: &Policy) -> Version<'_> {
    Version { policy, name: "Payments", description: None, artifact_type: "payment", context_schema: None }
}

fn changes(before: Vec<Stage>, after: Vec<Stage>) -> Vec<Change> {
    diff(version(&policy(before)), version(&policy(after)))
}

fn finance() -> Stage {
    Stage { name: "Finance".into(), mode: Mode::AnyN(1), ..stage(1, &["ann", "bob"]) }
}

fn legal() -> Stage {
    Stage { name: "Legal".into(), ..stage(2, &["cy"]) }
}

fn audit() -> Stage {
    Stage { name: "Audit".into(), ..stage(3, &["dan"]) }
}

/// The kind, the field and the words of the one change of a stage.
fn one(before: Stage, after: Stage) -> (ChangeKind, Option<&'static str>, String) {
    let found = changes(vec![before], vec![after]);
    let [change] = &found[..] else { panic!("one change, not {found:?}") };
    (change.kind, change.field, change.words.clone())
}

#[test]
fn every_field_of_a_stage_has_its_words() {
    use ChangeKind::{Added, Changed, Removed};
    let timed = |breach| Stage { sla_hours: Some(24), on_breach: breach, ..finance() };
    let condition = |amount: i64| Some(logic(&json!({"<": [{"var": "amount"}, amount]})));
    let skipped = |amount| Stage { skip_if: condition(amount), ..finance() };
    let mode = |mode| Stage { mode, ..finance() };
    let comment = |comment_required| Stage { comment_required, ..finance() };
    let table = [
        (finance(), mode(Mode::AnyN(2)), Changed, "mode", "Finance now needs 2 approvals instead of 1"),
        (
            mode(Mode::All),
            mode(Mode::Percentage(60)),
            Changed,
            "mode",
            "Finance now needs 60 percent of the approvals instead of every approval",
        ),
        (
            finance(),
            Stage { reject_mode: RejectMode::Unreachable, ..finance() },
            Changed,
            "reject_mode",
            "One rejection no longer ends Finance: it goes on while enough approvals are still possible",
        ),
        (finance(), timed(OnBreach::Notify), Added, "sla_hours", "Finance now has a deadline of 24 hours"),
        (
            timed(OnBreach::Notify),
            finance(),
            Removed,
            "sla_hours",
            "Finance has no deadline any more (it was 24 hours)",
        ),
        (
            timed(OnBreach::Notify),
            Stage { sla_hours: Some(1), ..finance() },
            Changed,
            "sla_hours",
            "The deadline of Finance is now 1 hour instead of 24 hours",
        ),
        (
            timed(OnBreach::Notify),
            timed(OnBreach::AutoApprove),
            Changed,
            "on_breach",
            "When the deadline of Finance passes, it is approved by itself; before, nothing follows and late \
             decisions count",
        ),
        (finance(), skipped(5), Added, "skip_if", "Finance is now skipped under a condition"),
        (
            skipped(5),
            skipped(6),
            Changed,
            "skip_if",
            "Finance is skipped under another condition than before",
        ),
        (skipped(5), finance(), Removed, "skip_if", "Finance is no longer skipped under a condition"),
        (
            finance(),
            Stage { on_empty: OnEmpty::Skip, ..finance() },
            Changed,
            "on_empty",
            "When nobody can sit in Finance, it is now skipped",
        ),
        (
            finance(),
            comment(CommentRequired::Always),
            Changed,
            "comment_required",
            "Every decision in Finance must now say why",
        ),
        (
            comment(CommentRequired::Always),
            finance(),
            Changed,
            "comment_required",
            "Decisions in Finance need not say why any more",
        ),
        (
            finance(),
            Stage { name: "Treasury".into(), ..finance() },
            Changed,
            "name",
            "Finance is now called Treasury",
        ),
    ];
    for (before, after, kind, field, words) in table {
        assert_eq!(one(before, after), (kind, Some(field), words.to_owned()));
    }
}

#[test]
fn every_change_of_a_rule_has_its_words() {
    use ChangeKind::{Added, Changed, Removed};
    let of = |rules| Stage { name: "Finance".into(), ..stage_of(1, rules) };
    let external = |rule_type: &str, value: Value| {
        rule(Kind::Approver, RuleSource::External { rule_type: rule_type.into(), value })
    };
    let http = external("http", json!({"url": "https://hr.example.org/who?key=s3cret"}));
    let client = external("role", json!({"role": "boss", "client": "hr"}));
    let table = [
        (vec![user("ann")], vec![user("ann"), role("cfo")], Added, "Finance now also asks role cfo"),
        (vec![user("ann"), client], vec![user("ann")], Removed, "Finance no longer asks role boss of hr"),
        (
            vec![user("ann")],
            vec![user("ann"), http],
            Added,
            "Finance now also asks whom https://hr.example.org/who names",
        ),
        (vec![user("ann")], vec![required("ann")], Changed, "In Finance, user ann must now approve"),
        (vec![required("ann")], vec![user("ann")], Changed, "In Finance, user ann need no longer approve"),
        (
            vec![user("ann")],
            vec![observer("ann")],
            Changed,
            "In Finance, user ann now watches instead of deciding",
        ),
        (vec![user("ann")], vec![user("ann"), observer("bob")], Added, "Finance is now watched by user bob"),
        (
            vec![user("ann")],
            vec![user("ann"), required("bob")],
            Added,
            "Finance now also asks user bob, who must approve",
        ),
    ];
    for (before, after, kind, words) in table {
        assert_eq!(one(of(before), of(after)), (kind, Some("rules"), words.to_owned()));
    }
    let escalating = |rules| Stage {
        on_breach: OnBreach::Escalate,
        sla_hours: Some(1),
        escalation_rules: rules,
        ..finance()
    };
    let (kind, field, words) = one(escalating(vec![user("eva")]), escalating(vec![user("eva"), role("cfo")]));
    assert_eq!((kind, field), (Added, Some("escalation_rules")));
    assert_eq!(words, "When Finance escalates, role cfo is now asked");
    let (.., words) = one(escalating(vec![user("eva")]), escalating(vec![required("eva")]));
    assert_eq!(words, "In the escalation of Finance, user eva must now approve");
}

#[test]
fn a_rule_is_shown_as_it_is_written() {
    let found = changes(vec![legal()], vec![Stage { rules: vec![user("cy"), role("cfo")], ..legal() }]);
    let rule =
        json!({"rule_type": "role", "rule_value": {"role": "cfo"}, "kind": "approver", "required": false});
    assert_eq!((&found[0].before, &found[0].after), (&Value::Null, &rule));
    assert_eq!((found[0].stage, found[0].stage_name.as_deref()), (Some(2), Some("Legal")));
}

#[test]
fn stages_come_go_and_move() {
    let found = changes(
        vec![finance(), legal()],
        vec![Stage { order: 1, ..legal() }, Stage { order: 2, ..finance() }],
    );
    let [moved] = &found[..] else { panic!("one move, not {found:?}") };
    assert_eq!((moved.kind, moved.field), (ChangeKind::Moved, Some("stage_order")));
    assert!(["Finance now comes after Legal", "Legal now comes first"].contains(&&*moved.words), "{moved:?}");

    let found = changes(vec![finance(), audit()], vec![finance(), legal(), audit()]);
    let [added] = &found[..] else { panic!("one stage, not {found:?}") };
    assert_eq!((added.kind, added.stage, added.field), (ChangeKind::Added, Some(2), None));
    assert_eq!(added.words, "Legal is new, after Finance: it needs every approval from user cy");
    assert_eq!(added.after, json!({"stage_order": 2, "name": "Legal"}));

    let found = changes(vec![finance(), legal()], vec![legal()]);
    let [removed] = &found[..] else { panic!("one stage, not {found:?}") };
    assert_eq!((removed.kind, removed.stage), (ChangeKind::Removed, Some(1)));
    assert_eq!(removed.words, "Finance is gone: it needed 1 approval from user ann and user bob");
}

#[test]
fn a_stage_that_asks_others_under_another_name_is_another_stage() {
    let kinds: Vec<ChangeKind> = changes(vec![finance()], vec![legal()]).iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ChangeKind::Added, ChangeKind::Removed]);
}

#[test]
fn running_together_is_told_and_the_number_of_the_group_is_not() {
    let together = |group| {
        vec![
            Stage { parallel_group: Some(group), ..finance() },
            Stage { parallel_group: Some(group), ..legal() },
        ]
    };
    let words: Vec<String> =
        changes(vec![finance(), legal()], together(7)).into_iter().map(|change| change.words).collect();
    assert_eq!(words, ["Finance now runs together with Legal", "Legal now runs together with Finance"]);
    let words: Vec<String> =
        changes(together(7), vec![finance(), legal()]).into_iter().map(|change| change.words).collect();
    assert_eq!(words, ["Finance now runs alone", "Legal now runs alone"]);
    assert_eq!(changes(together(7), together(1)), []);
    let three: Vec<Stage> =
        [together(7), vec![Stage { parallel_group: Some(7), ..audit() }]].into_iter().flatten().collect();
    let words: Vec<String> = changes(together(7), three).into_iter().map(|change| change.words).collect();
    assert_eq!(
        words,
        ["Audit is new, together with Finance and Legal: it needs every approval from user dan"]
    );
    let alone = vec![Stage { parallel_group: Some(3), ..finance() }, legal()];
    assert_eq!(changes(vec![finance(), legal()], alone), []);
}

#[test]
fn what_means_the_same_is_no_change() {
    let external = |value| rule(Kind::Approver, RuleSource::External { rule_type: "role".into(), value });
    let mode = |mode| vec![Stage { mode, ..finance() }];
    let rules = |rules| vec![stage_of(1, rules)];
    let skip = |source: Value| vec![Stage { skip_if: Some(logic(&source)), ..finance() }];
    let table = [
        (vec![finance()], vec![finance()]),
        (vec![finance(), legal()], vec![Stage { order: 10, ..finance() }, Stage { order: 20, ..legal() }]),
        (mode(Mode::All), mode(Mode::Percentage(100))),
        (rules(vec![user("ann"), role("cfo")]), rules(vec![role("cfo"), user("ann")])),
        (rules(vec![user("ann"), user("ann")]), rules(vec![user("ann")])),
        (rules(vec![user("ann"), required("ann")]), rules(vec![required("ann")])),
        (
            rules(vec![external(json!({"role": "cfo", "client": null}))]),
            rules(vec![external(json!({"role": "cfo"}))]),
        ),
        (skip(json!({"<": [{"var": "amount"}, 1000]})), skip(json!({"<": [{"var": "amount"}, 1000.0]}))),
    ];
    for (before, after) in table {
        assert_eq!(changes(before, after), []);
    }
}

#[test]
fn the_policy_as_a_whole_comes_first() {
    let (before, mut after) = (policy(vec![finance()]), policy(vec![legal()]));
    (after.forbid_self_approval, after.forbid_repeat_approvers) = (true, true);
    let schema = json!({"type": "object"});
    let later = Version {
        name: "Payouts",
        description: Some("Two people."),
        artifact_type: "payout",
        context_schema: Some(&schema),
        ..version(&after)
    };
    let found = diff(version(&before), later);
    let told: Vec<(Option<&str>, &str)> =
        found.iter().filter(|change| change.stage.is_none()).map(|c| (c.field, &*c.words)).collect();
    assert_eq!(
        told,
        [
            (Some("name"), "The policy is now called Payouts"),
            (Some("description"), "The description has changed"),
            (Some("artifact_type"), "The policy is now for payout instead of payment"),
            (Some("forbid_self_approval"), "Whoever asks for approval may no longer approve it"),
            (
                Some("forbid_repeat_approvers"),
                "Whoever approved in an earlier stage may no longer approve in a later one"
            ),
            (Some("context_schema"), "The facts of a request are now checked against a schema"),
        ]
    );
    assert_eq!(found.len(), told.len() + 2, "a stage is new and one is gone: {found:?}");
    let same = json!({"type": "object", "maxProperties": 3.0});
    let written = json!({"maxProperties": 3, "type": "object"});
    let one = Version { context_schema: Some(&same), description: Some(""), ..version(&before) };
    assert_eq!(diff(one, Version { context_schema: Some(&written), ..version(&before) }), []);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn a_policy_does_not_differ_from_itself_under_other_ids(plan in plans()) {
        prop_assert_eq!(diff(version(&plan.policy()), version(&plan.policy())), []);
    }

    #[test]
    fn every_difference_has_a_place_and_words(before in plans(), after in plans()) {
        let (before, after) = (before.policy(), after.policy());
        let found = diff(version(&before), version(&after));
        for change in &found {
            let stages = if change.kind == ChangeKind::Removed && change.field.is_none() { &before } else { &after };
            let known = |order| stages.stages.iter().any(|stage| stage.order == order);
            prop_assert!(change.stage.is_none_or(known) && !change.words.is_empty(), "{:?}", change);
        }
        let count = |kind| found.iter().filter(|change| change.kind == kind && change.field.is_none()).count();
        let (added, removed) = (count(ChangeKind::Added), count(ChangeKind::Removed));
        prop_assert_eq!(before.stages.len() + added, after.stages.len() + removed);
    }
}
