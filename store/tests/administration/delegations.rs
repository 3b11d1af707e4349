use crate::fixtures::{actions, admin};
use schemas::api::delegation::DelegationCreate;
use store::Error;
use store::catalog::DelegationsOf;
use store::testing::{TestDb, count, database, execute};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

fn delegation(user: &str, to: &str, from_hours: i64, hours: i64) -> DelegationCreate {
    let starts_at = OffsetDateTime::now_utc() + Duration::hours(from_hours);
    DelegationCreate {
        user_id: user.into(),
        delegate_to: to.into(),
        starts_at,
        ends_at: starts_at + Duration::hours(hours),
        reason: Some("leave".into()),
    }
}

/// The delegations of `user`, as processes cache them.
async fn known(db: &TestDb, user: &str, now: OffsetDateTime) -> DelegationsOf {
    let mut found = db.delegations_of(&[user.to_owned()], now).await.unwrap();
    found.remove(user).expect("who is asked for is answered for")
}

fn delegates(known: &DelegationsOf) -> Vec<&str> {
    known.delegations.iter().map(|delegation| delegation.delegate_to.as_str()).collect()
}

#[tokio::test]
async fn the_engine_sees_a_person_s_delegations_in_force_or_to_come_with_the_number_of_the_last_change() {
    let db = database().await;
    let now = OffsetDateTime::now_utc();
    assert_eq!(known(&db, "a", now).await, DelegationsOf::default());

    db.create_delegation(&delegation("a", "old", -3, 2), &admin()).await.unwrap();
    db.create_delegation(&delegation("a", "b", -1, 2), &admin()).await.unwrap();
    let newest = db.create_delegation(&delegation("a", "c", 5, 2), &admin()).await.unwrap();
    db.create_delegation(&delegation("c", "d", 5, 2), &admin()).await.unwrap();
    let found = known(&db, "a", now).await;
    assert_eq!(
        (delegates(&found), found.version),
        (vec!["c", "b"], 3),
        "newest first, past ones are not read"
    );
    assert_eq!(known(&db, "c", now).await.version, 1, "each person has a number of their own");

    db.delete_delegation(newest.id, &admin()).await.unwrap();
    let found = known(&db, "a", now).await;
    assert_eq!((delegates(&found), found.version), (vec!["b"], 4));
}

#[tokio::test]
async fn every_way_of_changing_delegations_moves_the_numbers_of_those_concerned_and_not_the_policies_() {
    let db = database().await;
    let now = OffsetDateTime::now_utc();
    let epoch = db.policy_epoch().await.unwrap();
    db.create_delegation(&delegation("a", "b", -1, 2), &admin()).await.unwrap();
    let numbers = async || (known(&db, "a", now).await.version, known(&db, "z", now).await.version);
    assert_eq!(numbers().await, (1, 0));
    for (sql, expected) in [
        ("update user_delegation set ends_at = ends_at + interval '1 h'", (3, 0)),
        ("update user_delegation set user_id = 'z'", (4, 1)),
        ("truncate user_delegation", (5, 2)),
    ] {
        execute(&db, sql).await;
        assert_eq!(numbers().await, expected, "{sql}");
    }
    assert_eq!(db.policy_epoch().await.unwrap(), epoch);
}

#[tokio::test]
async fn a_person_has_a_hundred_live_delegations_at_most_however_many_are_made_at_once() {
    let db = database().await;
    for n in 0..95 {
        db.create_delegation(&delegation("a", &format!("b{n}"), 1, 2), &admin()).await.unwrap();
    }
    db.create_delegation(&delegation("a", "past", -3, 2), &admin()).await.unwrap();
    let asked: Vec<_> = (0..20).map(|n| delegation("a", &format!("c{n}"), 1, 2)).collect();
    let actor = admin();
    let at_once = asked.iter().map(|new| db.create_delegation(new, &actor));
    let outcomes = futures::future::join_all(at_once).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    let refused =
        |outcome: &Result<_, Error>| matches!(outcome, Err(Error::Conflict(_, why)) if why.contains("100"));
    assert_eq!(outcomes.iter().filter(|outcome| refused(outcome)).count(), 15);
    let live = "select count(*) from user_delegation where ends_at > now()";
    assert_eq!(count(&db, live).await, 100);
    db.create_delegation(&delegation("other", "a", 1, 2), &actor).await.expect("is another's");
    db.create_delegation(&delegation("a", "past", -3, 2), &actor).await.expect("counts no more");
}

#[tokio::test]
async fn people_see_their_own_newest_first_and_admins_everybodys() {
    let db = database().await;
    let first = db.create_delegation(&delegation("a", "b", 0, 1), &admin()).await.unwrap();
    let second = db.create_delegation(&delegation("a", "c", 0, 1), &admin()).await.unwrap();
    let other = db.create_delegation(&delegation("x", "y", 0, 1), &admin()).await.unwrap();
    assert_eq!(db.list_delegations(Some("a"), 10).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(db.list_delegations(None, 2).await.unwrap(), [other, second]);
    assert_eq!(db.get_delegation(first.id).await.unwrap(), first);
    assert_eq!(first.created_by.as_deref(), Some("admin"));
}

#[tokio::test]
async fn a_delegation_that_makes_no_sense_is_refused_by_name() {
    let db = database().await;
    let backwards = db.create_delegation(&delegation("a", "b", 0, -1), &admin()).await;
    assert!(matches!(backwards, Err(Error::Constraint(name)) if name == "user_delegation_window"));
    let to_self = db.create_delegation(&delegation("a", "a", 0, 1), &admin()).await;
    assert!(matches!(to_self, Err(Error::Constraint(name)) if name == "user_delegation_self"));
    assert!(actions(&db).await.is_empty(), "refusals are not audited");
}

#[tokio::test]
async fn a_delegation_is_deleted_once_and_both_acts_are_audited() {
    let db = database().await;
    let made = db.create_delegation(&delegation("a", "b", 0, 1), &admin()).await.unwrap();
    db.delete_delegation(made.id, &admin()).await.unwrap();
    assert!(matches!(db.delete_delegation(made.id, &admin()).await, Err(Error::NotFound(_))));
    assert!(matches!(db.get_delegation(Uuid::nil()).await, Err(Error::NotFound(_))));
    assert_eq!(actions(&db).await, ["delegation.create", "delegation.delete"]);
}
