//! The parameters of lists, and what lists cost beside much that is finished.

use crate::fixtures::{some_event, some_policy, some_request, some_task};
use store::Error;
use store::audit::AuditFilter;
use store::deliveries::admin::DeliveryFilter;
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

/// What no index finds: the first page of each has to look through rows.
fn looked_for() -> Vec<Asked> {
    let amina = || TaskFilter { assignee: Some("amina".into()), ..tasks() };
    let nowhere = || Some("nowhere".to_owned());
    vec![
        Asked::Tasks(TaskFilter { search_text: nowhere(), ..amina() }),
        Asked::Tasks(TaskFilter { status: Some("skipped".into()), ..amina() }),
        Asked::Tasks(TaskFilter { policy_key: nowhere(), ..amina() }),
        Asked::Tasks(TaskFilter { due_before: hours(1), ..amina() }),
        Asked::Tasks(TaskFilter { search_text: nowhere(), ..tasks() }),
        Asked::Tasks(TaskFilter { artifact_type: nowhere(), uncounted: true, ..tasks() }),
        Asked::Stats(Some("skipped")),
        Asked::Requests(RequestFilter { search_text: nowhere(), ..requests() }),
        Asked::Requests(RequestFilter { source_service: nowhere(), ..requests() }),
        Asked::Requests(RequestFilter {
            status: Some("approved".into()),
            source_service: nowhere(),
            ..requests()
        }),
        Asked::Requests(RequestFilter { artifact_id: nowhere(), ..requests() }),
        Asked::Requests(RequestFilter { artifact_type: nowhere(), ..requests() }),
        Asked::Requests(RequestFilter { updated_since: hours(1), ..requests() }),
    ]
}

#[tokio::test]
async fn what_no_index_finds_costs_the_same_beside_three_times_as_much_that_is_finished() {
    let (mut few, mut many) = (database().await, database().await);
    beside_finished(&few, 12_000).await;
    beside_finished(&many, 36_000).await;
    for list in looked_for() {
        let (small, large) = (cost(&mut few, &list).await, cost(&mut many, &list).await);
        assert!(large <= small + small / 5 + 60, "{small} blocks became {large}: {list:?}");
    }
}

#[tokio::test]
async fn what_is_looked_for_is_found_by_the_cursor_however_old_it_is() {
    let db = database().await;
    beside_finished(&db, 12_000).await;
    let needles = "update approval_request set title = 'needle' where artifact_id in ('A-2', 'A-12000')";
    execute(&db, &format!("begin; set local session_replication_role = replica; {needles}; commit")).await;
    let mut filter = RequestFilter { search_text: Some("needle".into()), ..requests() };
    let (mut found, mut pages) = (Vec::new(), Vec::new());
    loop {
        let (page, next) = db.list_requests(&filter).await.unwrap();
        pages.push(page.len());
        found.extend(page.into_iter().map(|request| request.artifact_id));
        let Some(next) = next else { break };
        filter.cursor = Some(Cursor::parse(List::Requests, &next).unwrap());
    }
    assert_eq!((found, pages), (vec!["A-12000".to_owned(), "A-2".to_owned()], vec![1, 0, 0, 1]));

    let amina =
        || TaskFilter { search_text: Some("needle".into()), assignee: Some("amina".into()), ..tasks() };
    let (first, next) = db.list_tasks(&amina()).await.unwrap();
    assert_eq!((first.items.len(), first.total, first.total_is_lower_bound), (1, 1, true));
    let next = Cursor::parse(List::Tasks, &next.unwrap());
    let (second, next) = db.list_tasks(&TaskFilter { cursor: next, ..amina() }).await.unwrap();
    assert_eq!((second.items.len(), next), (1, None));
    assert_eq!(second.items[0].artifact_id.as_deref(), Some("A-2"));
    let (few, _) = db.list_tasks(&TaskFilter { assignee: Some("p-1".into()), ..amina() }).await.unwrap();
    assert_eq!((few.total, few.total_is_lower_bound), (0, false), "all of few is looked through");
}

#[tokio::test]
async fn pages_that_would_read_or_sort_everything_are_refused_where_that_is_much() {
    let db = database().await;
    beside_finished(&db, 12_000).await;
    let far = |assignee: Option<&str>| TaskFilter {
        assignee: assignee.map(Into::into),
        page: 1_000_000,
        ..tasks()
    };
    let by_due = |assignee: Option<&str>| TaskFilter { sort: Sort::Due, page: 1, ..far(assignee) };
    assert!(db.list_tasks(&far(Some("amina"))).await.unwrap().0.items.is_empty());
    assert_eq!(db.list_tasks(&by_due(Some("amina"))).await.unwrap().0.items.len(), 50);
    let refused = |answer: Result<_, Error>| match answer {
        Err(Error::Costly(parameter, _)) => parameter,
        _ => panic!("not refused"),
    };
    assert_eq!(refused(db.list_tasks(&far(None)).await.map(drop)), "page");
    assert_eq!(refused(db.list_tasks(&by_due(None)).await.map(drop)), "sort");
    let open_by_due = TaskFilter { status: Some("open".into()), ..by_due(None) };
    assert_eq!(db.list_tasks(&open_by_due).await.unwrap().0.items.len(), 50);
}

#[tokio::test]
async fn the_audit_log_is_looked_through_in_steps() {
    let db = database().await;
    execute(
        &db,
        "insert into audit_action (id, occurred_at, actor, action, resource_type, resource_id, summary)
         select gen_random_uuid(), now() - n * interval '1 s', 'admin', 'policy.update', 'policy', 'key:' || n,
             case when n = 6000 then 'needle' else 'hay' end from generate_series(1, 6000) n",
    )
    .await;
    let filter = AuditFilter { search_text: Some("needle".into()), limit: 50, ..AuditFilter::default() };
    let (first, next) = db.list_audit(&filter).await.unwrap();
    assert!(first.is_empty(), "it is behind what one page looks through");
    let cursor = Cursor::parse(List::Audit, &next.unwrap());
    let (second, next) = db.list_audit(&AuditFilter { cursor, ..filter.clone() }).await.unwrap();
    assert_eq!((second.len(), next), (1, None));
    let named = AuditFilter {
        resource_type: Some("policy".into()),
        resource_id: Some("key:6000".into()),
        search_text: None,
        ..filter
    };
    assert_eq!(db.list_audit(&named).await.unwrap().0.len(), 1, "an index finds it at once");
}

#[tokio::test]
async fn deliveries_are_looked_through_in_steps() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    execute(
        &db,
        &format!(
            "create temporary table made as select n, lpad(to_hex(n), 12, '0')::text as low from generate_series(1, 6000) n;
             insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             select ('00000000-0000-7000-8000-' || low)::uuid, '{request}', n, 'stage_started', 'in_review', 'system', '{{}}', now()
             from made;
             insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
                 next_attempt_at, created_at, updated_at)
             select id, id, '{request}', sequence, event_type, 'caller',
                 'http://' || case when sequence = 1 then 'needle' else 'hay' end || '.test/hook', now(), now(), now()
             from approval_event where request_id = '{request}';
             drop table made"
        ),
    )
    .await;
    let filter = DeliveryFilter {
        endpoint: Some("http://needle.test".into()),
        limit: 50,
        ..DeliveryFilter::default()
    };
    let (first, next) = db.list_deliveries(&filter).await.unwrap();
    assert!(first.is_empty(), "it is behind what one page looks through");
    let cursor = Cursor::parse(List::Deliveries, &next.unwrap());
    let (second, next) = db.list_deliveries(&DeliveryFilter { cursor, ..filter }).await.unwrap();
    assert_eq!((second.len(), next), (1, None));
}
