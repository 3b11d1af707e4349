//! How fast one client may ask.

use crate::support::*;
use serde_json::json;

#[tokio::test]
async fn a_client_that_asks_too_fast_is_answered_429_and_another_one_is_not() {
    let custodian =
        Custodian::with(&[("BACKCHANNEL__RATE_PER_SECOND", "1"), ("BACKCHANNEL__BURST", "3")]).await;
    let mut limited = None;
    for _ in 0..5 {
        let call =
            custodian.grant().header("content-type", "application/json").body(body(json!({})).to_string());
        let response = call.send().await.unwrap();
        if response.status() == 429 {
            limited = Some(response);
            break;
        }
        assert_eq!(response.status(), 201);
    }
    let response = limited.expect("one of five calls is too fast");
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    let (_, answer) = answer(response).await;
    assert_eq!(answer["error"], "temporarily_unavailable");
    // Another client is refused for what it says, and not for its pace.
    assert_eq!(custodian.provision(&body(json!({"client_id": "another"}))).await.0, 400);
    // And whoever has no credential is not even counted.
    let call = custodian.http.post(custodian.internal(data_custodian::backchannel::SUBSCRIPTIONS));
    assert_eq!(call.send().await.unwrap().status(), 401);
    custodian.stop().await;
}
