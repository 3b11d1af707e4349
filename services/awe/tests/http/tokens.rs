//! Signed tokens, verified with keys that an issuer publishes.

mod issuer;

use crate::server::Server;
use issuer::{Claims, Issuer, Signer};
use jsonwebtoken::Algorithm;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const MASTER_KEY: (&str, &str) = ("AWE__SECRETS__MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");

/// A server that trusts this issuer.
async fn trusting(issuer: &Issuer, more: &[(&str, &str)]) -> Server {
    let url = issuer.url();
    let mut settings = vec![("AWE__KEYCLOAK__ISSUER", &*url), ("AWE__KEYCLOAK__AUDIENCE", "awe"), MASTER_KEY];
    settings.extend_from_slice(more);
    Server::start(&settings).await
}

async fn status(server: &Server, token: &str) -> u16 {
    let call = server.request(crate::server::Who::Nobody, Method::GET, "/policies").bearer_auth(token);
    let answer = call.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    if status == 401 {
        assert_eq!(body["errors"][0]["errorCode"], "AWE-008");
        assert!(body.to_string().len() < 300, "the reason goes to the log: {body}");
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_algorithm_is_verified_and_every_forgery_refused() {
    let issuer = Issuer::start().await;
    let server =
        trusting(&issuer, &[("AWE__KEYCLOAK__ADDITIONAL_ISSUERS", "[\"https://other.example.org\"]")]).await;
    let claims = || Claims::new(&issuer.url());
    for signer in issuer.signers() {
        for algorithm in signer.algorithms() {
            assert_eq!(status(&server, &signer.sign(*algorithm, &claims())).await, 200, "{algorithm:?}");
        }
    }
    let rsa = &issuer.rsa;
    let good = rsa.sign(Algorithm::RS256, &claims());
    let cases = [
        (
            "other issuer",
            rsa.sign(Algorithm::RS256, &claims().with("iss", json!("https://evil.example.org"))),
            401,
        ),
        (
            "additional issuer",
            rsa.sign(Algorithm::RS256, &claims().with("iss", json!("https://other.example.org"))),
            200,
        ),
        ("no issuer", rsa.sign(Algorithm::RS256, &claims().with("iss", json!(null))), 401),
        ("other audience", rsa.sign(Algorithm::RS256, &claims().with("aud", json!("account"))), 401),
        ("no audience", rsa.sign(Algorithm::RS256, &claims().with("aud", json!(null))), 401),
        (
            "one of many audiences",
            rsa.sign(Algorithm::RS256, &claims().with("aud", json!(["account", "awe"]))),
            200,
        ),
        ("expired", rsa.sign(Algorithm::RS256, &claims().expiring(-31)), 401),
        ("expired within the leeway", rsa.sign(Algorithm::RS256, &claims().expiring(-20)), 200),
        ("no expiry", rsa.sign(Algorithm::RS256, &claims().with("exp", json!(null))), 401),
        ("expiry in words", rsa.sign(Algorithm::RS256, &claims().with("exp", json!("soon"))), 401),
        ("not yet", rsa.sign(Algorithm::RS256, &claims().starting(40)), 401),
        ("not yet, within the leeway", rsa.sign(Algorithm::RS256, &claims().starting(20)), 200),
        ("no subject", rsa.sign(Algorithm::RS256, &claims().with("sub", json!(null))), 401),
        ("subject with a NUL", rsa.sign(Algorithm::RS256, &claims().with("sub", json!("a\u{0}"))), 401),
        ("no roles", rsa.sign(Algorithm::RS256, &claims().with("realm_access", json!(null))), 403),
        (
            "roles of a client that is not named",
            rsa.sign(
                Algorithm::RS256,
                &claims()
                    .with("realm_access", json!(null))
                    .with("resource_access", json!({"awe": {"roles": ["AWE_ADMIN"]}})),
            ),
            403,
        ),
        ("tampered claims", issuer::tampered(&good), 401),
        ("tampered signature", format!("{}AAAA", &good[..good.len() - 4]), 401),
        ("signature cut off", good.rsplit_once('.').map(|(front, _)| format!("{front}.")).unwrap(), 401),
        ("alg none", issuer::unsigned(&claims()), 401),
        ("HS256 with the public key", rsa.confused(&claims()), 401),
        ("an algorithm that is not on the list", rsa.sign(Algorithm::RS512, &claims()), 401),
        ("the kid of another key type", rsa.sign_as(Algorithm::RS256, "ec", &claims()), 401),
        ("a key that the set marks for encryption", rsa.sign_as(Algorithm::RS256, "enc", &claims()), 401),
        ("no kid", rsa.sign_without_kid(&claims()), 401),
        ("an unknown key", Signer::rsa("unknown").sign(Algorithm::RS256, &claims()), 401),
        ("a stranger's key under a known kid", Signer::rsa("rsa").sign(Algorithm::RS256, &claims()), 401),
        ("huge", rsa.sign(Algorithm::RS256, &claims().with("x", json!("x".repeat(17_000)))), 401),
        ("nothing", String::new(), 401),
    ];
    for (name, token, expected) in cases {
        assert_eq!(status(&server, &token).await, expected, "{name}");
        // A second time, when the token is in the cache of verified tokens.
        assert_eq!(status(&server, &token).await, expected, "{name}, again");
    }
    assert!(issuer.fetches() <= 3, "strangers made us ask {} times", issuer.fetches());
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_set_ties_to_one_algorithm_serves_no_other() {
    let issuer = Issuer::start().await;
    issuer.tie("RS256");
    let server = trusting(&issuer, &[]).await;
    let claims = Claims::new(&issuer.url());
    assert_eq!(status(&server, &issuer.rsa.sign(Algorithm::RS256, &claims)).await, 200);
    assert_eq!(status(&server, &issuer.rsa.sign(Algorithm::PS256, &claims)).await, 401);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_a_named_client_count() {
    let issuer = Issuer::start().await;
    let server = trusting(&issuer, &[("AWE__AUTH__ROLE_CLIENTS", "[awe-ui]")]).await;
    let claims = Claims::new(&issuer.url())
        .with("realm_access", json!(null))
        .with("resource_access", json!({"awe-ui": {"roles": ["AWE_VIEWER"]}}));
    assert_eq!(status(&server, &issuer.rsa.sign(Algorithm::RS256, &claims)).await, 200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_found_without_a_restart() {
    let issuer = Issuer::start().await;
    let server = trusting(&issuer, &[]).await;
    let claims = Claims::new(&issuer.url());
    let next = Signer::rsa("next");
    issuer.publish(&next);
    // The first fetch sees the new set already, so both keys are known after one fetch.
    assert_eq!(status(&server, &issuer.rsa.sign(Algorithm::RS256, &claims)).await, 200);
    assert_eq!(status(&server, &next.sign(Algorithm::RS256, &claims)).await, 200);
    assert_eq!(issuer.fetches(), 1);
    let third = Signer::rsa("third");
    issuer.publish(&third);
    assert_eq!(status(&server, &third.sign(Algorithm::RS256, &claims)).await, 200);
    assert_eq!(issuer.fetches(), 2);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_it_ask_for_keys_every_ten_seconds_at_most() {
    let issuer = Issuer::start().await;
    let server = trusting(&issuer, &[]).await;
    let claims = Claims::new(&issuer.url());
    assert_eq!(status(&server, &issuer.rsa.sign(Algorithm::RS256, &claims)).await, 200);
    let stranger = Signer::rsa("stranger");
    for _ in 0..3 {
        assert_eq!(status(&server, &stranger.sign(Algorithm::RS256, &claims)).await, 401);
        assert_eq!(issuer.fetches(), 2);
    }
    // After a failed fetch a new key is not known at once, but soon.
    let next = Signer::rsa("next");
    issuer.publish(&next);
    let token = next.sign(Algorithm::RS256, &claims);
    assert_eq!(status(&server, &token).await, 401);
    let mut answered = 401;
    for _ in 0..60 {
        answered = status(&server, &token).await;
        if answered == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    assert_eq!((answered, issuer.fetches()), (200, 3));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_key_can_be_fetched_a_retry_is_asked_for() {
    let issuer = Issuer::start().await;
    let settings = [("AWE__KEYCLOAK__JWKS_URL", "http://127.0.0.1:1/certs")];
    let server = trusting(&issuer, &settings).await;
    let token = issuer.rsa.sign(Algorithm::RS256, &Claims::new(&issuer.url()));
    let call = server.request(crate::server::Who::Nobody, Method::GET, "/policies").bearer_auth(&token);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["errorCode"], "AWE-007");
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("retry is safe"));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_admin_who_says_so_twice_gets_a_configuration_file_with_all_but_the_master_keys() {
    let issuer = Issuer::start().await;
    let planted = [
        ("AWE__CREDENTIALS__TRUE__TYPE", "bearer"),
        ("AWE__CREDENTIALS__TRUE__TOKEN", "planted-bearer"),
        ("AWE__GATE__OAUTH2_CLIENT_SECRET", "planted's \"${client}\""),
        ("AWE__GATE__OAUTH2_TOKEN_URL", "https://user:planted-user@id.example.org/token?key=planted-query"),
    ];
    let server = trusting(&issuer, &planted).await;
    let claims = Claims::new(&issuer.url()).with("realm_access", json!({"roles": ["AWE_ADMIN"]}));
    let token = issuer.rsa.sign(Algorithm::RS256, &claims);
    let get = async |path: &str| {
        let call = server.request(crate::server::Who::Nobody, Method::GET, path).bearer_auth(&token);
        call.send().await.unwrap().text().await.unwrap()
    };
    let export = async |query: &str| get(&format!("/admin/system-config/export?{query}")).await;
    let confirmed = "include_sensitive=true&confirm_sensitive_export=true";
    for format in ["yaml", "json"] {
        let text = export(&format!("format={format}&{confirmed}")).await;
        assert!(!text.contains(MASTER_KEY.1), "{text}");
        let file = std::env::temp_dir().join(format!("awe-export-{}.yaml", uuid::Uuid::now_v7()));
        std::fs::write(&file, text).unwrap();
        let key = [(MASTER_KEY.0.to_owned(), MASTER_KEY.1.to_owned())];
        let loaded = awe::config::load_from(Some(&file), key);
        std::fs::remove_file(&file).unwrap();
        let (loaded, config) = (loaded.unwrap(), server.state.config());
        assert_eq!(loaded.public(), config.public(), "{format}");
        assert_eq!(loaded.gate.oauth2_client_secret.expose_secret(), planted[2].1);
        assert_eq!(loaded.gate.oauth2_token_url, planted[3].1);
        assert_eq!(loaded.database.url.expose_secret(), config.database.url.expose_secret());
        assert_eq!(format!("{loaded:?}"), format!("{config:?}"), "{format}");
    }
    let env = export(&format!("format=env&{confirmed}")).await;
    assert!(env.contains(r#"AWE__GATE__OAUTH2_CLIENT_SECRET='planted'\''s "${client}"'"#), "{env}");
    let rows: Value = serde_json::from_str(&get("/admin/audit?limit=1").await).unwrap();
    assert_eq!(rows[0]["summary"], "exported the configuration as env, with secrets");
    let masked = export("format=yaml").await;
    assert!(!masked.contains("planted"), "{masked}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_secret_is_named_by_tokens_of_the_clients_that_it_is_shared_with() {
    let issuer = Issuer::start().await;
    let server = trusting(&issuer, &[("AWE__CREDENTIALS__HOOKS__TYPE", "none")]).await;
    let token = |subject: &str, azp: Value, roles: &[&str]| {
        let claims = Claims::new(&issuer.url()).with("sub", json!(subject)).with("azp", azp);
        issuer.rsa.sign(Algorithm::RS256, &claims.with("realm_access", json!({"roles": roles})))
    };
    let admin = token("admin", json!(null), &["AWE_ADMIN"]);
    let call = async |token: &str, method: Method, path: &str, body: Value| {
        let call = server.request(crate::server::Who::Nobody, method, path).bearer_auth(token).json(&body);
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let secrets = "/admin/callback-secrets";
    let policy = crate::flow::policy("demo.v1", &["amina"], 1);
    assert_eq!(call(&admin, Method::POST, "/policies", policy).await.0, 201);
    assert_eq!(call(&admin, Method::POST, "/policies/demo.v1/versions/1/activate", json!({})).await.0, 200);
    let new = json!({"caller_service": "registry", "clients": ["registry-ui", "registry-ui"]});
    let (status, secret) = call(&admin, Method::POST, secrets, new).await;
    assert_eq!((status, &secret["clients"]), (201, &json!(["registry-ui"])), "{secret}");
    let mut body = crate::flow::request("demo.v1");
    body["callback_secret_id"] = secret["id"].clone();
    let create = async |token: String| call(&token, Method::POST, "/requests", body.clone()).await.0;
    let shared = async || {
        [
            create(token("registry", json!("other"), &[])).await,
            create(token("somebody", json!("registry-ui"), &[])).await,
            create(token("somebody", json!("other"), &[])).await,
            create(token("somebody", json!(null), &[])).await,
            create(token("registry-ui", json!(["registry-ui"]), &[])).await,
        ]
    };
    assert_eq!(shared().await, [201, 201, 400, 400, 400]);

    let path = format!("{secrets}/{}", secret["id"].as_str().unwrap());
    let change = async |body: Value| call(&admin, Method::PATCH, &path, body).await;
    assert_eq!(change(json!({"clients": ["*"]})).await.1["clients"], json!(["*"]));
    assert_eq!(shared().await, [201; 5]);
    assert_eq!(change(json!({"credential": "hooks"})).await.0, 409, "anybody could have it sent anywhere");
    assert_eq!(change(json!({"credential": "hooks", "clients": ["*"]})).await.0, 409);
    let both = json!({"caller_service": "x", "credential": "hooks", "clients": ["*"]});
    assert_eq!(call(&admin, Method::POST, secrets, both).await.0, 422);
    let (status, changed) = change(json!({"credential": "hooks", "clients": ["ui"]})).await;
    assert_eq!((status, &changed["credential"], &changed["clients"]), (200, &json!("hooks"), &json!(["ui"])));
    assert_eq!(change(json!({"clients": []})).await.1["credential"], "hooks", "what is not given stays");
    assert_eq!(shared().await, [201, 400, 400, 400, 400]);
    for bad in [json!({}), json!({"clients": [""]}), json!({"clients": [" ui"]}), json!({"clients": "ui"})] {
        assert_eq!(change(bad.clone()).await.0, 422, "{bad}");
    }
    let (_, listed) = call(&admin, Method::GET, secrets, json!(null)).await;
    assert_eq!(listed[0]["clients"], json!([]));
    server.end().await;
}
