use crate::server::{PATIENCE, Server, say};
use outbound::{Call, Client, Egress, Failure, Method};

#[tokio::test]
async fn a_guarded_client_goes_only_where_the_guard_lets_it() {
    let server = Server::start(|_| say(200, "here")).await;
    let call = || Call::new(Method::Get, &server.url, PATIENCE, 100);
    let guarded = Client::guarded(Egress::default()).unwrap();
    assert!(matches!(guarded.send(call()).await, Err(Failure::Refused(_))));
    assert!(server.asked().is_empty());
    let allowed = Client::guarded(Egress { allow_loopback: true, ..Egress::default() }).unwrap();
    assert_eq!(allowed.send(call()).await.unwrap().body, b"here");
    let trusted = Client::trusted().unwrap();
    assert_eq!(trusted.send(call()).await.unwrap().body, b"here");
}

#[tokio::test]
async fn a_guarded_client_refuses_a_name_that_leads_to_loopback() {
    let server = Server::start(|_| say(200, "here")).await;
    let url = server.url.replace("127.0.0.1", "localhost");
    let guarded = Client::guarded(Egress::default()).unwrap();
    let outcome = guarded.send(Call::new(Method::Get, url, PATIENCE, 100)).await;
    assert!(
        matches!(&outcome, Err(Failure::Refused(why)) if why.contains("no allowed address")),
        "{outcome:?}"
    );
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let server = Server::start(|_| say(200, "x".repeat(1000))).await;
    let client = Client::trusted().unwrap();
    let cut = client.send(Call::new(Method::Get, &server.url, PATIENCE, 999)).await.unwrap();
    assert_eq!((cut.body.len(), cut.complete), (999, false));
    let whole = client.send(Call::new(Method::Get, &server.url, PATIENCE, 1000)).await.unwrap();
    assert_eq!((whole.body.len(), whole.complete), (1000, true));
}

#[tokio::test]
async fn a_value_that_cannot_be_a_header_is_refused_without_being_repeated() {
    let call = Call::new(Method::Get, "http://127.0.0.1/", PATIENCE, 1);
    let refused = call.secret_header("x-key", &"hidden\r\nx-other: 1".into()).unwrap_err().to_string();
    assert!(refused.contains("x-key") && !refused.contains("hidden"), "{refused}");
    let call = Call::new(Method::Get, "http://127.0.0.1/", PATIENCE, 1).bearer(&"hidden".into()).unwrap();
    assert!(!format!("{call:?}").contains("hidden"));
}
