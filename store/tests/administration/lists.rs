//! The parameters of lists, and what lists cost beside much that is finished.

use crate::fixtures::{some_event, some_policy, some_request, some_task};
use store::page::{Cursor, List};
use store::requests::RequestFilter;
use store::tasks::{ACTIONABLE, Sort, TaskFilter};
use store::testing::{TestDb, database, execute};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

fn tasks() -> TaskFilter {
    TaskFilter { page: 1, page_size: 50, ..TaskFilter::default() }
}

fn requests() -> RequestFilter {
    RequestFilter { limit: 50, ..RequestFilter::default() }
}

async fn task_ids(db: &TestDb, filter: TaskFilter) -> Vec<Uuid> {
    db.list_tasks(&filter).await.unwrap().0.items.into_iter().map(|task| task.id).collect()
}

async fn request_ids(db: &TestDb, filter: RequestFilter) -> Vec<Uuid> {
    db.list_requests(&filter).await.unwrap().0.into_iter().map(|request| request.id).collect()
}

fn hours(n: i64) -> Option<OffsetDateTime> {
    Some(OffsetDateTime::now_utc() + Duration::hours(n))
}

/// Tasks of amina: without a deadline, due later, due soon, overdue and expired, overdue and replaced.
async fn five(db: &TestDb, request: Uuid) -> [Uuid; 5] {
    let mut made = Vec::new();
    for due in [None, hours(5), hours(1), hours(-1), hours(-2)] {
        made.push(some_task(db, request, "amina", due).await);
    }
    for (n, seated) in [(3, true), (4, false)] {
        let expire = format!(
            "update approval_task set status = 'expired', seated = {seated} where id = '{}'",
            made[n]
        );
        execute(db, &expire).await;
    }
    made.try_into().unwrap()
}

#[tokio::test]
async fn tasks_are_found_by_what_can_still_be_done_and_sorted_by_deadline() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let [never, later, soon, late, replaced] = five(&db, request).await;
    let amina = || TaskFilter { assignee: Some("amina".into()), ..tasks() };
    let actionable = || TaskFilter { status: Some(ACTIONABLE.into()), ..amina() };
    assert_eq!(task_ids(&db, actionable()).await, [late, soon, later, never]);
    let by_due = TaskFilter { sort: Sort::Due, ..actionable() };
    assert_eq!(task_ids(&db, by_due).await, [late, soon, later, never]);
    let all_by_due = TaskFilter { sort: Sort::Due, ..amina() };
    assert_eq!(task_ids(&db, all_by_due).await, [replaced, late, soon, later, never]);
    let open = TaskFilter { status: Some("open".into()), ..amina() };
    assert_eq!(task_ids(&db, open).await, [soon, later, never]);
    assert_eq!(task_ids(&db, TaskFilter { overdue: Some(true), ..amina() }).await, [late]);
    let not = TaskFilter { overdue: Some(false), ..amina() };
    assert_eq!(task_ids(&db, not).await, [replaced, soon, later, never]);
    let due = TaskFilter { due_before: hours(2), ..actionable() };
    assert_eq!(task_ids(&db, due).await, [late, soon]);
    let nobodys = TaskFilter { overdue: Some(true), ..tasks() };
    assert_eq!(task_ids(&db, nobodys).await, [late]);
}

#[tokio::test]
async fn a_cursor_leads_through_every_order_of_tasks() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    five(&db, request).await;
    for (sort, list) in [(Sort::Created, List::Tasks), (Sort::Due, List::TasksByDue)] {
        for (assignee, status) in
            [(Some("amina"), None), (Some("amina"), Some("open")), (None, None), (None, Some(ACTIONABLE))]
        {
            let mut filter = TaskFilter {
                sort,
                assignee: assignee.map(str::to_owned),
                status: status.map(str::to_owned),
                uncounted: true,
                ..tasks()
            };
            let expected = task_ids(&db, filter.clone()).await;
            filter.page_size = 2;
            let mut found = Vec::new();
            loop {
                let (page, next) = db.list_tasks(&filter).await.unwrap();
                assert_eq!(page.total_is_lower_bound, next.is_some() || filter.cursor.is_some());
                found.extend(page.items.into_iter().map(|task| task.id));
                let Some(next) = next else { break };
                filter.cursor = Some(Cursor::parse(list, &next).unwrap());
            }
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn requests_are_found_by_their_times_people_and_words() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let old = some_request(&db, policy, OffsetDateTime::now_utc() - Duration::hours(3)).await;
    let new = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    some_task(&db, old, "amina", hours(-1)).await;
    let done = some_task(&db, new, "amina", hours(-1)).await;
    some_task(&db, new, "bob", None).await;
    execute(&db, &format!("update approval_task set status = 'skipped' where id = '{done}'")).await;
    let found = [
        (RequestFilter { created_since: hours(-1), ..requests() }, vec![new]),
        (RequestFilter { created_until: hours(-1), ..requests() }, vec![old]),
        (RequestFilter { updated_since: hours(-1), ..requests() }, vec![new]),
        (RequestFilter { assignee: Some("amina".into()), ..requests() }, vec![old]),
        (RequestFilter { assignee: Some("bob".into()), ..requests() }, vec![new]),
        (RequestFilter { overdue: Some(true), ..requests() }, vec![old]),
        (RequestFilter { overdue: Some(false), ..requests() }, vec![new]),
        (RequestFilter { source_service: Some("nobody".into()), ..requests() }, vec![]),
        (RequestFilter { search_text: Some("a-1".into()), ..requests() }, vec![new, old]),
        (RequestFilter { search_text: Some("nowhere".into()), ..requests() }, vec![]),
    ];
    for (filter, expected) in found {
        assert_eq!(request_ids(&db, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn finished_requests_are_found_by_how_they_ended() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let mut rejected = Vec::new();
    for n in 0..6 {
        let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
        let event = some_event(&db, request, 1).await;
        let (status, ended) =
            if n % 2 == 0 { ("rejected", "request_rejected") } else { ("approved", "request_approved") };
        let end = format!(
            "set local session_replication_role = replica;
             update approval_event set event_type = '{ended}' where id = '{event}';
             set local session_replication_role = origin;
             update approval_request set status = '{status}', completed_at = now() where id = '{request}'"
        );
        execute(&db, &format!("begin; {end}; commit")).await;
        if n % 2 == 0 {
            rejected.insert(0, request);
        }
    }
    let mut filter = RequestFilter { status: Some("rejected".into()), limit: 2, ..requests() };
    let (page, next) = db.list_requests(&filter).await.unwrap();
    assert_eq!(page.iter().map(|request| request.id).collect::<Vec<_>>(), rejected[..2]);
    filter.cursor = Some(Cursor::parse(List::Requests, &next.unwrap()).unwrap());
    assert_eq!(request_ids(&db, filter).await, rejected[2..]);
    assert!(
        request_ids(&db, RequestFilter { status: Some("expired".into()), ..requests() }).await.is_empty()
    );
}

/// Finished requests with a task each, by SQL, and open ones beside them. Every second task is amina's.
pub(crate) async fn beside_finished(db: &TestDb, finished: u32) {
    let policy = some_policy(db, "key").await;
    execute(
        db,
        &format!(
            "create temporary table made as select n, n > {finished} as is_open, gen_random_uuid() as request, gen_random_uuid() as task,
                 now() - ({finished} + 50 - n) * interval '1 s' as created from generate_series(1, {finished} + 50) n;
             insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id,
                 source_service, requester, context, status, current_stage_order, stages, completed_at, created_at,
                 updated_at, last_sequence)
             select request, '{policy}', 'key', 1, 'type', 'A-' || n, 'caller', 'maker-' || n % 100, '{{}}',
                 case when is_open then 'in_review' else 'approved' end, 1, '[]',
                 case when is_open then null else created end, created, created, 1 from made;
             insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required,
                 seated, status, created_at, completed_at, decision_id)
             select task, request, request, 1, 0, case when n % 2 = 0 then 'amina' else 'p-' || n % 50 end, 'approver',
                 false, true, case when is_open then 'open' else 'completed' end, created,
                 case when is_open then null else created end, case when is_open then null else task end from made;
             insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             select task, request, 1, case when is_open then 'stage_started' else 'request_approved' end, 'approved',
                 'amina', '{{}}', created from made;
             drop table made"
        ),
    )
    .await;
    for table in ["approval_request", "approval_task", "approval_event", "open_request", "open_task"] {
        execute(db, &format!("vacuum analyze {table}")).await;
    }
}

/// Blocks of tables and indexes that were touched so far.
pub(crate) async fn touched(db: &mut TestDb) -> i64 {
    db.reconnect().await;
    store::testing::count(
        db,
        "select (sum(heap_blks_hit + heap_blks_read) + sum(idx_blks_hit + idx_blks_read))::bigint
         from pg_statio_user_tables",
    )
    .await
}

/// Blocks of tables and indexes that reading each first page touches.
async fn cost(db: &mut TestDb, list: &Asked) -> i64 {
    let before = touched(db).await;
    match list {
        Asked::Tasks(filter) => drop(db.list_tasks(filter).await.unwrap()),
        Asked::Requests(filter) => drop(db.list_requests(filter).await.unwrap()),
        Asked::Stats(status) => drop(db.task_stats("amina", *status).await.unwrap()),
    }
    touched(db).await - before
}

#[derive(Debug)]
enum Asked {
    Tasks(TaskFilter),
    Requests(RequestFilter),
    Stats(Option<&'static str>),
}

fn asked() -> Vec<Asked> {
    let amina = || TaskFilter { assignee: Some("amina".into()), page_size: 20, ..tasks() };
    let open = || TaskFilter { status: Some("open".into()), ..amina() };
    let page = || RequestFilter { limit: 20, ..requests() };
    vec![
        Asked::Tasks(TaskFilter { uncounted: true, ..amina() }),
        Asked::Tasks(open()),
        Asked::Tasks(TaskFilter { status: Some(ACTIONABLE.into()), sort: Sort::Due, ..amina() }),
        Asked::Tasks(TaskFilter { search_text: Some("nowhere".into()), ..open() }),
        Asked::Tasks(TaskFilter { overdue: Some(true), ..amina() }),
        Asked::Tasks(TaskFilter { assignee: None, ..open() }),
        Asked::Tasks(TaskFilter { assignee: None, search_text: Some("nowhere".into()), ..open() }),
        Asked::Tasks(TaskFilter { assignee: None, uncounted: true, ..amina() }),
        Asked::Stats(Some("open")),
        Asked::Requests(page()),
        Asked::Requests(RequestFilter { status: Some("in_review".into()), ..page() }),
        Asked::Requests(RequestFilter { status: Some("rejected".into()), ..page() }),
        Asked::Requests(RequestFilter { status: Some("approved".into()), ..page() }),
        Asked::Requests(RequestFilter { requester: Some("nobody".into()), ..page() }),
        Asked::Requests(RequestFilter { policy_key: Some("none".into()), ..page() }),
        Asked::Requests(RequestFilter { assignee: Some("amina".into()), ..page() }),
        Asked::Requests(RequestFilter { overdue: Some(true), ..page() }),
        Asked::Requests(RequestFilter {
            artifact_id: Some("none".into()),
            artifact_type: Some("type".into()),
            ..page()
        }),
    ]
}

#[tokio::test]
async fn the_first_page_of_a_list_costs_the_same_beside_ten_times_as_much_that_is_finished() {
    let (mut few, mut many) = (database().await, database().await);
    beside_finished(&few, 2_000).await;
    beside_finished(&many, 20_000).await;
    for list in asked() {
        let (small, large) = (cost(&mut few, &list).await, cost(&mut many, &list).await);
        // Indexes are a level or two deeper.
        assert!(large <= small + small / 2 + 60, "{small} blocks became {large}: {list:?}");
    }
}
