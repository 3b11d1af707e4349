//! How the gate is asked and what its responses mean, against a gate that records requests.

use crate::IMPATIENCE;
use crate::logs;
use crate::server::{PATIENCE, Said, Server, always, nobody, say, silence, stall};
use outbound::gate::{FIRST_PAUSE, Gate, GateOptions, Question, Ruling, forwarded_headers};
use outbound::{ClientCredentials, Credential};
use serde_json::{Value, json};
use std::time::Duration;

/// Options with short pauses, except in tests of the pauses.
pub(crate) fn options(url: &str, credential: Credential) -> GateOptions {
    GateOptions {
        enabled: true,
        url: url.to_owned(),
        credential,
        timeout: PATIENCE,
        max_retries: 2,
        first_pause: Duration::from_millis(1),
        token_cache: false,
    }
}

pub(crate) fn oauth2(token_url: &str) -> Credential {
    Credential::OAuth2(ClientCredentials {
        token_url: token_url.to_owned(),
        client_id: "gate-client-0001".to_owned(),
        client_secret: "planted-client-secret".into(),
        scope: None,
    })
}

fn question() -> Question {
    let headers = [("host", &b"awe.example.org"[..]), ("x-request-id", b"r-1")];
    Question {
        asset_type: "policy".to_owned(),
        operation: "create".to_owned(),
        source_api: "/v1/awe/policies".to_owned(),
        registration_payload: json!({"policy_key": "demo.v1"}).as_object().unwrap().clone(),
        request_headers: forwarded_headers(headers),
    }
}

async fn ask(options: GateOptions) -> Ruling {
    Gate::new(options).unwrap().ask(&question()).await
}

/// The ruling of a gate that always answers like this, and how often it was asked.
async fn answered(said: Said) -> (Ruling, usize) {
    let gate = Server::start(always(said)).await;
    let ruling = ask(options(&gate.url, Credential::None)).await;
    (ruling, gate.asked().len())
}

fn tokens() -> impl Fn(usize) -> Said + Send + Sync + 'static {
    |n| say(200, format!(r#"{{"access_token":"planted-token-{n}","expires_in":300}}"#))
}

fn is_unavailable(ruling: &Ruling) -> bool {
    let message = ruling.error_message.as_deref().unwrap_or_default();
    !ruling.allowed
        && ruling.gate_status_code.is_none()
        && message.contains("unavailable")
        && message.contains("fail-closed")
}

#[tokio::test]
async fn a_gate_that_is_not_enabled_allows_without_a_call() {
    let gate = Server::start(always(say(403, "no"))).await;
    let ruling = ask(GateOptions { enabled: false, ..options(&gate.url, Credential::None) }).await;
    let expected = Ruling { allowed: true, error_message: None, gate_status_code: None, attempts: 0 };
    assert_eq!((ruling, gate.asked().len()), (expected, 0));
}

#[tokio::test]
async fn two_hundred_allows_whatever_its_body_says() {
    for said in [say(200, ""), say(200, r#"{"status":"denied","error":"no"}"#), stall(200, "{")] {
        let (ruling, asked) = answered(said).await;
        let allowed = Ruling { allowed: true, error_message: None, gate_status_code: Some(200), attempts: 1 };
        assert_eq!((ruling, asked), (allowed, 1));
    }
}

#[tokio::test]
async fn four_hundred_and_three_denies_at_once_with_its_reason() {
    for (body, reason) in [
        (r#"{"status":"denied","error":"Name is reserved"}"#.to_owned(), "Name is reserved".to_owned()),
        (r#"{"error":"no status"}"#.to_owned(), "no status".to_owned()),
        ("Forbidden by policy".to_owned(), "Forbidden by policy".to_owned()),
        (String::new(), "denied by policy".to_owned()),
        (r#"{"status":"denied"}"#.to_owned(), "denied by policy".to_owned()),
        (json!({"error": "x".repeat(1000)}).to_string(), format!("{}...", "x".repeat(500))),
    ] {
        let (ruling, asked) = answered(say(403, body)).await;
        let denied =
            Ruling { allowed: false, error_message: Some(reason), gate_status_code: Some(403), attempts: 1 };
        assert_eq!((ruling, asked), (denied, 1));
    }
}

#[tokio::test]
async fn a_denial_whose_body_never_ends_is_a_denial() {
    let gate = Server::start(always(stall(403, "because"))).await;
    let ruling = ask(GateOptions { timeout: IMPATIENCE, ..options(&gate.url, Credential::None) }).await;
    assert_eq!((ruling.gate_status_code, ruling.attempts), (Some(403), 1));
    assert_eq!(ruling.error_message.as_deref(), Some("because"));
}

#[tokio::test]
async fn any_other_status_is_tried_again_and_then_denies() {
    for status in [201, 202, 204, 301, 302, 400, 401, 404, 429, 500, 502, 503] {
        let (ruling, asked) = answered(say(status, "")).await;
        assert!(is_unavailable(&ruling), "{status}: {ruling:?}");
        assert_eq!((ruling.attempts, asked), (3, 3), "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(always(say(200, ""))).await;
    let to = vec![("location", elsewhere.url.clone())];
    let (ruling, _) = answered(Said { headers: to, ..say(302, "") }).await;
    assert!(is_unavailable(&ruling) && elsewhere.asked().is_empty());
}

#[tokio::test]
async fn the_second_attempt_may_succeed() {
    let gate = Server::start(|n| say(if n == 0 { 500 } else { 200 }, "")).await;
    let ruling = ask(options(&gate.url, Credential::None)).await;
    assert_eq!((ruling.allowed, ruling.gate_status_code, ruling.attempts), (true, Some(200), 2));
    let asked = gate.asked();
    assert_eq!(asked[0].body, asked[1].body, "every attempt sends the same bytes");
}

#[tokio::test]
async fn a_gate_that_never_answers_denies() {
    let gate = Server::start(always(silence())).await;
    let slow = GateOptions { timeout: IMPATIENCE, max_retries: 1, ..options(&gate.url, Credential::None) };
    let ruling = ask(slow).await;
    assert!(is_unavailable(&ruling), "{ruling:?}");
    assert_eq!((ruling.attempts, gate.asked().len()), (2, 2));
}

#[tokio::test]
async fn a_gate_where_nobody_listens_denies() {
    let ruling = ask(options(&nobody().await, Credential::None)).await;
    assert!(is_unavailable(&ruling) && ruling.attempts == 3, "{ruling:?}");
}

#[tokio::test]
async fn a_question_that_cannot_be_sent_denies() {
    for url in ["", "not a url", "gopher://gate/"] {
        let ruling = ask(options(url, Credential::None)).await;
        assert!(!ruling.allowed, "{url}: {ruling:?}");
    }
    let gate = Server::start(always(say(200, ""))).await;
    let broken = Credential::ApiKey { header: "X-Api-Key".to_owned(), key: "a\r\nb: c".into() };
    let ruling = ask(options(&gate.url, broken)).await;
    assert!(!ruling.allowed && ruling.attempts == 0 && gate.asked().is_empty(), "{ruling:?}");
}

#[tokio::test]
async fn without_retries_the_gate_is_called_once_and_nothing_is_waited_for() {
    let gate = Server::start(always(say(500, ""))).await;
    let hour = Duration::from_secs(3600);
    let once = GateOptions { max_retries: 0, first_pause: hour, ..options(&gate.url, Credential::None) };
    let ruling = tokio::time::timeout(PATIENCE, ask(once)).await.expect("no wait after the last attempt");
    assert!(is_unavailable(&ruling));
    assert_eq!((ruling.attempts, gate.asked().len()), (1, 1));
}

#[tokio::test]
async fn attempts_are_half_a_second_and_then_a_second_apart() {
    let gate = Server::start(always(say(500, ""))).await;
    ask(GateOptions { first_pause: FIRST_PAUSE, ..options(&gate.url, Credential::None) }).await;
    let at: Vec<_> = gate.asked().iter().map(|asked| asked.at).collect();
    assert_eq!(at.len(), 3);
    assert!(at[1] - at[0] >= Duration::from_millis(500) && at[2] - at[1] >= Duration::from_secs(1));
}

#[tokio::test]
async fn the_question_on_the_wire_is_clean() {
    let gate = Server::start(always(say(200, ""))).await;
    let mut asked = question();
    asked.registration_payload = json!({"name": "n", "secret": "s", "nested": [{"api_key": "k", "left": 1}]})
        .as_object()
        .unwrap()
        .clone();
    asked.request_headers.insert("cookie".to_owned(), "session=1".to_owned());
    Gate::new(options(&gate.url, Credential::None)).unwrap().ask(&asked).await;
    let seen = &gate.asked()[0];
    assert_eq!((seen.method.as_str(), seen.header("content-type")), ("POST", Some("application/json")));
    assert_eq!(
        serde_json::from_str::<Value>(&seen.body).unwrap(),
        json!({"asset_type": "policy", "operation": "create", "source_api": "/v1/awe/policies",
            "registration_payload": {"name": "n", "nested": [{"left": 1}]},
            "request_headers": {"host": "awe.example.org", "x-request-id": "r-1"}})
    );
}

#[tokio::test]
async fn each_way_of_authentication_sends_its_header() {
    let api_key = |header: &str, key: &str| Credential::ApiKey { header: header.to_owned(), key: key.into() };
    for (auth, name, value) in [
        (Credential::None, "authorization", None),
        (Credential::None, "x-api-key", None),
        (Credential::Bearer("b".into()), "authorization", Some("Bearer b")),
        (api_key("X-Api-Key", "k"), "x-api-key", Some("k")),
        (api_key("X-Custom", "k"), "x-custom", Some("k")),
        (Credential::Bearer("".into()), "authorization", None),
        (api_key("X-Api-Key", ""), "x-api-key", None),
    ] {
        let gate = Server::start(always(say(200, ""))).await;
        let told = format!("{auth:?}");
        assert!(ask(options(&gate.url, auth)).await.allowed);
        assert_eq!(gate.asked()[0].header(name), value, "{told}");
    }
}

#[tokio::test]
async fn a_token_of_the_identity_provider_is_on_the_wire() {
    let idp = Server::start(tokens()).await;
    let gate = Server::start(always(say(200, ""))).await;
    assert!(ask(options(&gate.url, oauth2(&idp.url))).await.allowed);
    assert_eq!(gate.asked()[0].header("authorization"), Some("Bearer planted-token-0"));
}

#[tokio::test]
async fn without_a_token_the_gate_is_not_even_connected_to() {
    let reasons = [
        say(401, r#"{"error":"invalid_client","error_description":"planted-idp-text"}"#),
        say(200, r#"{"token_type":"Bearer"}"#),
        say(200, "planted-idp-text"),
        say(200, "{\"access_token\":\"a\\nb\"}"),
        say(500, "planted-idp-text"),
    ];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for said in reasons {
        let idp = Server::start(always(said)).await;
        let ruling = ask(options(&url, oauth2(&idp.url))).await;
        assert_eq!((ruling.allowed, ruling.gate_status_code, ruling.attempts), (false, None, 0));
        let message = ruling.error_message.unwrap();
        assert!(message.contains("OAuth2 token") && !message.contains("planted"), "{message}");
        assert_eq!(idp.asked().len(), 1, "no retry");
    }
    for idp in [nobody().await, String::new()] {
        assert_eq!(ask(options(&url, oauth2(&idp))).await.attempts, 0);
    }
    let silent = Server::start(always(silence())).await;
    let ruling = ask(GateOptions { timeout: IMPATIENCE, ..options(&url, oauth2(&silent.url)) }).await;
    assert_eq!((ruling.allowed, ruling.attempts), (false, 0));
    let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "somebody connected to the gate");
}

#[tokio::test]
async fn a_gate_denies_despite_a_valid_token() {
    let idp = Server::start(tokens()).await;
    let gate = Server::start(always(say(403, r#"{"error":"no"}"#))).await;
    let ruling = ask(options(&gate.url, oauth2(&idp.url))).await;
    assert_eq!((ruling.gate_status_code, ruling.error_message.as_deref()), (Some(403), Some("no")));
}

#[tokio::test]
async fn each_question_gets_a_fresh_token_that_serves_all_its_attempts() {
    let idp = Server::start(tokens()).await;
    let server = Server::start(|n| say(if n == 3 { 200 } else { 401 }, "")).await;
    let gate = Gate::new(options(&server.url, oauth2(&idp.url))).unwrap();
    let first = gate.ask(&question()).await;
    assert!(is_unavailable(&first) && first.attempts == 3);
    assert!(gate.ask(&question()).await.allowed);
    let asked = server.asked();
    let carried: Vec<_> = asked.iter().map(|asked| asked.header("authorization").unwrap()).collect();
    let (zero, one) = ("Bearer planted-token-0", "Bearer planted-token-1");
    assert_eq!((carried, idp.asked().len()), (vec![zero, zero, zero, one], 2));
}

#[tokio::test]
async fn a_kept_token_serves_many_questions_until_it_is_refused() {
    let idp = Server::start(tokens()).await;
    let server = Server::start(|n| say(if n == 2 { 401 } else { 200 }, "")).await;
    let kept = GateOptions { token_cache: true, ..options(&server.url, oauth2(&idp.url)) };
    let gate = Gate::new(kept).unwrap();
    for attempts in [1, 1, 2, 1] {
        let ruling = gate.ask(&question()).await;
        assert_eq!((ruling.allowed, ruling.attempts), (true, attempts));
    }
    let last: Vec<_> =
        server.asked().iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
    let numbers: Vec<_> = last.iter().map(|header| &header[header.len() - 1..]).collect();
    assert_eq!((numbers, idp.asked().len()), (vec!["0", "0", "0", "1", "1"], 2));
}

#[tokio::test]
async fn no_secret_is_logged_and_no_answer_of_the_identity_provider() {
    let idp = Server::start(|n| match n {
        0 => say(200, r#"{"access_token":"planted-token-0"}"#),
        _ => say(400, r#"{"error":"invalid_client","error_description":"planted-idp-text"}"#),
    })
    .await;
    let server = Server::start(always(say(500, "planted-gate-text"))).await;
    let mut asked = question();
    asked.registration_payload.insert("password".to_owned(), json!("planted-payload"));
    let ((), logged) = logs::of(async {
        let gate = Gate::new(options(&server.url, oauth2(&idp.url))).unwrap();
        assert!(is_unavailable(&gate.ask(&asked).await));
        assert_eq!(gate.ask(&asked).await.attempts, 0);
        for auth in [
            Credential::Bearer("planted-bearer".into()),
            Credential::ApiKey { header: "X-Api-Key".to_owned(), key: "planted-key".into() },
        ] {
            Gate::new(options(&server.url, auth)).unwrap().ask(&asked).await;
        }
    })
    .await;
    assert!(logged.contains("did not decide") && logged.contains("400 invalid_client"), "{logged}");
    assert!(!logged.contains("planted") && !logged.contains("gate-client-0001"), "{logged}");
}
