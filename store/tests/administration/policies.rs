use crate::fixtures::{actions, admin, checked, policy};
use engine::ids::PolicyId;
use engine::policy::{Mode, OnBreach, OnEmpty};
use schemas::etag::IfMatch;
use schemas::policy::entity_tag;
use std::time::Duration;
use store::testing::{TestDb, database};
use store::{Clash, Error, Options, Store, What};

async fn versions(db: &TestDb, key: &str, count: i32) {
    let policy = policy(key);
    db.create_policy(&policy, &checked(&policy), &admin()).await.unwrap();
    for _ in 1..count {
        db.add_policy_version(&policy, &checked(&policy), &admin()).await.unwrap();
    }
}

async fn statuses(db: &TestDb, key: &str) -> Vec<(i32, String)> {
    db.list_versions(key).await.unwrap().into_iter().map(|v| (v.version, v.status)).collect()
}

#[tokio::test]
async fn a_policy_reads_back_as_it_was_written_with_the_ids_of_its_checked_form() {
    let db = database().await;
    let written = policy("k");
    let checked = checked(&written);
    let out = db.create_policy(&written, &checked, &admin()).await.unwrap();
    assert_eq!((out.id, out.version, out.status.as_str()), (checked.id.0, 1, "draft"));
    assert_eq!(out.created_by.as_deref(), Some("admin"));
    assert_eq!(out.context_schema, written.context_schema);
    let names: Vec<_> =
        out.stages.iter().map(|s| (s.stage_order, s.name.as_str(), s.mode.as_str())).collect();
    assert_eq!(names, [(1, "First", "all"), (2, "Second", "quorum")]);
    assert_eq!(out.stages[0].id, checked.stages[0].id.0);
    let rules: Vec<_> = out.stages[0].rules.iter().map(|r| r.id).collect();
    assert_eq!(rules, checked.stages[0].rules.iter().map(|r| r.id.0).collect::<Vec<_>>());
    assert_eq!(out.stages[1].escalation_rules[0].id, checked.stages[1].escalation_rules[0].id.0);
    assert_eq!(out.stages[1].skip_if, written.stages[0].skip_if);
    assert_eq!(db.get_policy("k", 1).await.unwrap(), out);
    assert_eq!(db.list_policies().await.unwrap(), [out]);
}

#[tokio::test]
async fn the_engine_gets_the_same_policy_from_the_rows_as_from_the_check() {
    let db = database().await;
    let written = policy("k");
    let checked = checked(&written);
    db.create_policy(&written, &checked, &admin()).await.unwrap();
    let loaded = db.load_policy(checked.id).await.unwrap().policy;
    assert_eq!(format!("{:?}", loaded.stages[0].rules), format!("{:?}", checked.stages[0].rules));
    assert_eq!(loaded.stages[1].mode, Mode::AnyN(1));
    assert_eq!(loaded.stages[1].on_breach, OnBreach::Escalate);
    assert_eq!(loaded.stages[1].on_empty, OnEmpty::Skip);
    assert_eq!(loaded.stages[1].skip_if, checked.stages[1].skip_if);
    assert!(loaded.forbid_self_approval && !loaded.forbid_repeat_approvers);

    assert!(db.active_policy_with_epoch("k").await.unwrap().is_none());
    db.activate_policy("k", 1, &admin()).await.unwrap();
    let (_, active) = db.active_policy_with_epoch("k").await.unwrap().unwrap();
    let active = db.load_policy(active).await.unwrap();
    assert_eq!((active.policy.id, active.artifact_type.as_str()), (checked.id, "change_request"));
    assert_eq!(active.context_schema, written.context_schema);
}

#[tokio::test]
async fn unknown_policies_are_not_found() {
    let db = database().await;
    let policy = policy("k");
    let found = [
        db.get_policy("k", 1).await.err(),
        db.list_versions("k").await.err(),
        db.add_policy_version(&policy, &checked(&policy), &admin()).await.err(),
        db.update_draft("k", 1, &policy, &checked(&policy), None, &admin()).await.err(),
        db.activate_policy("k", 1, &admin()).await.err(),
        db.deactivate_policy("k", 1, &admin()).await.err(),
        db.load_policy(PolicyId(uuid::Uuid::nil())).await.err(),
    ];
    assert!(found.iter().all(|e| matches!(e, Some(Error::NotFound(What::Policy)))), "{found:?}");
    assert!(actions(&db).await.is_empty());
}

#[tokio::test]
async fn a_key_is_created_once_even_when_many_try_at_the_same_time() {
    let db = database().await;
    let policy = policy("k");
    let attempts = (0..6).map(|_| async { db.create_policy(&policy, &checked(&policy), &admin()).await });
    let results = futures::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|r| matches!(r, Err(Error::Conflict(..)))).count(), 5);
    assert_eq!(actions(&db).await, ["policy.create"]);
}

#[tokio::test]
async fn versions_added_at_the_same_time_get_numbers_of_their_own() {
    let db = database().await;
    versions(&db, "k", 1).await;
    let policy = policy("k");
    let attempts =
        (0..8).map(|_| async { db.add_policy_version(&policy, &checked(&policy), &admin()).await });
    let mut numbers: Vec<i32> =
        futures::future::join_all(attempts).await.into_iter().map(|r| r.unwrap().version).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn activations_at_the_same_time_all_succeed_and_leave_one_active_version() {
    let db = database().await;
    versions(&db, "k", 4).await;
    let replica =
        Options { url: db.url.clone(), max_connections: 4, acquire_timeout: Duration::from_secs(10) };
    let replicas = [db.store.clone(), Store::connect(&replica).await.unwrap()];
    for round in 0..10 {
        let attempts = replicas.iter().cycle().zip(1..=4).map(|(store, version)| {
            let store = store.clone();
            tokio::spawn(async move { store.activate_policy("k", version, &admin()).await.map(|p| p.status) })
        });
        for result in futures::future::join_all(attempts).await {
            assert_eq!(result.unwrap().unwrap(), "active", "round {round}");
        }
        let active = statuses(&db, "k").await.into_iter().filter(|(_, s)| s == "active").count();
        assert_eq!(active, 1, "round {round}");
    }
}

#[tokio::test]
async fn activating_archives_the_version_before_and_rolls_back_to_an_archived_one() {
    let db = database().await;
    versions(&db, "k", 2).await;
    db.activate_policy("k", 1, &admin()).await.unwrap();
    db.activate_policy("k", 2, &admin()).await.unwrap();
    assert_eq!(statuses(&db, "k").await, [(2, "active".into()), (1, "archived".into())]);
    db.activate_policy("k", 1, &admin()).await.unwrap();
    assert_eq!(statuses(&db, "k").await, [(2, "archived".into()), (1, "active".into())]);
}

#[tokio::test]
async fn activating_the_active_version_changes_nothing_and_is_not_audited() {
    let db = database().await;
    versions(&db, "k", 1).await;
    let first = db.activate_policy("k", 1, &admin()).await.unwrap();
    let epoch = db.policy_epoch().await.unwrap();
    assert_eq!(db.activate_policy("k", 1, &admin()).await.unwrap(), first);
    assert_eq!(db.policy_epoch().await.unwrap(), epoch);
    assert_eq!(actions(&db).await, ["policy.create", "policy.activate"]);
}

#[tokio::test]
async fn only_the_active_version_can_be_deactivated() {
    let db = database().await;
    versions(&db, "k", 1).await;
    assert!(matches!(db.deactivate_policy("k", 1, &admin()).await, Err(Error::Conflict(..))));
    db.activate_policy("k", 1, &admin()).await.unwrap();
    assert_eq!(db.deactivate_policy("k", 1, &admin()).await.unwrap().status, "archived");
    assert!(matches!(db.deactivate_policy("k", 1, &admin()).await, Err(Error::Conflict(..))));
    assert!(db.active_policy_with_epoch("k").await.unwrap().is_none());
}

#[tokio::test]
async fn a_draft_is_replaced_in_place_and_keeps_its_id() {
    let db = database().await;
    versions(&db, "k", 1).await;
    let before = db.get_policy("k", 1).await.unwrap();
    let mut changed = policy("k");
    changed.name = "Other".into();
    changed.stages.remove(0);
    let after = db.update_draft("k", 1, &changed, &checked(&changed), None, &admin()).await.unwrap();
    assert_eq!((after.id, after.name.as_str(), after.stages.len()), (before.id, "Other", 1));
    assert_eq!(after.created_at, before.created_at);
    assert_eq!(actions(&db).await, ["policy.create", "policy.update"]);
}

#[tokio::test]
async fn a_version_that_was_started_is_immutable_to_the_api_and_to_sql() {
    let db = database().await;
    versions(&db, "k", 1).await;
    let policy = policy("k");
    for status in ["active", "archived"] {
        if status == "active" {
            db.activate_policy("k", 1, &admin()).await.unwrap();
        } else {
            db.deactivate_policy("k", 1, &admin()).await.unwrap();
        }
        let refused = db.update_draft("k", 1, &policy, &checked(&policy), None, &admin()).await;
        assert!(matches!(refused, Err(Error::Conflict(..))), "{status}");
        let by_hand =
            sqlx::query("update approval_policy set forbid_self_approval = false").execute(db.pool());
        assert!(by_hand.await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn editing_and_activating_at_the_same_time_never_changes_an_active_version() {
    let db = database().await;
    versions(&db, "k", 1).await;
    let mut changed = policy("k");
    changed.name = "Changed".into();
    let form = checked(&changed);
    let actor = admin();
    let (edited, activated) = tokio::join!(
        db.update_draft("k", 1, &changed, &form, None, &actor),
        db.activate_policy("k", 1, &actor)
    );
    let activated = activated.unwrap();
    assert_eq!(activated.name, if edited.is_ok() { "Changed" } else { "Change requests" });
    assert_eq!(db.get_policy("k", 1).await.unwrap(), activated);
}

#[tokio::test]
async fn of_two_authors_who_read_the_same_draft_one_is_told_that_the_other_was_first() {
    let db = database().await;
    versions(&db, "k", 1).await;
    let read = db.get_policy("k", 1).await.unwrap();
    let expected = IfMatch::OneOf(vec![entity_tag(&read).unwrap()]);
    let (policy, actor) = (policy("k"), admin());
    let forms = [checked(&policy), checked(&policy)];
    let (one, other) = tokio::join!(
        db.update_draft("k", 1, &policy, &forms[0], Some(&expected), &actor),
        db.update_draft("k", 1, &policy, &forms[1], Some(&expected), &actor)
    );
    assert_eq!([&one, &other].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{one:?} {other:?}");
    let refused = one.and(other).unwrap_err();
    assert!(matches!(refused, Error::Conflict(Clash::Unexpected, _)), "{refused:?}");
    assert_eq!(actions(&db).await, ["policy.create", "policy.update"]);

    let changed = db.get_policy("k", 1).await.unwrap();
    let stale = db.activate_judged_policy(&changed, Some(&expected), &actor).await;
    assert!(matches!(stale, Err(Error::Conflict(Clash::Unexpected, _))), "{stale:?}");
    let current = IfMatch::OneOf(vec![entity_tag(&changed).unwrap()]);
    assert_eq!(db.activate_judged_policy(&changed, Some(&current), &actor).await.unwrap().status, "active");
    let again = db.activate_judged_policy(&changed, Some(&current), &actor).await;
    assert!(matches!(again, Err(Error::Conflict(Clash::Unexpected, _))), "it is active by now: {again:?}");
}

#[tokio::test]
async fn the_list_shows_the_newest_version_of_each_key_with_its_stages() {
    let db = database().await;
    versions(&db, "b", 2).await;
    versions(&db, "a", 3).await;
    let listed = db.list_policies().await.unwrap();
    let shown: Vec<_> = listed.iter().map(|p| (p.policy_key.as_str(), p.version, p.stages.len())).collect();
    assert_eq!(shown, [("a", 3, 2), ("b", 2, 2)]);
}

#[tokio::test]
async fn the_audit_says_what_was_active_before_and_after() {
    let db = database().await;
    versions(&db, "k", 2).await;
    db.activate_policy("k", 1, &admin()).await.unwrap();
    db.activate_policy("k", 2, &admin()).await.unwrap();
    let filter = store::audit::AuditFilter {
        action: Some("policy.activate".into()),
        actor: Some("admin".into()),
        resource_type: Some("policy".into()),
        limit: 1,
        ..store::audit::AuditFilter::default()
    };
    let rows = db.list_audit(&filter).await.unwrap().0;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].before.as_ref().unwrap()["active_version"], 1);
    assert_eq!(rows[0].after.as_ref().unwrap()["active_version"], 2);
    assert_eq!(rows[0].actor_email.as_deref(), Some("admin@example.org"));
    assert_eq!(rows[0].summary.as_deref(), Some("activated k version 2"));
    let refused = sqlx::query("update audit_action set actor = 'nobody'").execute(db.pool()).await;
    assert!(refused.is_err(), "history is append-only");
}

#[tokio::test]
async fn the_catalog_moves_with_the_active_version_only() {
    let db = database().await;
    let start = db.policy_epoch().await.unwrap();
    versions(&db, "k", 2).await;
    assert_eq!(db.policy_epoch().await.unwrap(), start);
    assert!(db.active_policy_with_epoch("k").await.unwrap().is_none());
    let active = db.activate_policy("k", 2, &admin()).await.unwrap();
    let (epoch, id) = db.active_policy_with_epoch("k").await.unwrap().unwrap();
    assert_eq!(id.0, active.id);
    assert!(epoch > start);
}
