use crate::fixtures::{actions, admin, some_policy, some_request};
use schemas::api::delivery::RetryDeliveriesIn;
use store::audit::AuditFilter;
use store::deliveries::admin::DeliveryFilter;
use store::page::{Cursor, List};
use store::testing::{TestDb, database};
use store::{Error, What};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

async fn request(db: &TestDb) -> Uuid {
    let policy = some_policy(db, "key").await;
    some_request(db, policy, OffsetDateTime::now_utc()).await
}

/// Makes `count` deliveries to `url`, each of an event of its own; each was made a second after the one before.
async fn insert(db: &TestDb, request: Uuid, url: &str, status: &str, count: i32) -> Vec<Uuid> {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    sqlx::query(
        "with events as (
             insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
             select id, $2, n + (select count(*) from approval_event), 'request_approved', 'approved', 'amina', '{}',
                    now()
             from unnest($1::uuid[]) with ordinality as given(id, n) returning 1)
         insert into webhook_delivery
             (id, event_id, request_id, sequence, event_type, caller_service, url, status, attempt, next_attempt_at,
              created_at, updated_at)
         select id, id, $2, 1, 'request_approved', 'caller', $3, $4, 6, now() + interval '1 day',
                now() - interval '1 day' + n * interval '1 second', now()
         from unnest($1::uuid[]) with ordinality as given(id, n)",
    )
    .bind(&ids)
    .bind(request)
    .bind(url)
    .bind(status)
    .execute(db.pool())
    .await
    .unwrap();
    ids
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_by_filter_and_page() {
    let db = database().await;
    let of = request(&db).await;
    let mut expected = insert(&db, of, "https://a", "exhausted", 5).await;
    insert(&db, of, "https://a", "pending", 2).await;
    expected.reverse();
    let mut filter = DeliveryFilter {
        id: None,
        status: Some("exhausted".into()),
        request_id: Some(of),
        event_type: Some("request_approved".into()),
        url: Some("https://a".into()),
        since: Some(OffsetDateTime::now_utc() - Duration::days(2)),
        endpoint: Some("https://a".into()),
        artifact_id: None,
        until: Some(OffsetDateTime::now_utc() + Duration::days(2)),
        limit: 2,
        cursor: None,
    };
    let mut seen = Vec::new();
    loop {
        let (page, next) = db.list_deliveries(&filter).await.unwrap();
        seen.extend(page.into_iter().map(|d| d.id));
        let Some(next) = next else { break };
        filter.cursor = Some(Cursor::parse(List::Deliveries, &next).unwrap());
    }
    assert_eq!(seen, expected);
    for nothing in [
        DeliveryFilter { request_id: Some(Uuid::nil()), limit: 2, ..DeliveryFilter::default() },
        DeliveryFilter { url: Some("https://b".into()), limit: 2, ..DeliveryFilter::default() },
        DeliveryFilter { endpoint: Some("https://b".into()), limit: 2, ..DeliveryFilter::default() },
        DeliveryFilter { artifact_id: Some("Z-9".into()), limit: 2, ..DeliveryFilter::default() },
        DeliveryFilter { until: Some(OffsetDateTime::UNIX_EPOCH), limit: 2, ..DeliveryFilter::default() },
        DeliveryFilter { since: Some(OffsetDateTime::now_utc()), limit: 2, ..DeliveryFilter::default() },
    ] {
        assert!(db.list_deliveries(&nothing).await.unwrap().0.is_empty(), "{nothing:?}");
    }
}

#[tokio::test]
async fn a_retry_makes_an_exhausted_delivery_due_now_with_its_whole_schedule() {
    let db = database().await;
    let of = request(&db).await;
    let id = insert(&db, of, "https://a", "exhausted", 1).await[0];
    let out = db.retry_delivery(id, &admin()).await.unwrap();
    assert_eq!((out.status.as_str(), out.attempt), ("pending", 0));
    assert!(out.next_attempt_at <= OffsetDateTime::now_utc() + Duration::seconds(5));
    assert_eq!(actions(&db).await.last().unwrap(), "delivery.retry");
}

#[tokio::test]
async fn what_has_been_delivered_is_not_retried() {
    let db = database().await;
    let of = request(&db).await;
    let id = insert(&db, of, "https://a", "delivered", 1).await[0];
    assert!(matches!(db.retry_delivery(id, &admin()).await, Err(Error::Conflict(..))));
    assert!(matches!(db.retry_delivery(Uuid::nil(), &admin()).await, Err(Error::NotFound(What::Delivery))));
    let all = RetryDeliveriesIn { status: Some("delivered".into()), ..RetryDeliveriesIn::default() };
    assert!(matches!(db.retry_deliveries(&all, &admin(), |_| ()).await, Err(Error::Conflict(..))));
}

#[tokio::test]
async fn many_are_retried_in_batches_and_every_one_is_named_in_the_audit() {
    let db = database().await;
    let of = request(&db).await;
    insert(&db, of, "https://a", "exhausted", 1203).await;
    let other = insert(&db, of, "https://b", "exhausted", 3).await;
    let to_a = RetryDeliveriesIn { url: Some("https://a".into()), ..RetryDeliveriesIn::default() };
    assert_eq!(db.count_retriable(&to_a).await.unwrap(), (1203, false));
    let mut batches = Vec::new();
    assert_eq!(db.retry_deliveries(&to_a, &admin(), |batch| batches.push(batch)).await.unwrap(), 1203);
    assert_eq!(batches, [500, 500, 203]);
    assert_eq!(db.count_retriable(&to_a).await.unwrap(), (0, false));
    assert_eq!(db.retry_deliveries(&to_a, &admin(), |_| ()).await.unwrap(), 0);
    let filter = AuditFilter { action: Some("delivery.retry".into()), limit: 10, ..AuditFilter::default() };
    let rows = db.list_audit(&filter).await.unwrap().0;
    let named: usize =
        rows.iter().map(|r| r.metadata_.as_ref().unwrap()["ids"].as_array().unwrap().len()).sum();
    assert_eq!((rows.len(), named), (3, 1203));

    let left = DeliveryFilter { status: Some("exhausted".into()), limit: 9, ..DeliveryFilter::default() };
    let last = db.list_deliveries(&left).await.unwrap().0[0].created_at;
    let since = RetryDeliveriesIn { since: Some(last), ..RetryDeliveriesIn::default() };
    assert_eq!(db.retry_deliveries(&since, &admin(), |_| ()).await.unwrap(), 1);
    let pending = RetryDeliveriesIn {
        status: Some("pending".into()),
        url: Some("https://b".into()),
        ..RetryDeliveriesIn::default()
    };
    assert_eq!(db.retry_deliveries(&pending, &admin(), |_| ()).await.unwrap(), 1);
    assert_eq!(db.retry_deliveries(&RetryDeliveriesIn::default(), &admin(), |_| ()).await.unwrap(), 2);
    assert_eq!(other.len(), 3);
}

#[tokio::test]
async fn attempts_come_oldest_first_and_an_unknown_delivery_is_not_found() {
    let db = database().await;
    let of = request(&db).await;
    let id = insert(&db, of, "https://a", "exhausted", 1).await[0];
    assert!(db.list_attempts(id).await.unwrap().is_empty());
    for attempt in [2, 1] {
        sqlx::query(
            "insert into webhook_attempt (id, delivery_id, attempt, started_at, latency_ms, status_code, error)
             values ($1, $2, $3, now() + $3 * interval '1 minute', 12, 503, 'answered 503')",
        )
        .bind(Uuid::now_v7())
        .bind(id)
        .bind(attempt)
        .execute(db.pool())
        .await
        .unwrap();
    }
    let attempts = db.list_attempts(id).await.unwrap();
    assert_eq!(attempts.iter().map(|a| a.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((attempts[0].latency_ms, attempts[0].status_code), (12, Some(503)));
    assert!(matches!(db.list_attempts(Uuid::nil()).await, Err(Error::NotFound(What::Delivery))));
}
