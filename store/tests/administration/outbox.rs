use crate::fixtures::{insert_event, some_event, some_policy, some_request};
use store::outbox::Ledger;
use store::outbox::reconcile::RepublishFrom;
use store::testing::{TestDb, count, database};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const PUBLISHED: &str = "select count(*) from published_event";

/// Makes events at the positions 1, 2, 3 and so on.
async fn events(store: &TestDb, many: i64) -> Vec<Uuid> {
    let policy = some_policy(store, "key").await;
    let request = some_request(store, policy, OffsetDateTime::now_utc()).await;
    let mut ids = Vec::new();
    for sequence in 1..=many {
        ids.push(some_event(store, request, sequence).await);
    }
    ids
}

/// Makes events that are noted as published, with the stream sequences 1, 2, 3 and so on.
async fn published(store: &TestDb, many: i64) -> Vec<Uuid> {
    let ids = events(store, many).await;
    let comparison = store.begin_comparison().await.unwrap().number;
    let acknowledged: Vec<(i64, i64)> = (1..=many).map(|n| (n, n)).collect();
    assert!(store.note_published(comparison, many, &acknowledged).await.unwrap());
    assert_eq!(count(store, PUBLISHED).await, many);
    ids
}

#[tokio::test]
async fn an_acknowledgement_from_before_a_comparison_counts_for_nothing() {
    let db = database().await;
    events(&db, 1).await;
    let first = db.begin_comparison().await.unwrap();
    assert_eq!(first.incarnation, None);
    db.remember_stream("one").await.unwrap();
    let second = db.begin_comparison().await.unwrap();
    assert_eq!(second.incarnation.as_deref(), Some("one"));
    assert!(!db.note_published(first.number, 1, &[(1, 1)]).await.unwrap());
    assert_eq!(count(&db, PUBLISHED).await, 0);
    assert!(db.note_published(second.number, 1, &[(1, 1)]).await.unwrap());
    assert_eq!(count(&db, PUBLISHED).await, 1);
}

#[tokio::test]
async fn what_is_noted_with_the_lock_ends_with_the_lock() {
    let db = database().await;
    events(&db, 2).await;
    let comparison = db.begin_comparison().await.unwrap().number;
    let mut lock = db.try_relay_lock().await.unwrap().expect("nobody else is there");
    assert!(db.try_relay_lock().await.unwrap().is_none());
    assert!(lock.note_published(comparison, 1, &[(1, 1)]).await.unwrap());
    let ended =
        "select count(pg_terminate_backend(pid, 5000)) from pg_locks join pg_database d on d.oid = database
                 where locktype = 'advisory' and datname = current_database()";
    assert_eq!(count(&db, ended).await, 1);
    let _next = db.try_relay_lock().await.unwrap().expect("nobody holds it any more");
    assert!(lock.note_published(comparison, 2, &[(2, 2)]).await.is_err(), "another one publishes now");
    assert_eq!(count(&db, PUBLISHED).await, 1);
}

#[tokio::test]
async fn republishing_from_a_sequence_leaves_what_the_stream_took_before() {
    let db = database().await;
    let ids = published(&db, 5).await;
    assert_eq!(db.republish(RepublishFrom::Sequence(4), |_| ()).await.unwrap(), 2);
    let waiting = db.all_unpublished(10).await.unwrap();
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
    let waiting = db.all_unpublished(10).await.unwrap();
    assert_eq!(waiting[0].event.event_id, ids[2]);
}

/// Positions that wait for the stream.
async fn waiting(store: &TestDb) -> Vec<i64> {
    store.all_unpublished(100).await.unwrap().iter().map(|out| out.position).collect()
}

#[tokio::test]
async fn an_event_that_is_committed_after_later_ones_were_published_is_still_found() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let comparison = db.begin_comparison().await.unwrap().number;
    let mut late = db.pool().begin().await.unwrap();
    insert_event(&mut late, request, 1).await;
    some_event(&db, request, 2).await;
    let mut ledger = db.ledger().await.unwrap();
    let read = async |ledger: &mut Ledger| {
        let writers = db.event_writers().await.unwrap();
        let found: Vec<i64> =
            db.unpublished(ledger, 100).await.unwrap().iter().map(|out| out.position).collect();
        ledger.ask(writers, &found.iter().copied().collect());
        found
    };
    assert_eq!(read(&mut ledger).await, [2]);
    ledger.close(2, 2);
    assert!(db.note_published(comparison, ledger.settled(), &[(2, 1)]).await.unwrap());
    for _ in 0..3 {
        assert_eq!(read(&mut ledger).await, [0; 0]);
        assert_eq!(ledger.settled(), 0, "the transaction may still be committed");
    }
    late.commit().await.unwrap();
    assert_eq!(waiting(&db).await, [1], "also for a relay that starts now");
    assert_eq!(db.unpublished_count().await.unwrap(), 1);
    assert_eq!(read(&mut ledger).await, [1]);
    ledger.close(1, 1);
    assert!(db.note_published(comparison, ledger.settled(), &[(1, 2)]).await.unwrap());
    assert_eq!((ledger.settled(), waiting(&db).await.len()), (2, 0));
}

#[tokio::test]
async fn a_position_that_was_rolled_back_is_waited_for_no_longer_than_its_transaction() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let mut undone = db.pool().begin().await.unwrap();
    insert_event(&mut undone, request, 1).await;
    some_event(&db, request, 2).await;
    let mut ledger = db.ledger().await.unwrap();
    ledger.close(2, 2);
    let nothing = std::collections::HashSet::new();
    ledger.ask(db.event_writers().await.unwrap(), &nothing);
    ledger.ask(db.event_writers().await.unwrap(), &nothing);
    assert_eq!(ledger.settled(), 0);
    undone.rollback().await.unwrap();
    ledger.ask(db.event_writers().await.unwrap(), &nothing);
    assert_eq!(ledger.settled(), 2);
}

#[tokio::test]
async fn a_position_whose_transaction_has_no_id_yet_is_waited_for() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    some_event(&db, request, 1).await;
    // As an insert is for a moment: the position is drawn, the row is not written.
    let mut late = db.pool().begin().await.unwrap();
    for drawing in [
        "lock table approval_event in row exclusive mode",
        "select nextval(pg_get_serial_sequence('approval_event', 'position'))",
    ] {
        sqlx::raw_sql(drawing).execute(&mut *late).await.unwrap();
    }
    some_event(&db, request, 2).await;
    let mut ledger = db.ledger().await.unwrap();
    ledger.close(1, 1);
    ledger.close(3, 3);
    for _ in 0..3 {
        ledger.ask(db.event_writers().await.unwrap(), &std::collections::HashSet::new());
        assert_eq!(ledger.settled(), 1);
    }
    late.rollback().await.unwrap();
    ledger.ask(db.event_writers().await.unwrap(), &std::collections::HashSet::new());
    assert_eq!(ledger.settled(), 3);
}

#[tokio::test]
async fn a_relay_that_starts_knows_what_the_last_one_published_beyond_a_gap() {
    let db = database().await;
    events(&db, 5).await;
    let comparison = db.begin_comparison().await.unwrap().number;
    assert!(db.note_published(comparison, 1, &[(1, 1), (3, 2)]).await.unwrap());
    db.set_refused_aside(&[(5, "too long".to_owned())]).await.unwrap();
    assert_eq!(waiting(&db).await, [2, 4]);
    assert_eq!(db.unpublished_count().await.unwrap(), 2);
    assert_eq!(db.republish(RepublishFrom::Sequence(2), |_| ()).await.unwrap(), 1);
    assert_eq!(waiting(&db).await, [2, 3, 4]);
}

#[tokio::test]
async fn batches_are_kept_as_long_as_the_stream_may_hold_them_and_the_newest_for_good() {
    let db = database().await;
    events(&db, 4).await;
    let comparison = db.begin_comparison().await.unwrap().number;
    for n in 1..=4 {
        assert!(db.note_published(comparison, n, &[(n, n)]).await.unwrap());
    }
    let past = OffsetDateTime::now_utc() - Duration::hours(1);
    assert_eq!(db.sweep_batches(past, 100).await.unwrap(), 0);
    let soon = OffsetDateTime::now_utc() + Duration::hours(1);
    assert_eq!(db.sweep_batches(soon, 2).await.unwrap(), 2);
    assert_eq!(db.sweep_batches(soon, 100).await.unwrap(), 2, "one of them was there from the beginning");
    assert_eq!((waiting(&db).await.len(), db.ledger().await.unwrap().settled()), (0, 4));
}
