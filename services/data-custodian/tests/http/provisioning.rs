//! The provisioning of grants: its shapes, its checks and their order.

use crate::support::*;
use data_custodian::backchannel::store;
use data_custodian::grant::{Grant, GrantError, Provisioned};
use serde_json::{Value, json};
use sqlx::Row as _;
use std::collections::BTreeSet;
use uuid::Uuid;

fn names(answer: &Value) -> BTreeSet<String> {
    answer.as_object().unwrap().keys().cloned().collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn subscriptions(custodian: &Custodian) -> Vec<(Uuid, String, Vec<Uuid>)> {
    let select = "select s.id, s.kind, array(select usage_point_id from subscription_usage_points
                  where subscription_id = s.id order by 1) from subscriptions s order by s.kind";
    let rows = sqlx::query(select).fetch_all(&custodian.pool).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn an_energy_only_grant_stores_one_subscription_with_its_usage_point_and_no_customer_uri() {
    let custodian = Custodian::start().await;
    let (status, answer) = custodian.provision(&body(json!({}))).await;
    assert_eq!(status, 201, "{answer}");
    let wanted = ["authorization_id", "resource_subscription_id", "resource_uri", "authorization_uri"];
    assert_eq!(names(&answer), set(&wanted));
    let (a, r) =
        (answer["authorization_id"].as_str().unwrap(), answer["resource_subscription_id"].as_str().unwrap());
    assert_eq!(answer["resource_uri"], format!("{BASE}/Subscription/{r}"));
    assert_eq!(answer["authorization_uri"], format!("{BASE}/Authorization/{a}"));
    let row = sqlx::query("select id::text, scope, third_party, status, resource_uri, customer_resource_uri from authorizations")
        .fetch_one(&custodian.pool)
        .await
        .unwrap();
    let text = |index: usize| row.get::<Option<String>, _>(index);
    assert_eq!(text(0).as_deref(), Some(a));
    assert_eq!(text(1).as_deref(), Some("FB=4_5_15;IntervalDuration=3600"));
    assert_eq!((text(2).as_deref(), text(3).as_deref()), (Some("third_party"), Some("ACTIVE")));
    assert_eq!((text(4).as_deref(), text(5)), (answer["resource_uri"].as_str(), None));
    let stored = subscriptions(&custodian).await;
    assert_eq!(stored, [(r.parse().unwrap(), "resource".to_owned(), vec![U1.parse().unwrap()])]);
    custodian.stop().await;
}

#[tokio::test]
async fn an_energy_and_personal_grant_stores_two_subscriptions_and_the_uri() {
    let custodian = Custodian::start().await;
    let grant = body(json!({"granted_scope": "FB=4_5_15_54", "customer_resource_uri": CUSTOMER_URI}));
    let (status, answer) = custodian.provision(&grant).await;
    assert_eq!((status, names(&answer).len()), (201, 6), "{answer}");
    assert_eq!(answer["customer_resource_uri"], CUSTOMER_URI);
    assert_ne!(answer["resource_subscription_id"], answer["customer_subscription_id"]);
    let stored = subscriptions(&custodian).await;
    let kinds: Vec<_> = stored.iter().map(|(_, kind, points)| (kind.as_str(), points.len())).collect();
    assert_eq!(kinds, [("customer", 0), ("resource", 1)]);
    custodian.stop().await;
}

#[tokio::test]
async fn a_personal_grant_without_usage_points_stores_one_subscription_and_no_resource_uri() {
    let custodian = Custodian::start().await;
    let grant = body(json!({
        "granted_scope": "FB=4_54", "selected_usage_point_ids": [], "customer_resource_uri": CUSTOMER_URI,
    }));
    let (status, answer) = custodian.provision(&grant).await;
    assert_eq!(status, 201, "{answer}");
    let wanted =
        ["authorization_id", "customer_subscription_id", "authorization_uri", "customer_resource_uri"];
    assert_eq!(names(&answer), set(&wanted));
    assert_eq!(subscriptions(&custodian).await.len(), 1);
    custodian.stop().await;
}

#[tokio::test]
async fn the_shape_follows_from_what_was_selected_and_not_from_energy_blocks() {
    let custodian = Custodian::start().await;
    let grant = body(json!({"granted_scope": "FB=54", "customer_resource_uri": CUSTOMER_URI}));
    assert_eq!(names(&custodian.provision(&grant).await.1).len(), 6);
    let (status, answer) = custodian.provision(&body(json!({"granted_scope": "FB=41"}))).await;
    assert_eq!((status, names(&answer).len()), (201, 4), "{answer}");
    custodian.stop().await;
}

/// One test for each grant that is refused: what of the first example is changed, and what the description has to hold.
/// Nothing may be stored.
macro_rules! refused {
    ($($name:ident: $changes:tt => $parts:expr;)+) => {
        $(#[tokio::test]
        async fn $name() {
            let custodian = Custodian::start().await;
            let said = custodian.refused(&body(json!($changes))).await;
            for part in $parts {
                assert!(said.contains(part), "{part} is missing: {said}");
            }
            custodian.stop().await;
        })+
    };
}

refused! {
    an_empty_grant_is_refused: {"granted_scope": "FB=4", "selected_usage_point_ids": []} => ["selected_usage_point_ids"];
    an_empty_scope_selects_nothing: {"granted_scope": ";;", "selected_usage_point_ids": null} => ["selected_usage_point_ids"];
    personal_data_without_a_uri_is_refused: {"granted_scope": "FB=4_54"} => ["customer_resource_uri is required"];
    a_blank_uri_is_absent: {"granted_scope": "FB=4_54", "customer_resource_uri": " "} => ["customer_resource_uri is required"];
    a_uri_without_personal_data_is_refused: {"customer_resource_uri": CUSTOMER_URI} => ["customer_resource_uri must be absent"];
    an_unknown_client_is_refused: {"client_id": "nobody"} => ["client_id", "nobody"];
    an_unknown_customer_is_refused: {"retail_customer_id": 99} => ["retail_customer_id", "99"];
    a_usage_point_of_another_customer_is_refused: {"selected_usage_point_ids": [U1, FOREIGN]} => [FOREIGN, "not belong"];
    a_usage_point_of_nobody_is_refused: {"selected_usage_point_ids": [OWNERLESS]} => [OWNERLESS, "not belong"];
    an_unknown_usage_point_is_refused: {"selected_usage_point_ids": [NOBODYS]} => ["selected_usage_point_ids", NOBODYS];
    a_scope_that_does_not_parse_is_refused: {"granted_scope": "FB=not_a_number"} => ["granted_scope", "\"not\""];
    a_list_of_intervals_is_refused: {"granted_scope": "FB=4;IntervalDuration=900_3600"} => ["900_3600"];
    a_blank_client_is_refused: {"client_id": " "} => ["client_id is required"];
    a_blank_scope_is_refused: {"granted_scope": "\t"} => ["granted_scope is required"];
    a_missing_customer_is_refused: {"retail_customer_id": null} => ["retail_customer_id is required"];
    a_blank_correlation_id_is_refused: {"correlation_id": ""} => ["correlation_id is required"];
    the_least_customer_number_is_unknown: {"retail_customer_id": i64::MIN} => ["retail_customer_id"];
    a_customer_in_quotes_is_malformed: {"retail_customer_id": "42"} => ["malformed", "retail_customer_id"];
    a_customer_with_a_fraction_is_malformed: {"retail_customer_id": 42.0} => ["malformed", "retail_customer_id"];
    a_usage_point_that_is_no_uuid_is_malformed: {"selected_usage_point_ids": ["x"]} => ["malformed", "selected_usage_point_ids"];
    a_null_among_usage_points_is_malformed: {"selected_usage_point_ids": [U1, null]} => ["malformed", "selected_usage_point_ids"];
    the_character_zero_is_malformed_anywhere: {"more": ["a\0"]} => ["malformed", "more"];
    a_relative_uri_is_refused: {"granted_scope": "FB=54", "customer_resource_uri": "/RetailCustomer/42"} => ["customer_resource_uri"];
    a_uri_of_another_kind_is_refused: {"granted_scope": "FB=54", "customer_resource_uri": "ftp://x/y"} => ["customer_resource_uri"];
}

#[tokio::test]
async fn a_scope_of_256_characters_and_a_uri_of_1024_are_taken_and_longer_ones_refused() {
    let custodian = Custodian::start().await;
    let scope = |length: usize| format!("FB=54;x={}", "é".repeat(length - 8));
    let uri = |length: usize| format!("https://x/{}", "é".repeat(length - 10));
    let grant =
        |s: usize, u: usize| body(json!({"granted_scope": scope(s), "customer_resource_uri": uri(u)}));
    assert!(custodian.refused(&grant(257, 1024)).await.contains("256"));
    assert!(custodian.refused(&grant(256, 1025)).await.contains("1024"));
    assert_eq!(custodian.provision(&grant(256, 1024)).await.0, 201);
    custodian.stop().await;
}

/// Whoever calls the service otherwise than by HTTP may leave out the correlation id, and nothing else.
#[tokio::test]
async fn the_service_checks_client_scope_and_customer_again_and_not_the_correlation_id() {
    let custodian = Custodian::start().await;
    let good = Grant {
        client_id: "third_party".to_owned(),
        granted_scope: "FB=4_5".to_owned(),
        retail_customer_id: Some(42),
        selected_usage_point_ids: vec![U1.parse().unwrap()],
        ..Grant::default()
    };
    let blanks = [
        (3, Grant { client_id: " ".to_owned(), ..good.clone() }),
        (4, Grant { granted_scope: String::new(), ..good.clone() }),
        (5, Grant { retail_customer_id: None, ..good.clone() }),
    ];
    for (row, grant) in blanks {
        let refused = store(&custodian.running.app, grant).await;
        assert!(matches!(&refused, Err(GrantError::Refused(refusal)) if refusal.row == row), "{refused:?}");
    }
    assert_eq!(custodian.rows().await, 0);
    assert!(matches!(store(&custodian.running.app, good).await, Ok(Provisioned::Granted(_))));
    custodian.stop().await;
}

/// Each row fails several checks; the one that is named comes first.
#[tokio::test]
async fn the_first_check_that_fails_is_told() {
    let custodian = Custodian::start().await;
    let rows = [
        (json!({"retail_customer_id": "x", "correlation_id": ""}), "malformed"),
        (json!({"correlation_id": "", "client_id": ""}), "correlation_id"),
        (json!({"client_id": "", "granted_scope": ""}), "client_id"),
        (json!({"granted_scope": "", "retail_customer_id": null}), "granted_scope"),
        (json!({"retail_customer_id": null, "granted_scope": "FB=x"}), "retail_customer_id"),
        (json!({"granted_scope": "FB=x", "client_id": "nobody"}), "granted_scope"),
        (json!({"client_id": "nobody", "retail_customer_id": 99}), "client_id"),
        (json!({"retail_customer_id": 99, "selected_usage_point_ids": [NOBODYS]}), "retail_customer_id"),
        (json!({"selected_usage_point_ids": [FOREIGN, NOBODYS]}), FOREIGN),
        (json!({"selected_usage_point_ids": [NOBODYS, FOREIGN]}), NOBODYS),
        (json!({"selected_usage_point_ids": [FOREIGN], "customer_resource_uri": CUSTOMER_URI}), FOREIGN),
        (
            json!({"selected_usage_point_ids": [], "customer_resource_uri": CUSTOMER_URI}),
            "selected_usage_point_ids",
        ),
    ];
    for (changes, first) in rows {
        let said = custodian.refused(&body(changes)).await;
        assert!(said.contains(first), "{first}: {said}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn duplicate_usage_points_are_stored_once() {
    let custodian = Custodian::start().await;
    let grant = body(json!({"selected_usage_point_ids": [U2, U1, U2, U1.to_uppercase()]}));
    assert_eq!(custodian.provision(&grant).await.0, 201);
    let stored = subscriptions(&custodian).await;
    assert_eq!(stored[0].2, [U1.parse::<Uuid>().unwrap(), U2.parse().unwrap()]);
    custodian.stop().await;
}

#[tokio::test]
async fn two_identical_requests_store_two_authorizations() {
    let custodian = Custodian::start().await;
    let (first, second) =
        (custodian.provision(&body(json!({}))).await.1, custodian.provision(&body(json!({}))).await.1);
    assert_ne!(first["authorization_id"], second["authorization_id"]);
    assert_ne!(first["resource_subscription_id"], second["resource_subscription_id"]);
    custodian.stop().await;
}

#[tokio::test]
async fn the_scope_is_stored_as_it_came() {
    let custodian = Custodian::start().await;
    let scope = format!(" fb = 4_5 ;;x=ä{};", "é".repeat(236));
    assert_eq!(scope.chars().count(), 252);
    assert_eq!(custodian.provision(&body(json!({"granted_scope": scope}))).await.0, 201);
    let stored: String =
        sqlx::query_scalar("select scope from authorizations").fetch_one(&custodian.pool).await.unwrap();
    assert_eq!(stored, scope);
    custodian.stop().await;
}

#[tokio::test]
async fn a_fault_in_the_middle_leaves_no_row_and_tells_nothing_of_itself() {
    let custodian = Custodian::start().await;
    sqlx::query("drop table subscription_usage_points").execute(&custodian.pool).await.unwrap();
    let (status, answer) = custodian.provision(&body(json!({}))).await;
    assert_eq!((status, answer["error"].as_str()), (500, Some("server_error")));
    assert!(!answer.to_string().contains("subscription_usage_points"), "{answer}");
    for table in ["authorizations", "subscriptions", "authorization_changes"] {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        assert_eq!(
            sqlx::query_scalar::<_, i64>(count).fetch_one(&custodian.pool).await.unwrap(),
            0,
            "{table}"
        );
    }
    custodian.stop().await;
}

#[tokio::test]
async fn deleting_an_authorization_deletes_its_subscriptions() {
    let custodian = Custodian::start().await;
    let grant = body(json!({"granted_scope": "FB=4_5_54", "customer_resource_uri": CUSTOMER_URI}));
    assert_eq!(custodian.provision(&grant).await.0, 201);
    sqlx::query("delete from authorizations").execute(&custodian.pool).await.unwrap();
    assert_eq!(custodian.rows().await, 0);
    custodian.stop().await;
}

#[tokio::test]
async fn a_gated_client_is_answered_503_while_there_is_no_awe_and_nothing_is_stored() {
    let custodian = Custodian::start().await;
    let (status, answer) = custodian.provision(&body(json!({"client_id": "gated_party"}))).await;
    assert_eq!((status, answer["error"].as_str()), (503, Some("temporarily_unavailable")), "{answer}");
    assert_eq!(custodian.rows().await, 0);
    custodian.stop().await;
}
