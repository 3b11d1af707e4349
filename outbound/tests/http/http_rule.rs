//! `http` rules: the question that is sent, and which answers are accepted.

use crate::IMPATIENCE;
use crate::server::{PATIENCE, Said, Server, always, nobody, say, silence, stall};
use outbound::{
    Client, ClientCredentials, Credential, DirectoryError, Egress, HttpQuestion, HttpRules, TokenProvider,
};
use schemas::webhook;
use serde_json::{Value, json};
use std::time::Duration;

const ACTIVE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
const ROTATED: &str = "whsec_cGxhaW4gdGV4dCB0aGF0IGlzIGxvbmcgZW5vdWdo";
const ID: &str = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";

fn rules(timeout: Duration) -> HttpRules {
    let tokens = TokenProvider::new(Client::trusted().unwrap(), timeout);
    HttpRules::new(Egress { allow_loopback: true, allow_cidrs: Vec::new() }, tokens, timeout).unwrap()
}

async fn ask_with(
    rules: &HttpRules,
    url: &str,
    credential: &Credential,
) -> Result<Vec<String>, DirectoryError> {
    let (context, keys) = (json!({"owner": "olga"}), [ACTIVE, ROTATED]);
    rules.ask(&HttpQuestion { url, credential, context: &context, keys: &keys, id: ID }).await
}

async fn ask(said: Said) -> Result<Vec<String>, DirectoryError> {
    let server = Server::start(always(said)).await;
    ask_with(&rules(PATIENCE), &server.url, &Credential::None).await
}

fn users(ids: &Value) -> Said {
    say(200, json!({ "user_ids": ids }).to_string())
}

fn oauth2(token_url: &str) -> Credential {
    Credential::OAuth2(ClientCredentials {
        token_url: token_url.to_owned(),
        client_id: "awe".to_owned(),
        client_secret: "s3cr3t".into(),
        scope: None,
    })
}

fn token(n: usize) -> Said {
    say(200, format!(r#"{{"access_token":"token-{n}","expires_in":300}}"#))
}

#[tokio::test]
async fn each_kind_of_credential_goes_along_and_the_question_is_signed_as_a_webhook_is() {
    let provider = Server::start(token).await;
    let key = Credential::ApiKey { header: "X-Api-Key".to_owned(), key: "k".into() };
    for (credential, header, expected) in [
        (Credential::None, "authorization", None),
        (key, "x-api-key", Some("k")),
        (Credential::Bearer("b".into()), "authorization", Some("Bearer b")),
        (oauth2(&provider.url), "authorization", Some("Bearer token-0")),
    ] {
        let kind = credential.kind();
        let server = Server::start(always(users(&json!(["ann"])))).await;
        assert_eq!(ask_with(&rules(PATIENCE), &server.url, &credential).await.unwrap(), ["ann"], "{kind}");
        let asked = &server.asked()[0];
        assert_eq!(asked.header(header), expected, "{kind}");
        assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", r#"{"context":{"owner":"olga"}}"#));
        assert_eq!(asked.header("content-type"), Some("application/json"));

        let timestamp: i64 = asked.header("x-approval-timestamp").unwrap().parse().unwrap();
        let again = webhook::headers(&[ACTIVE, ROTATED], ID, timestamp, asked.body.as_bytes());
        assert!(again.iter().any(|(name, _)| *name == webhook::SIGNATURE));
        for (name, value) in &again {
            assert_eq!(asked.header(name), Some(value.as_str()), "{kind}: {name}");
        }
        assert_eq!(asked.header("webhook-signature").unwrap().split(' ').count(), 2, "one a live secret");
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_kept() {
    let provider = Server::start(token).await;
    let server = Server::answering(|_, asked| match asked.header("authorization") {
        Some("Bearer token-0") => say(401, ""),
        _ => users(&json!(["ann"])),
    })
    .await;
    let (rules, credential) = (rules(PATIENCE), oauth2(&provider.url));
    for _ in 0..2 {
        assert_eq!(ask_with(&rules, &server.url, &credential).await.unwrap(), ["ann"]);
    }
    assert_eq!((provider.asked().len(), server.asked().len()), (2, 3));
}

#[tokio::test]
async fn a_service_that_refuses_us_for_good_is_asked_no_further() {
    let provider = Server::start(token).await;
    for (credential, expected) in [(oauth2(&provider.url), 2), (Credential::Bearer("b".into()), 1)] {
        let server = Server::start(always(say(401, ""))).await;
        let error = ask_with(&rules(PATIENCE), &server.url, &credential).await.unwrap_err();
        assert_eq!(error, DirectoryError::Unavailable("http rule: answered 401".to_owned()));
        assert_eq!(server.asked().len(), expected, "{}", credential.kind());
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let refusing = Server::start(always(say(401, r#"{"error":"invalid_client"}"#))).await;
    let server = Server::start(always(users(&json!(["ann"])))).await;
    for (token_url, expected) in [
        (refusing.url.clone(), "http rule: the token endpoint answered 401 invalid_client"),
        (nobody().await, "http rule: the token endpoint gave no answer"),
    ] {
        let error = ask_with(&rules(PATIENCE), &server.url, &oauth2(&token_url)).await.unwrap_err();
        assert_eq!(error, DirectoryError::Unavailable(expected.to_owned()));
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn users_come_in_order_each_once_and_nobody_is_an_answer_too() {
    assert_eq!(ask(users(&json!(["bob", "ann", "bob"]))).await.unwrap(), ["bob", "ann"]);
    assert!(ask(users(&json!([]))).await.unwrap().is_empty());
    // The engine judges which ids are valid and how many may be seated.
    let odd = ["ann", "", " ", "system:sla", "a\nb"];
    assert_eq!(ask(users(&json!(odd))).await.unwrap(), odd);
    let many: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    assert_eq!(ask(users(&json!(many))).await.unwrap().len(), 50_000);
}

#[tokio::test]
async fn an_answer_that_is_not_a_list_of_ids_seats_nobody() {
    let ids = "holds something else than ids";
    for (said, expected) in [
        (users(&json!(["ann", 7])), ids),
        (users(&json!(["ann", null])), ids),
        (users(&json!("ann")), "user_ids is not a list"),
        (users(&Value::Null), "user_ids is not a list"),
        (say(200, "{}"), "user_ids is not a list"),
        (say(200, r#"["ann"]"#), "not a JSON object"),
        (say(200, "hello"), "not a JSON object"),
        (say(200, ""), "not a JSON object"),
        (say(200, r#"{"user_ids":["ann"]"#), "not a JSON object"),
        (say(200, format!(r#"{{"user_ids":["ann"]}}{}"#, " ".repeat(1024 * 1024))), "larger than 1 MiB"),
        (say(201, r#"{"user_ids":["ann"]}"#), "answered 201"),
        (say(204, ""), "answered 204"),
        (say(500, "s3cr3t"), "answered 500"),
    ] {
        let Err(DirectoryError::Unavailable(told)) = ask(said).await else { panic!("{expected}") };
        assert!(told.starts_with("http rule: ") && told.contains(expected), "{told}");
        assert!(!told.contains("s3cr3t") && !told.contains("ann"), "{told}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(always(users(&json!(["mallory"])))).await;
    for status in [301, 302, 307, 308] {
        let told = ask(Said { headers: vec![("location", elsewhere.url.clone())], ..say(status, "") }).await;
        assert_eq!(told, Err(DirectoryError::Unavailable(format!("http rule: answered {status}"))));
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_given_up() {
    let cut = "answered 200, but not with the whole of its answer";
    let cases = [
        (silence(), "no answer within 300ms"),
        (stall(200, r#"{"user_ids":["#), cut),
        (stall(503, "busy"), "answered 503"),
    ];
    for (said, why) in cases {
        let server = Server::start(always(said)).await;
        let error = ask_with(&rules(IMPATIENCE), &server.url, &Credential::None).await.unwrap_err();
        assert_eq!(error, DirectoryError::Unavailable(format!("http rule: {why}")));
    }
}

#[tokio::test]
async fn the_url_of_a_rule_goes_through_the_guard_and_the_credential_stays_here() {
    let provider = Server::start(token).await;
    let server = Server::start(always(users(&json!(["ann"])))).await;
    let tokens = TokenProvider::new(Client::trusted().unwrap(), PATIENCE);
    let guarded = HttpRules::new(Egress::default(), tokens, PATIENCE).unwrap();
    let error = ask_with(&guarded, &server.url, &oauth2(&provider.url)).await.unwrap_err();
    assert!(matches!(&error, DirectoryError::Unknown(why) if why.contains("refused")), "{error:?}");
    assert!(server.asked().is_empty());
}
