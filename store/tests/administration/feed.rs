use crate::fixtures::{NewRequest, insert_event, some_event, some_policy, some_request, some_task};
use crate::lists::{beside_finished, touched};
use serde_json::json;
use std::time::{Duration as Wait, Instant};
use store::feed::{FeedFilter, FeedPage, FeedRead, FeedSpan, Head, MOST_LOOKED_AT};
use store::testing::{TestDb, database, execute, publish_all};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const ENOUGH: i64 = 1_000_000;

async fn requests(db: &TestDb, many: usize) -> Vec<Uuid> {
    let policy = some_policy(db, "key").await;
    let mut made = Vec::new();
    for _ in 0..many {
        made.push(some_request(db, policy, OffsetDateTime::now_utc()).await);
    }
    made
}

fn span(after: i64, upto: i64) -> FeedSpan {
    FeedSpan { after, upto, limit: 100, bytes: ENOUGH }
}

async fn page(db: &TestDb, filter: &FeedFilter, span: FeedSpan) -> FeedPage {
    match db.feed_page(filter, span).await.unwrap() {
        FeedRead::Page(page) => page,
        FeedRead::Gone(beginning) => panic!("gone up to {beginning}"),
    }
}

fn positions(page: &FeedPage) -> Vec<i64> {
    page.events.iter().map(|event| event.position).collect()
}

/// A reader that follows its cursor.
struct Reader<'a> {
    db: &'a TestDb,
    head: Head,
    cursor: i64,
}

impl<'a> Reader<'a> {
    async fn new(db: &'a TestDb) -> Self {
        Self { db, head: db.head().await.unwrap(), cursor: 0 }
    }

    /// The positions that it finds now.
    async fn read(&mut self) -> Vec<i64> {
        self.db.look(&mut self.head).await.unwrap();
        let page = page(self.db, &FeedFilter::default(), span(self.cursor, self.head.settled())).await;
        self.cursor = page.looked_to;
        positions(&page)
    }

    /// Reads until it has found so many.
    async fn read_all(&mut self, many: usize) -> Vec<i64> {
        let (mut found, deadline) = (Vec::new(), Instant::now() + Wait::from_secs(20));
        while found.len() < many {
            assert!(Instant::now() < deadline, "only {found:?}");
            found.extend(self.read().await);
        }
        found
    }
}

#[tokio::test]
async fn an_event_whose_transaction_commits_last_is_not_skipped() {
    let db = database().await;
    let of = requests(&db, 2).await;
    some_event(&db, of[0], 1).await;
    let mut older = db.pool().begin().await.unwrap();
    insert_event(&mut older, of[1], 1).await;
    some_event(&db, of[0], 2).await;
    let mut reader = Reader::new(&db).await;
    assert_eq!(reader.read().await, [1], "what lies below the gap does not wait");
    for _ in 0..3 {
        assert_eq!(reader.read().await, [0; 0], "2 may still appear");
    }
    some_event(&db, of[0], 3).await;
    older.commit().await.unwrap();
    assert_eq!(reader.read_all(3).await, [2, 3, 4]);
}

#[tokio::test]
async fn a_gap_that_comes_while_another_is_asked_about_is_waited_for_too() {
    let db = database().await;
    let of = requests(&db, 3).await;
    let (mut first, mut second) = (db.pool().begin().await.unwrap(), db.pool().begin().await.unwrap());
    insert_event(&mut first, of[0], 1).await;
    some_event(&db, of[2], 1).await;
    let mut reader = Reader::new(&db).await;
    assert_eq!(reader.read().await, [0; 0]);
    insert_event(&mut second, of[1], 1).await;
    some_event(&db, of[2], 2).await;
    first.commit().await.unwrap();
    assert_eq!(reader.read_all(2).await, [1, 2]);
    assert_eq!(reader.read().await, [0; 0], "3 may still appear");
    second.commit().await.unwrap();
    assert_eq!(reader.read_all(2).await, [3, 4]);
}

#[tokio::test]
async fn only_writers_of_events_are_waited_for_and_only_until_they_end() {
    let db = database().await;
    let of = requests(&db, 2).await;
    // Each of these is older than the gap and goes on: one has only read events, one writes another table.
    let (mut reads, mut foreign) = (db.pool().begin().await.unwrap(), db.pool().begin().await.unwrap());
    sqlx::query("select count(*), pg_current_xact_id() from approval_event")
        .execute(&mut *reads)
        .await
        .unwrap();
    sqlx::query("update catalog set epoch = epoch + 1").execute(&mut *foreign).await.unwrap();
    let mut undone = db.pool().begin().await.unwrap();
    insert_event(&mut undone, of[1], 1).await;
    some_event(&db, of[0], 1).await;
    let mut reader = Reader::new(&db).await;
    assert_eq!(reader.read().await, [0; 0]);
    undone.rollback().await.unwrap();
    assert_eq!(reader.read_all(1).await, [2], "1 was rolled back");
    assert!(!reader.head.waits());
    // A writer that has drawn nothing holds nobody up who sees no gap.
    let mut deletes = db.pool().begin().await.unwrap();
    sqlx::query("delete from approval_event where false").execute(&mut *deletes).await.unwrap();
    some_event(&db, of[0], 2).await;
    assert_eq!(reader.read().await, [3]);
}

#[tokio::test]
async fn a_process_that_starts_far_behind_does_not_read_all_there_ever_was() {
    let db = database().await;
    let of = requests(&db, 1).await;
    execute(
        &db,
        &format!(
            "insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             select gen_random_uuid(), '{}', n, 'task_claimed', 'pending', 'a', '{{}}', now()
             from generate_series(1, 5000) n",
            of[0]
        ),
    )
    .await;
    let mut head = db.head().await.unwrap();
    db.look(&mut head).await.unwrap();
    assert_eq!(head, Head::at(5000));
}

#[tokio::test]
async fn a_page_that_fits_nothing_moves_on_and_looks_at_so_many_and_no_more() {
    let db = database().await;
    let of = requests(&db, 1).await;
    let many = MOST_LOOKED_AT + 10;
    execute(
        &db,
        &format!(
            "insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             select gen_random_uuid(), '{}', n, case when n = {many} then 'request_approved' else 'task_claimed' end,
                'pending', 'a', '{{}}', now() from generate_series(1, {many}) n",
            of[0]
        ),
    )
    .await;
    let filter = FeedFilter { types: vec!["request_approved".to_owned()], ..FeedFilter::default() };
    let first = page(&db, &filter, span(0, many)).await;
    assert_eq!((positions(&first), first.looked_to), (vec![], MOST_LOOKED_AT));
    let second = page(&db, &filter, span(first.looked_to, many)).await;
    assert_eq!((positions(&second), second.looked_to), (vec![many], many));
    let of_request = FeedFilter { request_id: Some(of[0]), ..filter };
    let first = page(&db, &of_request, span(0, many)).await;
    assert_eq!((positions(&first), first.looked_to), (vec![], MOST_LOOKED_AT));
}

#[tokio::test]
async fn a_page_is_bounded_in_events_and_in_bytes_and_goes_on_where_it_ended() {
    let db = database().await;
    let of = requests(&db, 1).await;
    for sequence in 1..=5 {
        some_event(&db, of[0], sequence).await;
    }
    let all = FeedFilter::default();
    let by_number = page(&db, &all, FeedSpan { limit: 2, ..span(1, 5) }).await;
    assert_eq!((positions(&by_number), by_number.looked_to), (vec![2, 3], 3));
    let by_size = page(&db, &all, FeedSpan { bytes: 25, ..span(0, 5) }).await;
    assert_eq!((positions(&by_size), by_size.looked_to), (vec![1, 2], 2), "a payload has 11 bytes");
    let one = page(&db, &all, FeedSpan { bytes: 1, ..span(2, 5) }).await;
    assert_eq!((positions(&one), one.looked_to), (vec![3], 3));
    let rest = page(&db, &all, span(3, 4)).await;
    assert_eq!((positions(&rest), rest.looked_to), (vec![4], 4), "and up to where it is settled");
    let ahead = page(&db, &all, span(5, 4)).await;
    assert_eq!((positions(&ahead), ahead.looked_to), (vec![], 5), "a cursor never goes back");
}

#[tokio::test]
async fn filters_are_by_type_artifact_request_and_whoever_has_or_had_a_task() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let of_type = |artifact_type| NewRequest {
        policy_id: policy,
        policy_key: "key",
        artifact_type,
        artifact_id: "A-1",
        requester: "requester",
        context: json!({}),
        created_at: OffsetDateTime::now_utc(),
    };
    let (first, second) = (of_type("loan").insert(&db).await, of_type("grant").insert(&db).await);
    some_event(&db, first, 1).await;
    some_event(&db, second, 1).await;
    some_event(&db, first, 2).await;
    let task = some_task(&db, first, "amina", None).await;
    some_task(&db, second, "bo", None).await;
    execute(
        &db,
        &format!("update approval_task set status = 'reassigned', seated = false where id = '{task}'"),
    )
    .await;
    let all = FeedFilter::default;
    for (filter, wanted) in [
        (FeedFilter { artifact_type: Some("loan".into()), ..all() }, vec![1, 3]),
        (FeedFilter { request_id: Some(second), ..all() }, vec![2]),
        (FeedFilter { assignee: Some("amina".into()), ..all() }, vec![1, 3]),
        (FeedFilter { assignee: Some("bo".into()), artifact_type: Some("loan".into()), ..all() }, vec![]),
        (FeedFilter { types: vec!["request_created".into()], assignee: Some("bo".into()), ..all() }, vec![2]),
        (FeedFilter { types: vec!["task_claimed".into()], ..all() }, vec![]),
    ] {
        let found = page(&db, &filter, span(0, 3)).await;
        assert_eq!((positions(&found), found.looked_to), (wanted, 3), "{filter:?}");
    }
    let mut involved = db.involved(&[first, second], &["amina".into(), "bo".into()]).await.unwrap();
    involved.sort_by_key(|(_, who)| who.clone());
    assert_eq!(involved, [(first, "amina".to_owned()), (second, "bo".to_owned())]);
}

#[tokio::test]
async fn a_place_before_what_retention_has_deleted_is_gone_and_the_rest_is_complete() {
    let db = database().await;
    let of = requests(&db, 2).await;
    for (request, sequence) in [(of[1], 1), (of[0], 1), (of[1], 2)] {
        some_event(&db, request, sequence).await;
    }
    let long_ago = OffsetDateTime::now_utc() - Duration::days(40);
    sqlx::query("alter table approval_request disable trigger user").execute(db.pool()).await.unwrap();
    sqlx::query(
        "update approval_request set created_at = $2, completed_at = $2, status = 'approved' where id = $1",
    )
    .bind(of[0])
    .bind(long_ago)
    .execute(db.pool())
    .await
    .unwrap();
    publish_all(&db).await;
    assert_eq!(db.sweep_requests(OffsetDateTime::now_utc() - Duration::days(30), 100).await.unwrap(), 1);
    let all = FeedFilter::default();
    assert_eq!(db.feed_page(&all, span(1, 3)).await.unwrap(), FeedRead::Gone(2));
    assert_eq!(db.feed_beginning().await.unwrap(), 2);
    assert_eq!(positions(&page(&db, &all, span(2, 3)).await), [3]);
    assert!(db.feed_has_reached(3).await.unwrap() && !db.feed_has_reached(4).await.unwrap());
}

/// Blocks that a look at the head and a page in the middle of the feed touch.
async fn cost(db: &mut TestDb, filter: &FeedFilter) -> i64 {
    let before = touched(db).await;
    let mut head = Head::at(2_000);
    db.look(&mut head).await.unwrap();
    page(db, filter, span(1_000, head.settled())).await;
    touched(db).await - before
}

#[tokio::test]
async fn a_page_and_a_look_cost_the_same_beside_ten_times_as_many_events() {
    let (mut few, mut many) = (database().await, database().await);
    beside_finished(&few, 4_000).await;
    beside_finished(&many, 40_000).await;
    let all = FeedFilter::default;
    for filter in [
        all(),
        FeedFilter { types: vec!["request_cancelled".into()], ..all() },
        FeedFilter { artifact_type: Some("other".into()), ..all() },
        FeedFilter { assignee: Some("amina".into()), ..all() },
        FeedFilter { assignee: Some("nobody".into()), ..all() },
        FeedFilter { request_id: Some(Uuid::now_v7()), ..all() },
    ] {
        let (small, large) = (cost(&mut few, &filter).await, cost(&mut many, &filter).await);
        // Indexes are a level or two deeper, and each request of a page is looked up.
        assert!(large <= small + small / 2 + 60, "{small} blocks became {large}: {filter:?}");
    }
}
