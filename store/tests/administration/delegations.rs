use crate::fixtures::{actions, admin};
use schemas::api::delegation::DelegationCreate;
use store::Error;
use store::testing::database;
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

#[tokio::test]
async fn the_engine_sees_delegations_in_force_or_to_come_with_the_epoch_they_belong_to() {
    let db = database().await;
    let now = OffsetDateTime::now_utc();
    let (empty, none) = db.load_delegations(now).await.unwrap();
    assert!(none.chain("a", now).is_empty());

    db.create_delegation(&delegation("a", "old", -3, 2), &admin()).await.unwrap();
    db.create_delegation(&delegation("a", "b", -1, 2), &admin()).await.unwrap();
    let newest = db.create_delegation(&delegation("a", "c", -1, 2), &admin()).await.unwrap();
    db.create_delegation(&delegation("c", "d", 5, 2), &admin()).await.unwrap();
    let (epoch, all) = db.load_delegations(now).await.unwrap();
    assert_eq!(epoch, db.catalog_epoch().await.unwrap());
    assert!(epoch > empty);
    assert_eq!(all.chain("a", now), ["c"], "the newest wins");
    assert_eq!(all.chain("c", now + Duration::hours(6)), ["d"]);
    assert!(all.chain("a", now - Duration::hours(2)).is_empty(), "past ones are not loaded");

    db.delete_delegation(newest.id, &admin()).await.unwrap();
    let (later, all) = db.load_delegations(now).await.unwrap();
    assert!(later > epoch);
    assert_eq!(all.chain("a", now), ["b"]);
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
