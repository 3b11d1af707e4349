use crate::fixtures::{NewRequest, some_policy, some_request, some_task};
use serde_json::{Value, json};
use store::tasks::TaskFilter;
use store::testing::{TestDb, database, execute};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

fn everything() -> TaskFilter {
    TaskFilter { page: 1, page_size: 50, ..TaskFilter::default() }
}

async fn task_about(
    db: &TestDb,
    policy_id: Uuid,
    artifact_id: &str,
    requester: &str,
    context: Value,
) -> Uuid {
    let new = NewRequest {
        policy_id,
        policy_key: "registry.change",
        artifact_type: "Household",
        artifact_id,
        requester,
        context,
        created_at: OffsetDateTime::now_utc(),
    };
    let request = new.insert(db).await;
    some_task(db, request, "amina", None).await
}

async fn found(db: &TestDb, text: &str) -> Vec<Uuid> {
    let filter = TaskFilter { search_text: Some(text.into()), ..everything() };
    db.list_tasks(&filter).await.unwrap().0.items.into_iter().map(|t| t.id).collect()
}

#[tokio::test]
async fn search_finds_values_wherever_they_are_and_takes_every_character_literally() {
    let db = database().await;
    let policy = some_policy(&db, "registry.change").await;
    let percent = task_about(&db, policy, "100%_sure", "zara", json!({"note": "back\\slash"})).await;
    let plain = task_about(
        &db,
        policy,
        "CR-7",
        "bob",
        json!({"household": {"head": "María O'Neil", "members": [{"age": 4217}, "Çelik"]}}),
    )
    .await;
    assert_eq!(found(&db, "%").await, [percent]);
    assert_eq!(found(&db, "_").await, [percent]);
    assert_eq!(found(&db, "0%_S").await, [percent]);
    assert_eq!(found(&db, "K\\S").await, [percent]);
    assert_eq!(found(&db, "o'neil").await, [plain]);
    assert_eq!(found(&db, "421").await, [plain], "numbers too");
    assert_eq!(found(&db, "çELIK").await, [plain], "inside lists, whatever the case");
    assert_eq!(found(&db, "ZAR").await, [percent], "requester");
    assert_eq!(found(&db, "cr-").await, [plain], "artifact id");
    assert_eq!(found(&db, "household").await, [plain, percent], "artifact type");
    assert_eq!(found(&db, "registry.").await, [plain, percent], "policy key");
    assert!(found(&db, "members").await.is_empty(), "names of fields are not values");
    assert!(found(&db, "amina").await.is_empty());
    assert_eq!(found(&db, "").await.len(), 2);
}

#[tokio::test]
async fn pages_are_counted_and_one_page_is_there_even_when_empty() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let empty = db.list_tasks(&everything()).await.unwrap().0;
    assert_eq!((empty.total, empty.pages, empty.page, empty.page_size), (0, 1, 1, 50));

    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, some_task(&db, request, "amina", None).await);
    }
    let mut seen = Vec::new();
    for page in 1..=3 {
        let filter = TaskFilter { page, page_size: 2, ..everything() };
        let out = db.list_tasks(&filter).await.unwrap().0;
        assert_eq!((out.total, out.pages), (5, 3));
        seen.extend(out.items.into_iter().map(|t| t.id));
    }
    assert_eq!(seen, ids);
    let beyond =
        db.list_tasks(&TaskFilter { page: 1_000_000, page_size: 200, ..everything() }).await.unwrap().0;
    assert_eq!((beyond.items.len(), beyond.total, beyond.pages), (0, 5, 1));
    let full = db.list_tasks(&TaskFilter { page_size: 5, ..everything() }).await.unwrap().0;
    assert_eq!((full.total, full.pages), (5, 1));
}

#[tokio::test]
async fn tasks_are_counted_exactly_up_to_ten_thousand() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let add = |tasks: i32| {
        format!(
            "insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required,
                 seated, status, created_at)
             select gen_random_uuid(), '{request}', '{policy}', 1, n, 'amina', 'approver', false, true, 'open', now()
             from generate_series(1, {tasks}) n"
        )
    };
    let counted = async |page| {
        let filter = TaskFilter { assignee: Some("amina".into()), page, page_size: 200, ..everything() };
        let out = db.list_tasks(&filter).await.unwrap().0;
        (out.items.len(), out.total, out.total_is_lower_bound, out.pages)
    };
    execute(&db, &add(10_000)).await;
    assert_eq!(counted(50).await, (200, 10_000, false, 50));
    execute(&db, &add(1)).await;
    assert_eq!(counted(1).await, (200, 10_000, true, 50));
    assert_eq!(counted(51).await, (1, 10_000, true, 50), "what was not counted can be read");
}

#[tokio::test]
async fn tasks_are_filtered_by_every_column_offered() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let mine = some_task(&db, request, "amina", None).await;
    let other = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    some_task(&db, other, "bob", None).await;
    let matching = [
        TaskFilter { assignee: Some("amina".into()), ..everything() },
        TaskFilter { request_id: Some(request), ..everything() },
        TaskFilter {
            assignee: Some("amina".into()),
            request_id: Some(request),
            status: Some("open".into()),
            artifact_type: Some("type".into()),
            policy_key: Some("key".into()),
            search_text: Some("a-1".into()),
            ..everything()
        },
    ];
    for filter in matching {
        let out = db.list_tasks(&filter).await.unwrap().0;
        assert_eq!(out.items.iter().map(|t| t.id).collect::<Vec<_>>(), [mine], "{filter:?}");
    }
    let none = TaskFilter { status: Some("claimed".into()), ..everything() };
    assert!(db.list_tasks(&none).await.unwrap().0.items.is_empty());
}

#[tokio::test]
async fn a_decided_task_shows_its_decision_and_its_request() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let request = some_request(&db, policy, OffsetDateTime::now_utc()).await;
    let task = some_task(&db, request, "amina", None).await;
    let decision = Uuid::now_v7();
    sqlx::query(
        "insert into approval_decision (id, request_id, task_id, stage_order, actor, action, comment, created_at)
         values ($1, $2, $3, 1, 'amina', 'approve', 'fine', now())",
    )
    .bind(decision)
    .bind(request)
    .bind(task)
    .execute(db.pool())
    .await
    .unwrap();
    sqlx::query("update approval_task set status = 'completed', decision_id = $1, completed_at = now()")
        .bind(decision)
        .execute(db.pool())
        .await
        .unwrap();
    let out = db.list_tasks(&everything()).await.unwrap().0.items.remove(0);
    assert_eq!(out.id, task);
    assert_eq!(out.decision_id, Some(decision));
    assert_eq!(
        (out.decision_action.as_deref(), out.decision_comment.as_deref()),
        (Some("approve"), Some("fine"))
    );
    assert_eq!((out.artifact_type.as_deref(), out.policy_key.as_deref()), (Some("type"), Some("key")));
    assert_eq!(db.request_of_task(task).await.unwrap().map(|r| r.0), Some(request));
    assert_eq!(db.request_of_task(Uuid::nil()).await.unwrap(), None);
}

#[tokio::test]
async fn statistics_count_what_is_mine_and_what_is_overdue() {
    let db = database().await;
    let policy = some_policy(&db, "key").await;
    let now = OffsetDateTime::now_utc();
    let request = some_request(&db, policy, now).await;
    let (past, future) = (now - Duration::hours(1), now + Duration::hours(1));
    some_task(&db, request, "amina", Some(past)).await;
    some_task(&db, request, "amina", Some(future)).await;
    some_task(&db, request, "bob", Some(past)).await;
    let skipped = some_task(&db, request, "amina", Some(past)).await;
    sqlx::query("update approval_task set status = 'skipped' where id = $1")
        .bind(skipped)
        .execute(db.pool())
        .await
        .unwrap();
    task_about(&db, policy, "A", "r", json!({})).await;
    let stats = db.task_stats("amina", None).await.unwrap();
    assert_eq!((stats.total, stats.overdue), (4, 1));
    assert_eq!(json!(stats.by_artifact_type), json!({"type": 3, "Household": 1}));
    let open = db.task_stats("amina", Some("open")).await.unwrap();
    assert_eq!((open.total, open.overdue), (3, 1));
    assert_eq!(db.task_stats("nobody", None).await.unwrap().total, 0);
}
