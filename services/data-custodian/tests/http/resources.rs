//! Public resources: who may read and withdraw what.

use crate::support::*;
use reqwest::Method;
use serde_json::{Value, json};

async fn stored(custodian: &Custodian) -> (String, String, Value) {
    let grant = body(json!({"granted_scope": "FB=4_5_54", "customer_resource_uri": CUSTOMER_URI}));
    let (status, answer) = custodian.provision(&grant).await;
    assert_eq!(status, 201, "{answer}");
    let authorization =
        format!("/espi/1_1/resource/Authorization/{}", answer["authorization_id"].as_str().unwrap());
    let id = answer["resource_subscription_id"].as_str().unwrap();
    (authorization, format!("/espi/1_1/resource/Subscription/{id}"), answer)
}

#[tokio::test]
async fn the_customer_and_the_client_read_and_strangers_get_404() {
    let custodian = Custodian::start().await;
    let (authorization, subscription, answer) = stored(&custodian).await;
    for token in [
        customer(42),
        client("third_party"),
        token(json!({"client_id": "third_party"})),
        token(json!({"customer_id": "42"})),
    ] {
        let (status, read) = custodian.read(Method::GET, &authorization, Some(&token)).await;
        assert_eq!(status, 200, "{read}");
        assert_eq!(read["authorization_id"], answer["authorization_id"]);
        let known = (read["status"].as_str(), read["scope"].as_str(), read["client_id"].as_str());
        assert_eq!(known, (Some("ACTIVE"), Some("FB=4_5_54"), Some("third_party")));
        assert_eq!(
            (&read["retail_customer_id"], &read["customer_resource_uri"]),
            (&json!(42), &json!(CUSTOMER_URI))
        );
        assert_eq!(read["resource_uri"], answer["resource_uri"]);
        assert_eq!(read["authorization_uri"], answer["authorization_uri"]);
        let (status, read) = custodian.read(Method::GET, &subscription, Some(&token)).await;
        assert_eq!(status, 200, "{read}");
        assert_eq!((read["kind"].as_str(), &read["usage_point_ids"]), (Some("resource"), &json!([U1])));
        assert_eq!(read["authorization_id"], answer["authorization_id"]);
    }
    // A customer who uses the same client is a stranger all the same.
    let other = token(json!({"customer_id": 43, "azp": "third_party"}));
    for stranger in [customer(43), client("gated_party"), other] {
        for path in [&authorization, &subscription, "/espi/1_1/resource/Authorization/x"] {
            for method in [Method::GET, Method::DELETE] {
                let (status, _) = custodian.read(method.clone(), path, Some(&stranger)).await;
                let wanted =
                    if method == Method::DELETE && path.contains("Subscription") { 405 } else { 404 };
                assert_eq!(status, wanted, "{method} {path}");
            }
        }
    }
    custodian.stop().await;
}

#[tokio::test]
async fn without_a_token_that_names_somebody_a_call_is_401() {
    let custodian = Custodian::start().await;
    let (authorization, ..) = stored(&custodian).await;
    let none = token(json!({"sub": "x"}));
    let odd = ["042", "+42", " 42", "42.0", "x", ""]
        .map(|id| token(json!({"customer_id": id, "azp": "third_party"})));
    let over = token(json!({"customer_id": 42, "exp": 1}));
    let fraction = token(json!({"customer_id": 42.0, "azp": "third_party"}));
    let list = [none, over, fraction, "x".to_owned(), "a.b.c".to_owned(), String::new()];
    for token in list.iter().chain(&odd) {
        assert_eq!(custodian.read(Method::GET, &authorization, Some(token)).await.0, 401, "{token}");
    }
    assert_eq!(custodian.read(Method::GET, &authorization, None).await.0, 401);
    custodian.stop().await;
}

#[tokio::test]
async fn a_withdrawn_authorization_stays_as_revoked_and_its_subscriptions_go() {
    let custodian = Custodian::start().await;
    for token in [customer(42), client("third_party")] {
        let (authorization, subscription, _) = stored(&custodian).await;
        for _ in 0..2 {
            assert_eq!(custodian.read(Method::DELETE, &authorization, Some(&token)).await.0, 204);
        }
        let (status, read) = custodian.read(Method::GET, &authorization, Some(&token)).await;
        assert_eq!((status, read["status"].as_str()), (200, Some("REVOKED")));
        assert_eq!(custodian.read(Method::GET, &subscription, Some(&token)).await.0, 404);
    }
    let left: i64 =
        sqlx::query_scalar("select count(*) from subscriptions").fetch_one(&custodian.pool).await.unwrap();
    assert_eq!(left, 0);
    let changes: Vec<String> =
        sqlx::query_scalar("select cause from authorization_changes where status = 'REVOKED' order by id")
            .fetch_all(&custodian.pool)
            .await
            .unwrap();
    assert_eq!(changes, ["withdrawn by the customer", "withdrawn by the client"]);
    custodian.stop().await;
}

#[tokio::test]
async fn health_says_what_runs() {
    let custodian = Custodian::start().await;
    stored(&custodian).await;
    let (status, health) = custodian.read(Method::GET, "/health", None).await;
    assert_eq!((status, &health), (200, &json!({"status": "ok", "database": true, "troubles": []})));
    custodian.stop().await;
}
