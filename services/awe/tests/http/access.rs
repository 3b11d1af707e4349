//! Every route for every kind of caller. The table is complete: it is compared with the served `OpenAPI` document.

use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The least that a caller must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Token,
    Viewer,
    Admin,
}
use Needs::{Admin, Nothing, Token, Viewer};

const ROUTES: [(&str, &str, Needs); 42] = [
    ("get", "/v1/awe/health", Nothing),
    ("get", "/v1/awe/version", Nothing),
    ("get", "/v1/awe/config", Nothing),
    ("get", "/v1/awe/policies", Viewer),
    ("post", "/v1/awe/policies", Admin),
    ("put", "/v1/awe/policies/{policy_key}", Admin),
    ("get", "/v1/awe/policies/{policy_key}/versions", Viewer),
    ("get", "/v1/awe/policies/{policy_key}/versions/{version}", Viewer),
    ("patch", "/v1/awe/policies/{policy_key}/versions/{version}", Admin),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/activate", Admin),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/deactivate", Admin),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/simulate", Viewer),
    ("post", "/v1/awe/requests", Token),
    ("get", "/v1/awe/requests", Token),
    ("get", "/v1/awe/requests/{request_id}", Token),
    ("get", "/v1/awe/requests/{request_id}/events", Token),
    ("post", "/v1/awe/requests/{request_id}/cancel", Token),
    ("get", "/v1/awe/tasks", Token),
    ("get", "/v1/awe/tasks/stats", Token),
    ("post", "/v1/awe/tasks/{task_id}/claim", Token),
    ("post", "/v1/awe/tasks/{task_id}/decision", Token),
    ("post", "/v1/awe/tasks/{task_id}/reassign", Admin),
    ("get", "/v1/awe/delegations", Token),
    ("post", "/v1/awe/delegations", Token),
    ("delete", "/v1/awe/delegations/{delegation_id}", Token),
    ("get", "/v1/awe/admin/deliveries", Viewer),
    ("get", "/v1/awe/admin/deliveries/{delivery_id}/attempts", Viewer),
    ("post", "/v1/awe/admin/deliveries/{delivery_id}/retry", Admin),
    ("post", "/v1/awe/admin/deliveries/retry", Admin),
    ("get", "/v1/awe/admin/audit", Viewer),
    ("get", "/v1/awe/admin/system-config", Viewer),
    ("get", "/v1/awe/admin/directory/users", Viewer),
    ("get", "/v1/awe/admin/directory/roles", Viewer),
    ("get", "/v1/awe/admin/directory/groups", Viewer),
    ("get", "/v1/awe/admin/directory/clients", Viewer),
    ("get", "/v1/awe/admin/callback-secrets", Admin),
    ("post", "/v1/awe/admin/callback-secrets", Admin),
    ("patch", "/v1/awe/admin/callback-secrets/{secret_id}", Admin),
    ("post", "/v1/awe/admin/callback-secrets/{secret_id}/rotate", Admin),
    ("post", "/v1/awe/admin/callback-secrets/{secret_id}/ping", Admin),
    ("delete", "/v1/awe/admin/callback-secrets/{secret_id}", Admin),
    ("get", "/v1/awe/openapi.json", Nothing),
];

const UNKNOWN: &str = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";

fn filled(path: &str) -> String {
    let mut filled = path.replace("{policy_key}", "nosuch").replace("{version}", "1");
    for id in ["request_id", "task_id", "delegation_id", "delivery_id", "secret_id"] {
        filled = filled.replace(&format!("{{{id}}}"), UNKNOWN);
    }
    filled.strip_prefix("/v1/awe").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let server = Server::start(&[]).await;
    for (method, path, needs) in ROUTES {
        for who in [Who::Nobody, Who::User("somebody"), Who::Viewer, Who::Admin] {
            // An empty object is refused by whatever wants a body, and only after the caller was let in.
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = (method != Method::GET).then(|| json!({}));
            let (status, answer) = server.call(who, method.clone(), &filled(path), body.as_ref()).await;
            let let_in = match needs {
                Nothing => true,
                Token => who != Who::Nobody,
                Viewer => matches!(who, Who::Viewer | Who::Admin),
                Admin => who == Who::Admin,
            };
            let at = format!("{method} {path} as {who:?}: {status} {answer}");
            // Without a directory there is nothing to choose from.
            assert!(status < 500 || (status == 503 && path.contains("/directory/")), "{at}");
            match (let_in, who) {
                (true, _) => assert!(status != 401 && status != 403, "{at}"),
                (false, Who::Nobody) => assert_eq!(status, 401, "{at}"),
                (false, _) => assert_eq!(status, 403, "{at}"),
            }
            if !let_in {
                assert_eq!(answer["errors"][0]["errorCode"], "AWE-008", "{at}");
            }
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_above_names_every_route_of_the_document() {
    let server = Server::start(&[]).await;
    let (_, document) = server.get(Who::Nobody, "/openapi.json").await;
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((method.clone(), path.clone()));
            let is_open = operation["security"] == json!([]) || operation["security"] == json!([{}]);
            let known = ROUTES.iter().find(|(m, p, _)| m == method && p == path);
            assert!(known.is_none_or(|(.., needs)| is_open == (*needs == Nothing)), "{method} {path}");
        }
    }
    let tested: BTreeSet<(String, String)> = ROUTES
        .iter()
        .filter(|(_, path, _)| !path.ends_with("openapi.json"))
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described, tested);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_served_from_here() {
    let server = Server::start(&[]).await;
    for path in ["/docs/", "/redoc", "/redoc/redoc.standalone.js"] {
        let answer = server.send(Who::Nobody, Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        assert!(!text.is_empty());
        if path == "/redoc" {
            assert!(!text.contains("https://"), "{path} asks another server");
        }
    }
    let home = reqwest::get(format!("{}/", server.url)).await.unwrap();
    assert_eq!(home.status(), 200);
    let config: Value = server.get(Who::Nobody, "/config").await.1;
    assert_eq!(config["response"]["auth_mode"], "development");
    assert!(!config.to_string().contains("postgres"));
    server.end().await;
}
