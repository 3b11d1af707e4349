//! What stands before the checks: the credential, the listener, the form of the body.

use crate::support::*;
use reqwest::Method;
use serde_json::json;

const PATH: &str = data_custodian::backchannel::SUBSCRIPTIONS;

async fn call(custodian: &Custodian, authorization: Option<&str>, body: &str) -> reqwest::Response {
    let mut call = custodian.http.post(custodian.internal(PATH)).header("content-type", "application/json");
    if let Some(value) = authorization {
        call = call.header("authorization", value);
    }
    call.body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn a_created_grant_has_its_uris_and_no_null_members() {
    let custodian = Custodian::start().await;
    let response =
        custodian.grant().header("content-type", "application/json").body(body(json!({})).to_string());
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.headers().get("location").is_none());
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
    assert!(response.headers().get("set-cookie").is_none());
    let text = response.text().await.unwrap();
    assert!(!text.contains("null") && !text.contains("customer_"), "{text}");
    custodian.stop().await;
}

#[tokio::test]
async fn without_the_credential_a_call_is_401_whatever_its_body_and_nothing_is_stored() {
    let custodian = Custodian::start().await;
    let good = body(json!({})).to_string();
    let refused = [
        None,
        Some(basic("as-backchannel", "wrong")),
        Some(basic("wrong", "change-me-in-production")),
        Some(basic("", "")),
    ];
    let mut answers = Vec::new();
    for authorization in &refused {
        for body in [good.as_str(), "{", ""] {
            let response = call(&custodian, authorization.as_deref(), body).await;
            assert_eq!(response.status(), 401, "{authorization:?}");
            assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"backchannel\"");
            answers.push(response.text().await.unwrap());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "causes can be told apart: {answers:?}");
    assert_eq!(custodian.rows().await, 0);
    custodian.stop().await;
}

#[tokio::test]
async fn an_unknown_path_is_401_without_the_credential_and_404_with_it() {
    let custodian = Custodian::start().await;
    for path in ["/internal/x", "/internal/backchannel/v1/subscriptions/", "/", "/health", "/internal/../x"] {
        let without = custodian.http.get(custodian.internal(path)).send().await.unwrap();
        assert_eq!(without.status(), 401, "{path}");
        let with = custodian.http.get(custodian.internal(path));
        let with = with.basic_auth("as-backchannel", Some("change-me-in-production")).send().await.unwrap();
        assert_eq!(with.status(), 404, "{path}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn a_wrong_method_on_a_known_path_is_405() {
    let custodian = Custodian::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let call = custodian.http.request(method.clone(), custodian.internal(PATH));
        let response =
            call.basic_auth("as-backchannel", Some("change-me-in-production")).send().await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn the_credential_is_refused_on_the_public_listener_and_the_back_channel_is_not_there() {
    let custodian = Custodian::start().await;
    let (_, stored) = custodian.provision(&body(json!({}))).await;
    let path = format!("/espi/1_1/resource/Authorization/{}", stored["authorization_id"].as_str().unwrap());
    let call = custodian.http.get(custodian.public(&path));
    let response = call.basic_auth("as-backchannel", Some("change-me-in-production")).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["www-authenticate"]),
        (401, &"Bearer".parse().unwrap())
    );
    for path in [PATH, "/internal/system/v1/config", "/internal", "//internal/backchannel/v1/subscriptions"] {
        let call = custodian.http.post(custodian.public(path)).header("content-type", "application/json");
        let call = call.basic_auth("as-backchannel", Some("change-me-in-production"));
        let response = call.body(body(json!({})).to_string()).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn rows_1_to_5_carry_the_json_error_body() {
    let custodian = Custodian::start().await;
    let cases = [
        "",
        "{",
        "[]",
        "null",
        "42",
        "{\"correlation_id\":\"c\",\"correlation_id\":\"c\"}",
        "{}",
        "{\"correlation_id\":\"c\"}",
        "{\"correlation_id\":\"c\",\"client_id\":\"x\"}",
        "{\"correlation_id\":\"c\",\"client_id\":\"x\",\"granted_scope\":\"FB=4\"}",
        "{\"correlation_id\":\"c\",\"client_id\":\"x\",\"granted_scope\":\"FB=4\",\"retail_customer_id\":9223372036854775808}",
    ];
    for text in cases {
        let response =
            call(&custodian, Some(&basic("as-backchannel", "change-me-in-production")), text).await;
        assert_eq!(response.headers()["content-type"], "application/json");
        let (status, answer) = answer(response).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_request")), "{text}: {answer}");
        assert!(answer["error_description"].is_string());
    }
    assert_eq!(custodian.rows().await, 0);
    custodian.stop().await;
}

#[tokio::test]
async fn another_content_type_is_415_and_a_body_over_64_kib_is_413() {
    let custodian = Custodian::start().await;
    for kind in ["text/plain", "application/xml", "application/jsonp", ""] {
        let response = custodian.grant().header("content-type", kind).body(body(json!({})).to_string());
        assert_eq!(response.send().await.unwrap().status(), 415, "{kind}");
    }
    let response = custodian.grant().header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(response.body(body(json!({})).to_string()).send().await.unwrap().status(), 201);
    let padded = |size: usize| {
        let mut text = body(json!({"more": ""})).to_string();
        let pad = "x".repeat(size - text.len());
        text = text.replace("\"more\":\"\"", &format!("\"more\":\"{pad}\""));
        assert_eq!(text.len(), size);
        text
    };
    for (size, status) in [(64 * 1024, 201), (64 * 1024 + 1, 413)] {
        let response = custodian.grant().header("content-type", "application/json").body(padded(size));
        assert_eq!(response.send().await.unwrap().status().as_u16(), status, "{size}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn the_settings_are_shown_behind_the_credential_with_secrets_masked() {
    let custodian = Custodian::start().await;
    let path = custodian.internal(data_custodian::backchannel::SETTINGS);
    assert_eq!(custodian.http.get(&path).send().await.unwrap().status(), 401);
    let call = custodian.http.get(&path).basic_auth("as-backchannel", Some("change-me-in-production"));
    let (status, shown) = answer(call.send().await.unwrap()).await;
    assert_eq!((status, shown["backchannel"]["client_secret"].as_str()), (200, Some("***")), "{shown}");
    assert_eq!(shown["handoff"]["signing_key"], "***");
    assert!(!shown.to_string().contains("change-me"), "{shown}");
    custodian.stop().await;
}

#[tokio::test]
async fn a_bearer_token_of_the_public_listener_is_401_on_every_internal_path() {
    let custodian = Custodian::start().await;
    for token in [client("third_party"), customer(42)] {
        let authorization = format!("Bearer {token}");
        for path in [PATH, "/internal/system/v1/config", "/internal/x"] {
            let call = custodian.http.post(custodian.internal(path)).header("authorization", &authorization);
            assert_eq!(call.body(body(json!({})).to_string()).send().await.unwrap().status(), 401, "{path}");
        }
    }
    assert_eq!(custodian.rows().await, 0);
    custodian.stop().await;
}

#[tokio::test]
async fn members_are_bound_by_their_names_in_snake_case_alone() {
    let custodian = Custodian::start().await;
    let snake = json!({
        "correlation_id": "c1", "client_id": "third_party", "granted_scope": "FB=4_5_54", "retail_customer_id": 42,
        "selected_usage_point_ids": [U1], "customer_resource_uri": CUSTOMER_URI,
    });
    let camel = |name: &str| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |all, word| all + &word[..1].to_uppercase() + &word[1..])
    };
    for (name, value) in snake.as_object().unwrap() {
        let mut renamed = snake.clone();
        renamed.as_object_mut().unwrap().remove(name);
        renamed[camel(name)] = value.clone();
        let (status, answer) = custodian.provision(&renamed).await;
        // Usage points may be absent: the grant is another one then, and no energy is shared.
        let is_optional = name == "selected_usage_point_ids";
        assert_eq!(status, if is_optional { 201 } else { 400 }, "{name}: {answer}");
        assert!(!is_optional || answer.get("resource_uri").is_none(), "{answer}");
    }
    assert_eq!(custodian.provision(&snake).await.0, 201);
    custodian.stop().await;
}
