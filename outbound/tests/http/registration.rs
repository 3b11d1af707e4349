//! The registration webhook, sent to an endpoint that records it.

use crate::IMPATIENCE;
use crate::logs;
use crate::server::{PATIENCE, Server, always, nobody, say, silence};
use outbound::registration::{News, RegistrationOptions, RegistrationWebhook};
use serde_json::{Value, json};
use time::macros::datetime;

fn options(url: &str) -> RegistrationOptions {
    RegistrationOptions {
        url: url.to_owned(),
        auth_header: "Authorization".to_owned(),
        auth_token: "".into(),
        timeout: PATIENCE,
    }
}

fn news(event_type: &'static str) -> News {
    News {
        event_type,
        registration_type: "policy",
        timestamp: datetime!(2026-01-31 08:15 UTC),
        performed_by: Some("admin".to_owned()),
        card: json!({"policy_key": "demo.v1", "client_secret": "planted"}).as_object().unwrap().clone(),
    }
}

async fn send(options: RegistrationOptions) -> String {
    logs::of(async { RegistrationWebhook::new(options).unwrap().send(news("registration")).await }).await.1
}

#[tokio::test]
async fn the_token_goes_into_the_header_of_the_operators_choice() {
    for (header, token, name, value) in [
        ("Authorization", "t", "authorization", Some("Bearer t")),
        ("aUTHORIZATION", "t", "authorization", Some("Bearer t")),
        ("X-Hook-Token", "t", "x-hook-token", Some("t")),
        ("Authorization", "", "authorization", None),
        ("X-Hook-Token", "", "x-hook-token", None),
    ] {
        let receiver = Server::start(always(say(200, ""))).await;
        let options = options(&receiver.url);
        send(RegistrationOptions { auth_header: header.to_owned(), auth_token: token.into(), ..options })
            .await;
        assert_eq!(receiver.asked()[0].header(name), value, "{header}: {token}");
    }
}

#[tokio::test]
async fn a_registration_and_a_deletion_say_what_happened_without_secrets() {
    let receiver = Server::start(always(say(200, ""))).await;
    let webhook = RegistrationWebhook::new(options(&receiver.url)).unwrap();
    for event in ["registration", "deletion"] {
        webhook.send(news(event)).await;
        let asked = receiver.asked();
        let asked = asked.last().unwrap();
        assert_eq!((asked.method.as_str(), asked.header("content-type")), ("POST", Some("application/json")));
        assert_eq!(
            serde_json::from_str::<Value>(&asked.body).unwrap(),
            json!({"event_type": event, "registration_type": "policy", "timestamp": "2026-01-31T08:15:00Z",
                "performed_by": "admin", "card": {"policy_key": "demo.v1"}})
        );
    }
}

#[tokio::test]
async fn a_failure_is_swallowed_and_logged() {
    let silent = Server::start(always(silence())).await;
    let patience = RegistrationOptions { timeout: IMPATIENCE, ..options(&silent.url) };
    let angry = Server::start(always(say(500, ""))).await;
    for (options, words) in [
        (options(&nobody().await), "not delivered"),
        (patience, "not delivered"),
        (options(&angry.url), "not accepted"),
    ] {
        let logged = send(options).await;
        assert!(logged.contains(words) && logged.contains("WARN"), "{logged}");
        assert!(logged.contains("registration") && logged.contains("policy"), "{logged}");
    }
}

#[tokio::test]
async fn without_a_url_nobody_is_told() {
    let webhook = RegistrationWebhook::new(options("")).unwrap();
    assert!(!webhook.is_enabled());
    let ((), logged) = logs::of(async { webhook.tell(news("registration")) }).await;
    assert_eq!(logged, "");
}

#[tokio::test]
async fn plain_http_is_warned_of_and_sent() {
    let receiver = Server::start(always(say(200, ""))).await;
    let logged = send(options(&receiver.url)).await;
    assert!(logged.contains("not HTTPS"), "{logged}");
    assert_eq!(receiver.asked().len(), 1);
}

#[tokio::test]
async fn another_scheme_is_refused() {
    let receiver = Server::start(always(say(200, ""))).await;
    for scheme in ["ftp://", "HTTP://", "//", ""] {
        let url = format!("{scheme}{}", receiver.url.trim_start_matches("http://"));
        let logged = send(options(&url)).await;
        assert!(logged.contains("must begin with http:// or https://"), "{url}: {logged}");
    }
    assert!(receiver.asked().is_empty());
}

#[tokio::test]
async fn whoever_wrote_does_not_wait() {
    let receiver = Server::start(always(silence())).await;
    let webhook = RegistrationWebhook::new(options(&receiver.url)).unwrap();
    webhook.tell(news("registration"));
    let told = async {
        while receiver.asked().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told in the background");
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let receiver = Server::start(always(say(500, "planted"))).await;
    let options = options(&receiver.url);
    let logged = send(RegistrationOptions { auth_token: "planted-token".into(), ..options }).await;
    assert!(!logged.contains("planted"), "{logged}");
}
