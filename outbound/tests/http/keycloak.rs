//! The directory's tokens and cache, against a fake Keycloak that counts calls. The end-to-end tests use a real one.

use crate::server::{Asked, PATIENCE, Said, Server, say};
use outbound::{DirectoryError, Keycloak, KeycloakOptions};
use reqwest::Url;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NEVER: usize = usize::MAX;

/// A fake realm. It issues `token-0`, `token-1`, ... and accepts only the valid one. Each group has one member.
struct Realm {
    server: Server,
    /// Number of the valid token.
    good: Arc<AtomicUsize>,
}

impl Realm {
    async fn start() -> Self {
        let good = Arc::new(AtomicUsize::new(0));
        let (issued, accepted) = (AtomicUsize::new(0), Arc::clone(&good));
        let answer = move |_, asked: &Asked| {
            if asked.method == "POST" {
                let n = issued.fetch_add(1, Ordering::SeqCst);
                return say(200, format!(r#"{{"access_token":"token-{n}","expires_in":300}}"#));
            }
            let good = format!("Bearer token-{}", accepted.load(Ordering::SeqCst));
            if asked.header("authorization") == Some(&good) { directory(&asked.target) } else { say(401, "") }
        };
        Self { server: Server::answering(answer).await, good }
    }

    fn keycloak(&self, cache: Duration) -> Keycloak {
        let base = Url::parse(&self.server.url).unwrap();
        Keycloak::new(KeycloakOptions {
            base_url: base.join("/").unwrap().into(),
            realm: "staff".to_owned(),
            client_id: "awe".to_owned(),
            client_secret: "s3cr3t".into(),
            timeout: PATIENCE,
            cache,
            service_accounts: false,
        })
        .unwrap()
    }

    /// Number of calls whose path contains these words.
    fn count(&self, words: &str) -> usize {
        self.server.asked().iter().filter(|asked| asked.target.contains(words)).count()
    }

    fn tokens(&self) -> usize {
        self.count("/realms/staff/protocol/openid-connect/token")
    }
}

fn directory(target: &str) -> Said {
    let path = target.strip_prefix("/admin/realms/staff/").unwrap_or_default();
    match path.split_once("group-by-path/") {
        Some((_, "nosuch")) => say(404, ""),
        Some((_, name)) => say(200, format!(r#"{{"id":"{name}","name":"{name}","path":"/{name}"}}"#)),
        None if path.contains("first=0&") => {
            say(200, r#"[{"id":"ann","username":"a","firstName":"Ann","lastName":"Okafor","enabled":true}]"#)
        }
        None => say(200, "[]"),
    }
}

async fn members(keycloak: &Keycloak, group: &str) -> Result<Vec<String>, DirectoryError> {
    Ok(keycloak.group_members(group, false).await?.to_vec())
}

#[tokio::test]
async fn a_name_that_some_answer_has_told_is_known_without_asking() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::ZERO);
    assert_eq!(keycloak.known_name("ann"), None);
    members(&keycloak, "finance").await.unwrap();
    let asked = realm.server.asked().len();
    assert_eq!(keycloak.known_name("ann").as_deref(), Some("Ann Okafor"));
    assert_eq!(realm.server.asked().len(), asked);
}

#[tokio::test]
async fn one_token_serves_many_questions_and_a_refused_one_is_replaced() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(members(&keycloak, "/team").await.unwrap(), ["ann"]);
    }
    assert_eq!(realm.tokens(), 1);
    realm.good.store(1, Ordering::SeqCst);
    assert_eq!(members(&keycloak, "/team").await.unwrap(), ["ann"]);
    assert_eq!(members(&keycloak, "/team").await.unwrap(), ["ann"]);
    assert_eq!(realm.tokens(), 2, "the new one is kept");
}

#[tokio::test]
async fn a_directory_that_refuses_every_token_is_asked_twice_and_no_more() {
    let realm = Realm::start().await;
    realm.good.store(NEVER, Ordering::SeqCst);
    let error = members(&realm.keycloak(Duration::ZERO), "/team").await.unwrap_err();
    assert_eq!(error, DirectoryError::Unavailable("directory: answered 401".to_owned()));
    assert_eq!((realm.tokens(), realm.count("group-by-path")), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_find_their_token_refused_get_one_new_one() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::ZERO);
    members(&keycloak, "/team").await.unwrap();
    realm.good.store(1, Ordering::SeqCst);
    let callers = (0..50).map(|_| members(&keycloak, "/team"));
    let found = futures::future::join_all(callers).await;
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    assert_eq!(realm.tokens(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_cache_however_many_ask_at_once_one_goes_and_asks() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::from_secs(30));
    let callers = (0..50).map(|_| members(&keycloak, "/team"));
    let found = futures::future::join_all(callers).await;
    assert!(found.iter().all(|users| users.as_ref().is_ok_and(|users| *users == ["ann"])), "{found:?}");
    assert_eq!(members(&keycloak.clone(), "/team").await.unwrap(), ["ann"], "clones share it");
    assert_eq!((realm.count("group-by-path"), realm.tokens()), (1, 1));
    members(&keycloak, "/other").await.unwrap();
    assert_eq!(realm.count("group-by-path"), 2, "another question has another answer");
}

#[tokio::test]
async fn without_a_cache_every_question_is_asked() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::ZERO);
    for _ in 0..3 {
        members(&keycloak, "/team").await.unwrap();
    }
    assert_eq!(realm.count("group-by-path"), 3);
}

#[tokio::test]
async fn a_cached_answer_is_given_up_after_its_time() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::from_millis(100));
    let asked_again = async {
        while realm.count("group-by-path") < 2 {
            members(&keycloak, "/team").await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked_again).await.expect("an old answer is used no more");
}

#[tokio::test]
async fn a_failure_is_not_cached() {
    let realm = Realm::start().await;
    let keycloak = realm.keycloak(Duration::from_secs(30));
    realm.good.store(NEVER, Ordering::SeqCst);
    assert!(matches!(members(&keycloak, "/team").await, Err(DirectoryError::Unavailable(_))));
    realm.good.store(realm.tokens(), Ordering::SeqCst);
    // The cached token was replaced at the server unnoticed; the next call finds out.
    assert_eq!(members(&keycloak, "/team").await.unwrap(), ["ann"]);
    for _ in 0..2 {
        assert!(matches!(members(&keycloak, "/nosuch").await, Err(DirectoryError::Unknown(_))));
    }
    assert_eq!(realm.count("group-by-path/nosuch"), 2);
}
