//! What is shown of callback URLs and secrets, and the bound of delegations.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use serde_json::{Value, json};

const HOOK: &str = "http://127.0.0.1:9/hook?token=s3cret&plain";
const REDACTED: &str = "http://127.0.0.1:9/hook?token=redacted&redacted";

#[tokio::test(flavor = "multi_thread")]
async fn the_query_of_a_callback_url_is_shown_to_its_caller_and_to_viewers_alone() {
    let server = Server::start(&[("AWE__WEBHOOK__TIMEOUT_SECONDS", "1")]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let mut body = request("demo.v1");
    body["callback_url"] = json!(HOOK);
    let (_, created) = server.post(Who::User("caller"), "/requests", body).await;
    let one = format!("/requests/{}", created["request_id"].as_str().unwrap());
    for (who, shown) in [
        (Who::User("caller"), HOOK),
        (Who::Viewer, HOOK),
        (Who::Admin, HOOK),
        (Who::User("amina"), REDACTED),
        (Who::WrongRole, REDACTED),
    ] {
        assert_eq!(server.get(who, &one).await.1["callback_url"], shown, "{who:?}");
        assert_eq!(server.get(who, "/requests").await.1[0]["callback_url"], shown, "{who:?}");
    }
    let events = server.get(Who::User("amina"), &format!("{one}/events")).await.1;
    let tasks = server.get(Who::User("amina"), "/tasks").await.1;
    assert!(!format!("{events}{tasks}").contains("s3cret"));
    // Nobody listens at this URL, so an error message is written; it must not repeat the query.
    let failed = async {
        loop {
            let deliveries = server.get(Who::Viewer, "/admin/deliveries").await.1;
            if let Some(error) = deliveries[0]["last_error"].as_str() {
                return error.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let error = tokio::time::timeout(std::time::Duration::from_secs(20), failed).await.unwrap();
    assert!(!error.contains("s3cret") && !error.contains("token"), "{error}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_as_it_verifies_or_refused() {
    let server = Server::start(&[]).await;
    let create = async |caller: &str, secret: &str| {
        let body = json!({"caller_service": caller, "secret": secret});
        server.post(Who::Admin, "/admin/callback-secrets", body).await
    };
    let shown = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
    for (caller, given) in
        [("a", shown.to_owned()), ("b", format!("v1,{shown}")), ("c", format!("  {shown}\n"))]
    {
        let (status, created) = create(caller, &given).await;
        assert_eq!((status, &created["secret"]), (201, &json!(shown)), "{given:?}");
    }
    for bad in ["whsec_this is not base64 but long enough", "v1,whsec_this is not base64 but long enough"] {
        let (status, refused) = create("d", bad).await;
        assert_eq!((status, &refused["errors"][0]["errorCode"]), (400, &json!("AWE-010")), "{refused}");
        assert!(!refused.to_string().contains("long enough"));
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_has_a_hundred_live_delegations_is_told_to_delete_one() {
    let server = Server::start(&[]).await;
    let post = async |to: &str| {
        let body = json!({"user_id": "amina", "delegate_to": to, "starts_at": "2026-02-01T00:00:00Z",
            "ends_at": "2199-02-01T00:00:00Z"});
        server.post(Who::User("amina"), "/delegations", body).await
    };
    let mut made = Value::Null;
    for n in 0..100 {
        let (status, body) = post(&format!("b{n}")).await;
        assert_eq!(status, 201, "{body}");
        made = body;
    }
    let (status, refused) = post("one-more").await;
    assert_eq!((status, &refused["errors"][0]["errorCode"]), (409, &json!("AWE-007")), "{refused}");
    let path = format!("/delegations/{}", made["id"].as_str().unwrap());
    assert_eq!(server.call(Who::User("amina"), reqwest::Method::DELETE, &path, None).await.0, 204);
    assert_eq!(post("one-more").await.0, 201);
    server.end().await;
}
