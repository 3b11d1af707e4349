//! A webhook to a receiver that requires authentication.

use crate::IMPATIENCE;
use crate::server::{PATIENCE, Said, Server, always, say, silence};
use outbound::{
    Answer, Client, ClientCredentials, Credential, Credentials, Egress, Failure, Post, TokenProvider,
    Transport,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const NAME: &str = "hooks";

fn named(credential: Credential) -> Credentials {
    let tokens = TokenProvider::new(Client::trusted().unwrap(), PATIENCE);
    Credentials::new(BTreeMap::from([(NAME.to_owned(), credential)]), tokens)
}

fn oauth2(provider: &Server) -> Credentials {
    named(Credential::OAuth2(ClientCredentials {
        token_url: provider.url.clone(),
        client_id: "awe".to_owned(),
        client_secret: "s3cr3t".into(),
        scope: None,
    }))
}

fn token(n: usize) -> Said {
    say(200, format!(r#"{{"access_token":"token-{n}","expires_in":300}}"#))
}

async fn post(
    receiver: &Server,
    name: &str,
    credentials: &Credentials,
    timeout: Duration,
) -> Result<Answer, Failure> {
    let egress = Egress { allow_loopback: true, allow_cidrs: Vec::new() };
    let headers = vec![("webhook-signature", "v1,signed".to_owned())];
    let post = Post { url: receiver.url.clone(), headers, body: b"{}".to_vec() };
    Transport::new(egress, timeout).unwrap().post_as(post, name, credentials).await
}

#[tokio::test]
async fn each_kind_of_credential_comes_to_its_header() {
    let provider = Server::start(token).await;
    let key = |header: &str| Credential::ApiKey { header: header.to_owned(), key: "k".into() };
    for (credentials, header, expected) in [
        (named(Credential::None), "authorization", None),
        (named(key("x-api-key")), "x-api-key", Some("k")),
        (named(Credential::Bearer("b".into())), "authorization", Some("Bearer b")),
        (oauth2(&provider), "authorization", Some("Bearer token-0")),
    ] {
        let receiver = Server::start(always(say(204, ""))).await;
        assert_eq!(post(&receiver, NAME, &credentials, PATIENCE).await.unwrap().status, 204);
        assert_eq!(receiver.asked()[0].header(header), expected);
        assert_eq!(receiver.asked()[0].header("webhook-signature"), Some("v1,signed"));
    }
}

#[tokio::test]
async fn no_credential_passes_for_a_signature() {
    for header in ["webhook-signature", "Webhook-Signature", "content-type"] {
        let receiver = Server::start(always(say(204, ""))).await;
        let forged = Credential::ApiKey { header: header.to_owned(), key: "v1,forged".into() };
        post(&receiver, NAME, &named(forged), PATIENCE).await.unwrap();
        let asked = &receiver.asked()[0];
        assert!(asked.headers.values().all(|value| value != "v1,forged"), "{asked:?}");
        assert_eq!(asked.header("webhook-signature"), Some("v1,signed"));
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let provider = Server::start(token).await;
    let credentials = oauth2(&provider);
    let receiver = Server::start(always(say(401, "Bearer token-0 and Bearer token-1"))).await;
    let answer = post(&receiver, NAME, &credentials, PATIENCE).await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(!answer.excerpt.contains("token-1"), "{}", answer.excerpt);
    let sent: Vec<_> =
        receiver.asked().iter().map(|a| a.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(sent, ["Bearer token-0", "Bearer token-1"]);
    assert_eq!(provider.asked().len(), 2);
}

#[tokio::test]
async fn all_of_an_attempt_ends_after_one_timeout() {
    let silent = Server::start(always(silence())).await;
    let receiver = Server::start(always(say(204, ""))).await;
    let begun = Instant::now();
    let failure = post(&receiver, NAME, &oauth2(&silent), IMPATIENCE).await.unwrap_err();
    assert_eq!(failure, Failure::Credential(r#"credential "hooks": no token within 300ms"#.to_owned()));
    assert!(begun.elapsed() < PATIENCE && receiver.asked().is_empty());

    let provider = Server::start(token).await;
    let receiver = Server::start(|n| if n == 0 { say(401, "") } else { silence() }).await;
    let failure = post(&receiver, NAME, &oauth2(&provider), IMPATIENCE).await.unwrap_err();
    assert_eq!((failure, receiver.asked().len()), (Failure::Timeout(IMPATIENCE), 2));
}

#[tokio::test]
async fn what_cannot_be_sent_along_keeps_the_webhook_from_going_out() {
    let receiver = Server::start(always(say(204, ""))).await;
    let bad = named(Credential::ApiKey { header: "no header".to_owned(), key: "s3cr3t".into() });
    let newline = named(Credential::Bearer("s3cr3t\n".into()));
    let provider = Server::start(always(say(200, r#"{"access_token":""}"#))).await;
    for (name, credentials, expected) in [
        ("other", &bad, r#"credential "other" is not configured"#),
        (NAME, &bad, r#"credential "hooks": "no header" and its value cannot be"#),
        (NAME, &newline, r#"credential "hooks": "authorization" and its value cannot be"#),
        (NAME, &oauth2(&provider), r#"credential "hooks": the token endpoint answered without a usable"#),
    ] {
        let Err(Failure::Credential(told)) = post(&receiver, name, credentials, PATIENCE).await else {
            panic!("{expected}");
        };
        assert!(told.starts_with(expected) && !told.contains("s3cr3t"), "{told}");
    }
    assert!(receiver.asked().is_empty());
}
