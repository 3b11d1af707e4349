//! Contexts and the JSON Schema that a policy may demand of them.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};

fn demanding(key: &str) -> Value {
    let mut demanding = policy(key, &["amina"], 1);
    let line = json!({"type": "object", "properties": {"amount": {"type": "integer", "minimum": 1}}});
    demanding["context_schema"] = json!({
        "type": "object",
        "required": ["amount"],
        "properties": {"amount": {"type": "integer"}, "lines": {"type": "array", "items": line}},
    });
    demanding
}

fn with_context(context: Value) -> Value {
    let mut body = request("demo.v1");
    body["context"] = context;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_does_not_keep_the_schema_is_refused_with_its_place() {
    let server = Server::start(&[]).await;
    activate(&server, &demanding("demo.v1")).await;
    let cases = [
        (json!({}), json!(["body", "context", "amount"]), "missing"),
        (json!({"amount": "seven"}), json!(["body", "context", "amount"]), "value_error"),
        (
            json!({"amount": 7, "lines": [{"amount": 1}, {"amount": 0}]}),
            json!(["body", "context", "lines", 1, "amount"]),
            "value_error",
        ),
    ];
    let simulate = "/policies/demo.v1/versions/1/simulate";
    for (context, loc, kind) in cases {
        for (path, body) in
            [("/requests", with_context(context.clone())), (simulate, json!({"context": context}))]
        {
            let (status, refused) = server.post(Who::Viewer, path, body).await;
            assert_eq!((status, &refused["errors"][0]["errorCode"]), (422, &json!("AWE-010")), "{refused}");
            let told = (&refused["detail"][0]["loc"], &refused["detail"][0]["type"]);
            assert_eq!(told, (&loc, &json!(kind)), "{path} {context}");
        }
    }
    let (_, listed) = server.get(Who::Viewer, "/requests").await;
    assert_eq!(listed, json!([]), "a refused create writes nothing");

    let good = json!({"amount": 7, "lines": [{"amount": 1}]});
    let (status, created) = server.post(Who::User("caller"), "/requests", with_context(good.clone())).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(server.post(Who::Viewer, simulate, json!({"context": good})).await.0, 200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_may_demand_something_else() {
    let server = Server::start(&[]).await;
    activate(&server, &demanding("demo.v1")).await;
    let empty = || with_context(json!({}));
    assert_eq!(server.post(Who::User("caller"), "/requests", empty()).await.0, 422);
    let (_, second) = server
        .call(Who::Admin, Method::PUT, "/policies/demo.v1", Some(&policy("demo.v1", &["amina"], 1)))
        .await;
    assert_eq!((&second["version"], &second["context_schema"]), (&json!(2), &json!(null)));
    let activated =
        server.call(Who::Admin, Method::POST, "/policies/demo.v1/versions/2/activate", None).await;
    assert_eq!(activated.0, 200);
    assert_eq!(server.post(Who::User("caller"), "/requests", empty()).await.0, 201);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_context_is_not_what_its_idempotency_key_stands_for() {
    let server = Server::start(&[]).await;
    activate(&server, &demanding("demo.v1")).await;
    let create = async |body: Value| {
        let call = server.request(Who::User("caller"), Method::POST, "/requests");
        call.header("Idempotency-Key", "k").json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(create(with_context(json!({}))).await, 422);
    assert_eq!(create(with_context(json!({"amount": 7}))).await, 201);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_cannot_be_checked_is_refused_when_written() {
    let server = Server::start(&[]).await;
    let cases = [
        (json!({"type": "strange"}), "/type"),
        (json!({"$ref": "https://example.org/schema.json"}), "nothing is fetched"),
        (json!({"$ref": "#/$defs/nowhere"}), "inside this schema"),
        (json!([]), "must be a JSON object"),
    ];
    for (schema, words) in cases {
        let mut body = policy("demo.v1", &["amina"], 1);
        body["context_schema"] = schema;
        let (status, refused) = server.post(Who::Admin, "/policies", body).await;
        assert_eq!((status, &refused["errors"][0]["errorCode"]), (400, &json!("AWE-010")), "{refused}");
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("field context_schema: ") && message.contains(words), "{message}");
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{refused}");
    }
    server.end().await;
}
