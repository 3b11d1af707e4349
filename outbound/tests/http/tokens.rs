//! RFC 6749 section 4.4: the form that is sent, and what the responses mean.

use crate::IMPATIENCE;
use crate::server::{PATIENCE, Said, Server, nobody, say, silence};
use outbound::{Client, ClientCredentials, Egress, Failure, TokenError, TokenProvider};
use secrecy::ExposeSecret;
use std::time::Duration;

const SECRET: &str = "s3cr3t&value=x";

fn credentials(token_url: &str) -> ClientCredentials {
    ClientCredentials {
        token_url: token_url.to_owned(),
        client_id: "gate-client-0001".to_owned(),
        client_secret: SECRET.into(),
        scope: None,
    }
}

fn provider(timeout: Duration) -> TokenProvider {
    TokenProvider::new(Client::trusted().unwrap(), timeout)
}

/// A token endpoint that issues a new token each time.
fn numbered(expires_in: &'static str) -> impl Fn(usize) -> Said + Send + Sync {
    move |n| {
        say(200, format!(r#"{{"access_token":"token-{n}","token_type":"bEaReR","expires_in":{expires_in}}}"#))
    }
}

async fn fresh(server: &Server) -> Result<String, TokenError> {
    let token = provider(PATIENCE).fresh(&credentials(&server.url)).await?;
    Ok(token.secret().expose_secret().to_owned())
}

async fn failure(answer: Said) -> String {
    let server = Server::start(move |_| answer.clone()).await;
    let error = fresh(&server).await.unwrap_err();
    assert_eq!(server.asked().len(), 1, "a token is asked for once");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("s3cr3t") && !text.contains("echo"), "{text}");
    }
    error.to_string()
}

#[tokio::test]
async fn a_token_is_obtained_whatever_the_case_of_its_type() {
    let server = Server::start(numbered("60")).await;
    assert_eq!(fresh(&server).await.unwrap(), "token-0");
}

#[tokio::test]
async fn the_form_is_exact_and_no_basic_header_is_sent() {
    let server = Server::start(numbered("60")).await;
    let with_scope =
        ClientCredentials { scope: Some("api://gate/.default".to_owned()), ..credentials(&server.url) };
    provider(PATIENCE).fresh(&with_scope).await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(
        asked.body,
        "grant_type=client_credentials&client_id=gate-client-0001&client_secret=s3cr3t%26value%3Dx\
         &scope=api%3A%2F%2Fgate%2F.default"
    );
}

#[tokio::test]
async fn an_empty_scope_is_left_out() {
    let server = Server::start(numbered("60")).await;
    let empty = ClientCredentials { scope: Some(String::new()), ..credentials(&server.url) };
    provider(PATIENCE).fresh(&empty).await.unwrap();
    fresh(&server).await.unwrap();
    assert!(server.asked().iter().all(|asked| !asked.body.contains("scope")));
}

#[tokio::test]
async fn any_status_but_200_is_no_token() {
    for status in [201, 204, 301, 400, 401, 403, 500, 503] {
        let told = failure(say(status, r#"{"access_token":"t","error_description":"echo s3cr3t"}"#)).await;
        assert!(told.contains(&status.to_string()), "{told}");
    }
    let told = failure(say(401, r#"{"error":"invalid_client","error_description":"echo s3cr3t"}"#)).await;
    assert_eq!(told, "the token endpoint answered 401 invalid_client");
    let told = failure(say(401, r#"{"error":"echo s3cr3t"}"#)).await;
    assert_eq!(told, "the token endpoint answered 401");
}

#[tokio::test]
async fn an_answer_without_a_usable_access_token_is_no_token() {
    for body in [
        "",
        "echo",
        "[\"t\"]",
        "\"t\"",
        "{}",
        r#"{"access_token":null}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":7}"#,
        r#"{"access_token":"echo\r\nx-evil: 1"}"#,
        r#"{"access_token":"echo\ttab"}"#,
        r#"{"access_token":"echo\u0000"}"#,
        r#"{"access_token":"écho"}"#,
    ] {
        let told = failure(say(200, body)).await;
        assert!(told.contains("without a usable token"), "{body}: {told}");
    }
    let huge = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000));
    assert!(failure(say(200, huge)).await.contains("64 KiB"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(numbered("60")).await;
    let to = elsewhere.url.clone();
    let told = failure(Said { headers: vec![("location", to)], ..say(307, "") }).await;
    assert!(told.contains("307"), "{told}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_silent_endpoint_is_given_up_in_time() {
    let server = Server::start(|_| silence()).await;
    let error = provider(IMPATIENCE).fresh(&credentials(&server.url)).await.unwrap_err();
    assert_eq!(error, TokenError::Unreachable(Failure::Timeout(IMPATIENCE)));
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_no_token() {
    let error = provider(PATIENCE).fresh(&credentials(&nobody().await)).await.unwrap_err();
    assert!(matches!(error, TokenError::Unreachable(Failure::Connection(_))), "{error:?}");
}

#[tokio::test]
async fn a_token_url_that_is_none_is_no_token() {
    for url in ["", "not a url", "/relative", "gopher://x/"] {
        let error = provider(PATIENCE).fresh(&credentials(url)).await.unwrap_err();
        assert!(matches!(error, TokenError::Unreachable(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_url_that_a_user_set_goes_through_the_guard() {
    let server = Server::start(numbered("60")).await;
    let guarded = TokenProvider::new(Client::guarded(Egress::default()).unwrap(), PATIENCE);
    let error = guarded.token(&credentials(&server.url)).await.unwrap_err();
    assert!(matches!(error, TokenError::Unreachable(Failure::Refused(_))), "{error:?}");
    assert!(server.asked().is_empty());
}

async fn cached(provider: &TokenProvider, credentials: &ClientCredentials) -> String {
    provider.token(credentials).await.unwrap().secret().expose_secret().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_token_is_asked_for_once_by_any_number_of_callers() {
    let server = Server::start(numbered("300")).await;
    let (provider, credentials) = (provider(PATIENCE), credentials(&server.url));
    let callers = (0..50).map(|_| cached(&provider, &credentials));
    let tokens = futures::future::join_all(callers).await;
    assert!(tokens.iter().all(|token| token == "token-0"));
    assert_eq!(cached(&provider, &credentials).await, "token-0");
    assert_eq!(server.asked().len(), 1);
    provider.fresh(&credentials).await.unwrap();
    assert_eq!(server.asked().len(), 2, "a fresh token is never a kept one");
}

#[tokio::test]
async fn other_credentials_get_another_token() {
    let server = Server::start(numbered("300")).await;
    let (provider, one) = (provider(PATIENCE), credentials(&server.url));
    let others = [
        one.clone(),
        ClientCredentials { client_id: "other".to_owned(), ..one.clone() },
        ClientCredentials { client_secret: "rotated".into(), ..one.clone() },
        ClientCredentials { scope: Some("more".to_owned()), ..one.clone() },
        ClientCredentials { token_url: format!("{}/other", server.url), ..one },
    ];
    for (n, credentials) in others.iter().enumerate() {
        assert_eq!(cached(&provider, credentials).await, format!("token-{n}"));
    }
}

#[tokio::test]
async fn a_token_is_given_up_before_it_expires() {
    let server = Server::start(numbered("\"2\"")).await;
    let (provider, credentials) = (provider(PATIENCE), credentials(&server.url));
    assert_eq!(cached(&provider, &credentials).await, "token-0");
    let replaced = async {
        while cached(&provider, &credentials).await == "token-0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, replaced).await.expect("an expired token is handed out no more");
}

#[tokio::test]
async fn a_token_whose_life_is_not_told_is_not_kept() {
    for life in ["0", "null", "-1", "\"soon\""] {
        let server = Server::start(numbered(life)).await;
        let (provider, credentials) = (provider(PATIENCE), credentials(&server.url));
        assert_eq!(cached(&provider, &credentials).await, "token-0");
        assert_eq!(cached(&provider, &credentials).await, "token-1");
    }
}

#[tokio::test]
async fn a_refused_token_is_forgotten_unless_it_was_replaced_already() {
    let server = Server::start(numbered("300")).await;
    let (provider, credentials) = (provider(PATIENCE), credentials(&server.url));
    let first = provider.token(&credentials).await.unwrap();
    provider.invalidate(&credentials, &first).await;
    assert_eq!(cached(&provider, &credentials).await, "token-1");
    provider.invalidate(&credentials, &first).await;
    assert_eq!(cached(&provider, &credentials).await, "token-1");
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let server = Server::start(|n| if n == 0 { say(503, "") } else { numbered("300")(n) }).await;
    let (provider, credentials) = (provider(PATIENCE), credentials(&server.url));
    assert!(provider.token(&credentials).await.is_err());
    assert_eq!(cached(&provider, &credentials).await, "token-1");
}

#[tokio::test]
async fn nothing_shown_holds_a_secret_or_a_token() {
    let server = Server::start(numbered("300")).await;
    let (provider, credentials) = (provider(PATIENCE), credentials(&server.url));
    let token = provider.token(&credentials).await.unwrap();
    for shown in [format!("{provider:?}"), format!("{credentials:?}"), format!("{token:?}")] {
        assert!(!shown.contains("s3cr3t") && !shown.contains("token-0"), "{shown}");
    }
}
