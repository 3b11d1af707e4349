use crate::fixtures::{some_event, some_policy, some_request};
use store::outbox::reconcile::RepublishFrom;
use store::testing::{TestDb, count, database};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const PUBLISHED: &str = "select count(*) from approval_event where published_at is not null";

async fn events(store: &TestDb, many: i64) -> Vec<Uuid> {
    let policy = some_policy(store, "key").await;
    let request = some_request(store, policy, OffsetDateTime::now_utc()).await;
    let mut ids = Vec::new();
    for sequence in 1..=many {
        ids.push(some_event(store, request, sequence).await);
    }
    ids
}

/// Makes events that are marked as published, with the stream sequences 1, 2, 3 and so on.
async fn published(store: &TestDb, many: i64) -> Vec<Uuid> {
    let ids = events(store, many).await;
    let comparison = store.begin_comparison().await.unwrap().number;
    store.mark_published(comparison, &ids.iter().copied().zip(1..).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(count(store, PUBLISHED).await, many);
    ids
}

#[tokio::test]
async fn an_acknowledgement_from_before_a_comparison_counts_for_nothing() {
    let db = database().await;
    let ids = events(&db, 1).await;
    let first = db.begin_comparison().await.unwrap();
    assert_eq!(first.incarnation, None);
    db.remember_stream("one").await.unwrap();
    let second = db.begin_comparison().await.unwrap();
    assert_eq!(second.incarnation.as_deref(), Some("one"));
    db.mark_published(first.number, &[(ids[0], 1)]).await.unwrap();
    assert_eq!(count(&db, PUBLISHED).await, 0);
    db.mark_published(second.number, &[(ids[0], 1)]).await.unwrap();
    assert_eq!(count(&db, PUBLISHED).await, 1);
}

#[tokio::test]
async fn what_is_noted_with_the_lock_ends_with_the_lock() {
    let db = database().await;
    let ids = events(&db, 2).await;
    let comparison = db.begin_comparison().await.unwrap().number;
    let mut lock = db.try_relay_lock().await.unwrap().expect("nobody else is there");
    assert!(db.try_relay_lock().await.unwrap().is_none());
    assert_eq!(lock.mark_published(comparison, &[(ids[0], 1)]).await.unwrap(), 1);
    let ended =
        "select count(pg_terminate_backend(pid, 5000)) from pg_locks join pg_database d on d.oid = database
                 where locktype = 'advisory' and datname = current_database()";
    assert_eq!(count(&db, ended).await, 1);
    let _next = db.try_relay_lock().await.unwrap().expect("nobody holds it any more");
    assert!(lock.mark_published(comparison, &[(ids[1], 2)]).await.is_err(), "another one publishes now");
    assert_eq!(count(&db, PUBLISHED).await, 1);
}

#[tokio::test]
async fn republishing_from_a_sequence_leaves_what_the_stream_took_before() {
    let db = database().await;
    let ids = published(&db, 5).await;
    assert_eq!(db.republish(RepublishFrom::Sequence(4), |_| ()).await.unwrap(), 2);
    let waiting = db.unpublished(10).await.unwrap();
    assert_eq!(waiting.iter().map(|out| out.event.event_id).collect::<Vec<_>>(), &ids[3..]);
}

#[tokio::test]
async fn republishing_from_a_moment_leaves_what_happened_before() {
    let db = database().await;
    published(&db, 3).await;
    let soon = OffsetDateTime::now_utc() + Duration::minutes(1);
    assert_eq!(db.republish(RepublishFrom::Time(soon), |_| ()).await.unwrap(), 0);
    let mut told = Vec::new();
    let before = OffsetDateTime::now_utc() - Duration::minutes(1);
    assert_eq!(db.republish(RepublishFrom::Time(before), |so_far| told.push(so_far)).await.unwrap(), 3);
    assert_eq!(told, [3]);
    assert_eq!(db.outbox_status().await.unwrap().unpublished, 3);
}

#[tokio::test]
async fn only_events_whose_place_is_taken_are_displaced() {
    let db = database().await;
    let ids = published(&db, 3).await;
    // The message of sequence 2 was deleted on purpose; sequence 3 holds another event.
    let displaced = db.unmark_displaced(&[(1, ids[0]), (3, Uuid::now_v7())]).await.unwrap();
    assert_eq!(displaced, 1);
    let waiting = db.unpublished(10).await.unwrap();
    assert_eq!(waiting[0].event.event_id, ids[2]);
}
