use super::*;
use crate::config::load_from;
use crate::error::Reason;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::Duration;

fn development() -> Authenticator {
    let clients = ("AWE__AUTH__ROLE_CLIENTS".to_owned(), "[awe-ui]".to_owned());
    Authenticator::new(&load_from(None, [clients]).unwrap(), &TaskTracker::new()).unwrap()
}

fn token(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(header), encode(claims))
}

async fn refusal(token: &str) -> (Reason, String) {
    match development().authenticate(token).await.unwrap_err() {
        AuthError::Refused(reason, why) => (reason, why),
        AuthError::KeysUnavailable(why) => panic!("{why}"),
    }
}

#[tokio::test]
async fn development_believes_an_unsigned_token() {
    let token = unsigned_token("amina", &[ADMIN.to_owned()], Duration::from_secs(60));
    let identity = development().authenticate(&token).await.unwrap();
    assert_eq!(identity.subject, "amina");
    assert!(identity.is_admin() && identity.is_viewer());
}

#[tokio::test]
async fn development_still_wants_a_subject_and_a_time_that_fits() {
    let header = json!({"alg": "HS256"});
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for (claims, reason, why) in [
        (json!({}), Reason::TokenSubject, "sub is missing"),
        (json!({"sub": ""}), Reason::TokenSubject, "sub is empty"),
        (json!({"sub": 7}), Reason::TokenSubject, "sub is missing"),
        (json!({"sub": "a\u{0}"}), Reason::TokenSubject, "control"),
        (json!({"sub": " "}), Reason::TokenSubject, "white space"),
        (json!({"sub": " a"}), Reason::TokenSubject, "white space"),
        (json!({"sub": "a\u{2003}"}), Reason::TokenSubject, "white space"),
        (json!({"sub": "system:sla"}), Reason::TokenSubject, "stands for AWE itself"),
        (json!({"sub": "SYSTEM:x"}), Reason::TokenSubject, "stands for AWE itself"),
        (json!({"sub": "x".repeat(201)}), Reason::TokenSubject, "more than 200"),
        (json!({"sub": "a", "exp": now - 60}), Reason::TokenExpired, "expired"),
        (json!({"sub": "a", "exp": "soon"}), Reason::TokenMalformed, "exp is not a number"),
        (json!({"sub": "a", "nbf": now + 60}), Reason::TokenNotYetValid, "not valid yet"),
        (json!(["sub"]), Reason::TokenMalformed, "malformed"),
    ] {
        let refused = refusal(&token(&header, &claims)).await;
        assert!(refused.0 == reason && refused.1.contains(why), "{claims}: {refused:?}");
    }
    for claims in
        [json!({"sub": "a", "exp": now - 10}), json!({"sub": "a", "nbf": now + 10}), json!({"sub": "a"})]
    {
        assert!(development().authenticate(&token(&header, &claims)).await.is_ok(), "{claims}");
    }
}

#[tokio::test]
async fn what_is_no_jwt_is_refused() {
    for token in
        ["", "a", "a.b", "a.b.c", "....", &"x".repeat(17 * 1024), &token(&json!({}), &json!({"sub": "a"}))]
    {
        assert!(development().authenticate(token).await.is_err(), "{token}");
    }
}

#[tokio::test]
async fn only_roles_of_the_realm_and_of_named_clients_count() {
    let claims = json!({
        "sub": "a", "email": "a@example.org", "name": "Ann Okafor",
        "realm_access": {"roles": ["AWE_VIEWER", 7]},
        "resource_access": {"awe-ui": {"roles": ["clerk"]}, "other": {"roles": ["AWE_ADMIN"]}, "odd": 3},
    });
    let identity = development().authenticate(&token(&json!({"alg": "none"}), &claims)).await.unwrap();
    assert_eq!(identity.roles, ["AWE_VIEWER", "clerk"]);
    assert!(identity.is_viewer() && !identity.is_admin());
    assert_eq!(identity.email.as_deref(), Some("a@example.org"));
    assert_eq!(identity.name.as_deref(), Some("Ann Okafor"));
}

#[tokio::test]
async fn a_name_or_address_that_is_no_line_of_text_is_left_out() {
    for odd in [json!(7), json!(""), json!("two\nlines"), json!("x".repeat(1001))] {
        let claims = json!({"sub": "a", "email": odd, "name": odd});
        let identity = development().authenticate(&token(&json!({"alg": "none"}), &claims)).await.unwrap();
        assert_eq!((&identity.email, &identity.name), (&None, &None), "{odd}");
    }
}
