//! Tokens by client credentials.

use crate::proxy::{Fault, Proxy};
use crate::support::{World, reason, token, until};
use awe_client::{AweClient, ClientCredentials, ErrorKind};
use serde_json::json;
use std::sync::Arc;

const TOKEN: &str = "POST /token";

/// A token endpoint whose tokens the server takes.
fn endpoint(world: &World, expires_in: u64) -> Fault {
    let told = json!({"access_token": token(&world.caller, &[]), "expires_in": expires_in});
    Fault { matches: TOKEN, status: Some(200), body: told.to_string(), times: 99, ..Fault::default() }
}

fn client(world: &World, proxy: &Proxy) -> AweClient {
    let credentials = ClientCredentials::new(format!("{}/token", proxy.url), "my id", "s:cret").scope("awe");
    world.at(&proxy.url).with_token(credentials)
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_kept() {
    let world = World::new().await;
    let proxy = Proxy::new([endpoint(&world, 300)]).await;
    let client = client(&world, &proxy);
    client.create(&world.request("cc")).await.unwrap();
    client.list(&Default::default()).await.unwrap();
    assert_eq!(proxy.count(TOKEN), 1);
    let asked = &proxy.asked()[0];
    assert_eq!(asked.body, "grant_type=client_credentials&scope=awe");
    assert_eq!(asked.headers["authorization"], "Basic bXkraWQ6cyUzQWNyZXQ=");
}

#[tokio::test]
async fn client_and_secret_may_go_in_the_form() {
    let world = World::new().await;
    let proxy = Proxy::new([endpoint(&world, 300)]).await;
    let credentials =
        ClientCredentials::new(format!("{}/token", proxy.url), "a", "b").audience("awe").in_body();
    world.at(&proxy.url).with_token(credentials).list(&Default::default()).await.unwrap();
    let asked = &proxy.asked()[0];
    assert_eq!(asked.body, "grant_type=client_credentials&audience=awe&client_id=a&client_secret=b");
    assert!(!asked.headers.contains_key("authorization"));
}

#[tokio::test]
async fn calls_at_the_same_moment_share_one_question_and_its_failure() {
    let world = World::new().await;
    let slow = std::time::Duration::from_millis(300);
    // The first question is passed on to the server after a while, and is no token endpoint there.
    let away = Fault { matches: TOKEN, stalls: slow, times: 1, ..Fault::default() };
    let proxy = Proxy::new([away, endpoint(&world, 300)]).await;
    let client = Arc::new(client(&world, &proxy));
    let calls = || {
        let calls = (0..8).map(|_| {
            let client = client.clone();
            async move { client.list(&Default::default()).await }
        });
        futures_util::future::join_all(calls)
    };
    for failed in calls().await {
        assert!(matches!(failed.unwrap_err().kind(), ErrorKind::Token(text) if text.contains("404")));
    }
    assert_eq!(proxy.count(TOKEN), 1);
    for answered in calls().await {
        answered.unwrap();
    }
    assert_eq!(proxy.count(TOKEN), 2);
}

#[tokio::test]
async fn a_question_whose_asker_gave_up_hinders_nobody() {
    let world = World::new().await;
    let stuck =
        Fault { stalls: std::time::Duration::from_secs(60), times: 1, matches: TOKEN, ..Fault::default() };
    let proxy = Proxy::new([stuck, endpoint(&world, 300)]).await;
    let client = client(&world, &proxy);
    let (other, filters) = (client.clone(), awe_client::parameters::ListRequests::default());
    let given_up = tokio::spawn(async move { other.list(&filters).await });
    until("the token was asked for", async || (proxy.count(TOKEN) == 1).then_some(())).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    client.list(&Default::default()).await.unwrap();
    assert_eq!(proxy.count(TOKEN), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let world = World::new().await;
    let refused = Fault::refused("GET", 401, "AWE-008", "token_expired");
    let proxy = Proxy::new([endpoint(&world, 300), refused.clone()]).await;
    client(&world, &proxy).list(&Default::default()).await.unwrap();
    let methods: Vec<String> = proxy.asked().iter().map(|asked| asked.line[..4].trim().to_owned()).collect();
    assert_eq!(methods, ["POST", "GET", "POST", "GET"]);

    let proxy = Proxy::new([endpoint(&world, 300), Fault { times: 9, ..refused }]).await;
    let error = client(&world, &proxy).list(&Default::default()).await.unwrap_err();
    assert_eq!((reason(&error), proxy.count("GET"), proxy.count(TOKEN)), ("token_expired", 2, 2));
}

#[tokio::test]
async fn a_token_that_ends_is_replaced() {
    let world = World::new().await;
    let proxy = Proxy::new([endpoint(&world, 1)]).await;
    let client = client(&world, &proxy);
    until("a second token was asked for", async || {
        client.list(&Default::default()).await.unwrap();
        (proxy.count(TOKEN) == 2).then_some(())
    })
    .await;
    assert!(proxy.count("GET") > 2, "each call asked for a token");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let world = World::new().await;
    let body = r#"{"error":"invalid_client"}"#.to_owned();
    let proxy =
        Proxy::new([Fault { matches: TOKEN, status: Some(400), body, times: 9, ..Fault::default() }]).await;
    let error = client(&world, &proxy).list(&Default::default()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Token(text) if text.contains("400")), "{error:?}");
    assert_eq!(proxy.asked().len(), 1);
}
