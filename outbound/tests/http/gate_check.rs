//! The check of the gate at start.

use crate::gate::{oauth2, options};
use crate::logs;
use crate::server::{Server, always, nobody, say};
use outbound::gate::{Finding, Gate, GateOptions, Level};
use outbound::{ClientCredentials, Credential};

async fn check(options: GateOptions) -> Vec<Finding> {
    Gate::new(options).unwrap().check().await
}

fn has(found: &[Finding], level: Level, words: &str) -> bool {
    found.iter().any(|finding| finding.level == level && finding.text.contains(words))
}

#[tokio::test]
async fn a_gate_that_is_not_enabled_is_not_looked_at() {
    let gate = Server::start(always(say(200, ""))).await;
    let off = GateOptions { enabled: false, ..options(&gate.url, Credential::None) };
    assert_eq!(check(off).await, []);
    assert!(gate.asked().is_empty());
}

#[tokio::test]
async fn any_status_of_a_head_without_credentials_means_reachable() {
    for status in [200, 403, 405, 500] {
        let gate = Server::start(always(say(status, ""))).await;
        let found = check(options(&gate.url, Credential::Bearer("planted".into()))).await;
        assert!(has(&found, Level::Info, "(authentication: bearer)"), "{found:?}");
        assert!(has(&found, Level::Info, &format!("reachable (status {status})")), "{found:?}");
        assert!(has(&found, Level::Warning, "not HTTPS"), "{found:?}");
        let asked = &gate.asked()[0];
        assert_eq!((asked.method.as_str(), asked.header("authorization")), ("HEAD", None));
    }
}

#[tokio::test]
async fn a_gate_that_is_away_is_a_warning() {
    let found = check(options(&nobody().await, Credential::None)).await;
    assert!(has(&found, Level::Warning, "refused until it is available"), "{found:?}");
    let found = check(options("https://127.0.0.1:1/", Credential::None)).await;
    assert!(!has(&found, Level::Warning, "not HTTPS"), "{found:?}");
}

#[tokio::test]
async fn a_token_is_tried_and_the_client_shown_in_part() {
    let gate = Server::start(always(say(200, ""))).await;
    let idp = Server::start(always(say(200, r#"{"access_token":"planted"}"#))).await;
    let found = check(options(&gate.url, oauth2(&idp.url))).await;
    assert!(has(&found, Level::Warning, "token URL is not HTTPS"), "{found:?}");
    assert!(has(&found, Level::Info, "for client gate-cli..., scope (not set)"), "{found:?}");
    assert!(has(&found, Level::Info, "a token was acquired"), "{found:?}");
    assert_eq!(idp.asked().len(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_a_warning() {
    let gate = Server::start(always(say(200, ""))).await;
    let idp = Server::start(always(say(401, r#"{"error":"invalid_client"}"#))).await;
    let found = check(options(&gate.url, oauth2(&idp.url))).await;
    assert!(
        has(&found, Level::Warning, "no token was acquired: the token endpoint answered 401"),
        "{found:?}"
    );
}

#[tokio::test]
async fn each_missing_setting_is_named_and_no_token_is_tried() {
    let gate = Server::start(always(say(200, ""))).await;
    let nothing = ClientCredentials {
        token_url: String::new(),
        client_id: String::new(),
        client_secret: "".into(),
        scope: None,
    };
    let found = check(options(&gate.url, Credential::OAuth2(nothing))).await;
    let all = "REGISTRATION_GATE_OAUTH2_TOKEN_URL, REGISTRATION_GATE_OAUTH2_CLIENT_ID, \
               REGISTRATION_GATE_OAUTH2_CLIENT_SECRET";
    assert!(has(&found, Level::Error, all), "{found:?}");
    assert!(!has(&found, Level::Error, "SCOPE") && !has(&found, Level::Info, "token"), "{found:?}");
}

#[tokio::test]
async fn the_look_logs_no_secret() {
    let gate = Server::start(always(say(200, ""))).await;
    let idp = Server::start(always(say(200, r#"{"access_token":"planted-token"}"#))).await;
    let url = gate.url.replace("http://", "http://user:planted-password@") + "?key=planted-query";
    let (found, logged) = logs::of(async {
        let found = check(options(&url, oauth2(&idp.url))).await;
        found.iter().for_each(Finding::log);
        found
    })
    .await;
    assert!(has(&found, Level::Info, "reachable"), "{found:?}");
    assert!(logged.contains("gate-cli...") && logged.contains("WARN") && logged.contains("INFO"), "{logged}");
    let ours: Vec<&str> = logged.lines().filter(|line| line.contains(" outbound::")).collect();
    assert!(!ours.is_empty() && ours.iter().all(|line| !line.contains("planted")), "{ours:?}");
    assert!(!logged.contains("planted-token") && !logged.contains("planted-client-secret"), "{logged}");
    assert!(!logged.contains("gate-client-0001"), "{logged}");
}
