use crate::fixtures::{some_policy, some_request, some_task};
use store::notifications::{Notification, Outcome};
use store::testing::{TestDb, count, database, execute, execute_unguarded};
use time::OffsetDateTime;
use uuid::Uuid;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

fn in_minutes(minutes: i64) -> Option<OffsetDateTime> {
    Some(OffsetDateTime::now_utc() + time::Duration::minutes(minutes))
}

/// Makes a request whose tasks belong to the first stage of its policy.
async fn request(db: &TestDb) -> Uuid {
    let policy = some_policy(db, "key").await;
    some_request(db, policy, OffsetDateTime::now_utc()).await
}

async fn task(db: &TestDb, request: Uuid, assignee: &str, due_at: Option<OffsetDateTime>) -> Uuid {
    let task = some_task(db, request, assignee, due_at).await;
    execute_unguarded(
        db,
        &format!(
            "update approval_task set stage_id = (select id from approval_stage where name = 'First')
                  where id = '{task}'"
        ),
    )
    .await;
    task
}

async fn take(db: &TestDb) -> Vec<Notification> {
    db.lease_notifications(LEASE, 10).await.unwrap()
}

/// Moves the creation of all tasks a day back, so that their deadlines left them time enough for a reminder.
async fn long_ago(db: &TestDb) {
    let aged = "update approval_task set created_at = now() - interval '1 d';
        update open_task set created_at = now() - interval '1 d'";
    execute_unguarded(db, aged).await;
}

async fn reminders(db: &TestDb) -> i64 {
    db.queue_reminders(HOUR, None, 10).await.unwrap().queued
}

#[tokio::test]
async fn whoever_holds_an_open_task_is_owed_one_mail() {
    let db = database().await;
    let since = db.notified_since().await.unwrap();
    assert_eq!(db.notified_since().await.unwrap(), since, "it is said once");
    let request = request(&db).await;
    let task = task(&db, request, "amina", None).await;
    let done = some_task(&db, request, "ben", None).await;
    let before = some_task(&db, request, "cora", None).await;
    execute(&db, &format!("update approval_task set status = 'skipped' where id = '{done}'")).await;
    execute_unguarded(
        &db,
        &format!("update approval_task set created_at = now() - interval '1 h' where id = '{before}'"),
    )
    .await;
    assert_eq!(db.queue_assignments(&[request, Uuid::now_v7()], since).await.unwrap(), 1);
    assert_eq!(db.queue_assignments(&[request], since).await.unwrap(), 0);
    let taken = take(&db).await;
    let told: Vec<_> = taken.iter().map(|n| (&*n.assignee, n.task_id, n.attempt, n.reminder_of)).collect();
    assert_eq!(told, [("amina", task, 1, None)]);
    let facts =
        (&*taken[0].policy_name, &*taken[0].stage_name, &*taken[0].artifact_id, &*taken[0].task_status);
    assert_eq!(facts, ("Change requests", "First", "A-1", "open"));
}

#[tokio::test]
async fn a_mail_that_was_taken_is_nobody_elses_until_its_time_is_over() {
    let db = database().await;
    let request = request(&db).await;
    task(&db, request, "amina", None).await;
    db.queue_assignments(&[request], OffsetDateTime::UNIX_EPOCH).await.unwrap();
    let first = take(&db).await.remove(0);
    assert_eq!(take(&db).await, []);
    assert!(db.next_notification().await.unwrap() > in_minutes(0));
    execute(&db, "update task_notification set next_attempt_at = now()").await;
    let second = take(&db).await.remove(0);
    assert_eq!((second.id, second.attempt), (first.id, 2));
    assert!(!db.record_notification(first.id, 1, &Outcome::Sent).await.unwrap(), "it is the second's now");
    let again = Outcome::Retry(std::time::Duration::ZERO, "busy".to_owned());
    assert!(db.record_notification(first.id, 2, &again).await.unwrap());
    let third = take(&db).await.remove(0);
    assert!(db.record_notification(third.id, 3, &Outcome::Sent).await.unwrap());
    assert!(!db.record_notification(third.id, 3, &Outcome::Failed("no".to_owned())).await.unwrap());
    assert_eq!(db.next_notification().await.unwrap(), None);
    assert_eq!(
        count(&db, "select count(*) from task_notification where status = 'sent' and reason is null").await,
        1
    );
}

#[tokio::test]
async fn each_deadline_is_reminded_of_once() {
    let db = database().await;
    let request = request(&db).await;
    task(&db, request, "amina", in_minutes(30)).await;
    task(&db, request, "ben", in_minutes(90)).await;
    task(&db, request, "cora", in_minutes(-1)).await;
    task(&db, request, "dan", None).await;
    long_ago(&db).await;
    assert_eq!((reminders(&db).await, reminders(&db).await), (1, 0));
    let taken = take(&db).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((&*taken[0].assignee, taken[0].reminder_of), ("amina", taken[0].due_at));
    execute(&db, "update approval_task set due_at = due_at + interval '5 min' where assignee = 'amina'")
        .await;
    assert_eq!((reminders(&db).await, reminders(&db).await), (1, 0), "a new deadline");
}

#[tokio::test]
async fn a_task_made_with_less_time_left_is_not_reminded_of_unless_its_deadline_moves() {
    let db = database().await;
    let request = request(&db).await;
    task(&db, request, "amina", in_minutes(30)).await;
    assert_eq!(reminders(&db).await, 0, "nobody was told yet");
    db.queue_assignments(&[request], OffsetDateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(reminders(&db).await, 0, "the mail just said so");
    execute(&db, "update approval_task set due_at = due_at - interval '5 min'").await;
    assert_eq!(reminders(&db).await, 1);
}

#[tokio::test]
async fn reminders_are_found_page_by_page() {
    let db = database().await;
    let request = request(&db).await;
    let same = in_minutes(30);
    for n in 0..25 {
        task(&db, request, &format!("p{n}"), same).await;
    }
    long_ago(&db).await;
    let (mut queued, mut pages, mut seen) = (Vec::new(), 0, None);
    while pages == 0 || seen.is_some() {
        let looked = db.queue_reminders(HOUR, seen, 10).await.unwrap();
        queued.push(looked.queued);
        (pages, seen) = (pages + 1, looked.next);
    }
    assert_eq!(queued, [10, 10, 5]);
}

#[tokio::test]
async fn a_mail_goes_with_its_task() {
    let db = database().await;
    let request = request(&db).await;
    task(&db, request, "amina", None).await;
    db.queue_assignments(&[request], OffsetDateTime::UNIX_EPOCH).await.unwrap();
    execute_unguarded(
        &db,
        &format!(
            "update approval_request set status = 'approved', created_at = now() - interval '1 d',
                           completed_at = now() - interval '1 d' where id = '{request}'"
        ),
    )
    .await;
    assert_eq!(db.sweep_requests(OffsetDateTime::now_utc(), 10).await.unwrap(), 1);
    assert_eq!(count(&db, "select count(*) from task_notification").await, 0);
}
