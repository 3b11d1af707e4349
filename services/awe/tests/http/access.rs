//! Every route for every kind of caller. The table is complete: it is compared with the router itself, and with the
//! served `OpenAPI` document.

use crate::flow::{activate, policy, request};
use crate::receiver::{Server as Receiver, say};
use crate::server::{Server, Who};
use reqwest::{Method, header};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a caller must be, at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Token,
    Viewer,
    Admin,
    /// The subject that created the request, or an administrator.
    Creator,
    /// The assignee of the task, or an administrator.
    Assignee,
    /// Whose delegation it is, or an administrator.
    Own,
}
use Needs::{Admin, Assignee, Creator, Nothing, Own, Token, Viewer};

/// Every kind of caller. Requests are `creator`'s, tasks and delegations `assignee`'s.
const CALLERS: [Who; 7] = [
    Who::Nobody,
    Who::WrongRole,
    Who::User("other"),
    Who::User("assignee"),
    Who::User("creator"),
    Who::Viewer,
    Who::Admin,
];

const ROUTES: &[(&str, &str, Needs)] = &[
    ("get", "/v1/awe/health", Nothing),
    ("get", "/v1/awe/health/live", Nothing),
    ("get", "/v1/awe/health/ready", Nothing),
    ("get", "/v1/awe/health/startup", Nothing),
    ("get", "/v1/awe/version", Nothing),
    ("get", "/v1/awe/config", Nothing),
    ("get", "/v1/awe/me", Token),
    ("get", "/v1/awe/policies", Viewer),
    ("post", "/v1/awe/policies", Admin),
    ("post", "/v1/awe/policies/validate", Viewer),
    ("put", "/v1/awe/policies/{policy_key}", Admin),
    ("get", "/v1/awe/policies/{policy_key}/versions", Viewer),
    ("get", "/v1/awe/policies/{policy_key}/versions/{version}", Viewer),
    ("patch", "/v1/awe/policies/{policy_key}/versions/{version}", Admin),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/activate", Admin),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/deactivate", Admin),
    ("get", "/v1/awe/policies/{policy_key}/versions/{version}/diff", Viewer),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/simulate", Viewer),
    ("post", "/v1/awe/policies/{policy_key}/versions/{version}/replay", Viewer),
    ("post", "/v1/awe/requests", Token),
    ("get", "/v1/awe/requests", Token),
    ("get", "/v1/awe/requests/{request_id}", Token),
    ("get", "/v1/awe/requests/{request_id}/evidence", Viewer),
    ("get", "/v1/awe/requests/{request_id}/progress", Token),
    ("get", "/v1/awe/requests/{request_id}/events", Token),
    ("post", "/v1/awe/requests/{request_id}/cancel", Creator),
    ("get", "/v1/awe/events", Token),
    ("get", "/v1/awe/stream", Token),
    ("get", "/v1/awe/tasks", Token),
    ("get", "/v1/awe/tasks/stats", Token),
    ("get", "/v1/awe/tasks/{task_id}", Token),
    ("post", "/v1/awe/tasks/{task_id}/claim", Assignee),
    ("post", "/v1/awe/tasks/{task_id}/decision", Assignee),
    ("post", "/v1/awe/tasks/decisions", Token),
    ("post", "/v1/awe/tasks/{task_id}/reassign", Admin),
    ("get", "/v1/awe/delegations", Token),
    ("post", "/v1/awe/delegations", Token),
    ("delete", "/v1/awe/delegations/{delegation_id}", Own),
    ("get", "/v1/awe/stats/overview", Viewer),
    ("get", "/v1/awe/admin/endpoints", Viewer),
    ("get", "/v1/awe/admin/health", Viewer),
    ("get", "/v1/awe/admin/deliveries", Viewer),
    ("get", "/v1/awe/admin/deliveries/{delivery_id}/attempts", Viewer),
    ("post", "/v1/awe/admin/deliveries/{delivery_id}/retry", Admin),
    ("post", "/v1/awe/admin/deliveries/retry", Admin),
    ("get", "/v1/awe/admin/audit", Viewer),
    ("get", "/v1/awe/admin/log-level", Viewer),
    ("put", "/v1/awe/admin/log-level", Admin),
    ("get", "/v1/awe/admin/system-config", Viewer),
    ("get", "/v1/awe/admin/system-config/export", Admin),
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
    ("get", "/v1/awe/policy.schema.json", Nothing),
];

const UNKNOWN: &str = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";

impl Needs {
    fn lets_in(self, who: Who) -> bool {
        match self {
            Nothing => true,
            Token => who != Who::Nobody,
            Viewer => matches!(who, Who::Viewer | Who::Admin),
            Admin => who == Who::Admin,
            Creator => matches!(who, Who::User("creator") | Who::Admin),
            Assignee | Own => matches!(who, Who::User("assignee") | Who::Admin),
        }
    }
}

/// A request of `creator` with a task of `assignee`, and a past delegation of theirs. They are made anew for each call, so
/// that no call meets the effects of another.
struct Things {
    request: String,
    task: String,
    delegation: String,
}

impl Things {
    async fn make(server: &Server) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (status, made) = server.post(Who::User("creator"), "/requests", request("access.v1")).await;
        assert_eq!(status, 201, "{made}");
        let window = json!({"user_id": "assignee", "delegate_to": "deputy",
            "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2021-01-01T00:00:00Z"});
        let (status, away) = server.post(Who::Admin, "/delegations", window).await;
        assert_eq!(status, 201, "{away}");
        Self {
            request: text(&made["request_id"]),
            task: text(&made["tasks"][0]["id"]),
            delegation: text(&away["id"]),
        }
    }

    fn fill(&self, path: &str) -> String {
        let filled = path
            .replace("{request_id}", &self.request)
            .replace("{task_id}", &self.task)
            .replace("{delegation_id}", &self.delegation)
            .replace("{policy_key}", "nosuch")
            .replace("{version}", "1")
            .replace("{delivery_id}", UNKNOWN)
            .replace("{secret_id}", UNKNOWN);
        filled.strip_prefix("/v1/awe").unwrap().to_owned()
    }
}

/// A staff directory that knows nobody.
async fn empty_directory() -> Receiver {
    Receiver::answering(|_, asked| match asked.target.as_str() {
        target if target.starts_with("/admin/realms/staff/") => say(200, "[]"),
        target if target.ends_with("/token") => say(200, r#"{"access_token":"t","expires_in":300}"#),
        _ => say(404, ""),
    })
    .await
}

/// A body with which a call gets as far as the check of its caller. Where an empty object is refused, that happens after
/// the check.
fn body(method: &Method, path: &str) -> Option<Value> {
    match path.rsplit('/').next() {
        _ if *method == Method::GET => None,
        Some("decision") => Some(json!({"action": "approve"})),
        Some("reassign") => Some(json!({"new_assignee": "deputy"})),
        _ => Some(json!({})),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let directory = empty_directory().await;
    let url = directory.url.replace("/path", "");
    let settings = [("AWE__KEYCLOAK__BASE_URL", &*url), ("AWE__KEYCLOAK__ADMIN_CLIENT_SECRET", "s")];
    let server = Server::start(&settings).await;
    activate(&server, &policy("access.v1", &["assignee"], 1)).await;
    for (method, path, needs) in ROUTES {
        let method: Method = method.to_uppercase().parse().unwrap();
        for who in CALLERS {
            let filled = Things::make(&server).await.fill(path);
            let body = body(&method, path);
            let (status, answer) = server.call(who, method.clone(), &filled, body.as_ref()).await;
            let at = format!("{method} {path} as {who:?}: {status} {answer}");
            assert!(status < 500, "{at}");
            match (needs.lets_in(who), who) {
                (true, _) => assert!(status != 401 && status != 403, "{at}"),
                (false, Who::Nobody) => assert_eq!(status, 401, "{at}"),
                (false, _) => assert_eq!(status, 403, "{at}"),
            }
            if !needs.lets_in(who) {
                assert_eq!(answer["errors"][0]["errorCode"], "AWE-008", "{at}");
            } else if matches!(needs, Creator | Assignee | Own) {
                assert!(status < 300, "what is theirs they may do: {at}");
            }
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_above_names_every_route_of_the_router() {
    let server = Server::start(&[]).await;
    let mut tested: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (method, path, _) in ROUTES {
        tested.entry(path).or_default().insert(method.to_uppercase());
    }
    let pages = ["/v1/awe/docs", "/v1/awe/redoc"];
    let routes: BTreeSet<&str> = awe::routes::paths()
        .into_iter()
        .filter(|path| !pages.iter().any(|page| path.starts_with(page)))
        .collect();
    assert_eq!(routes, tested.keys().copied().collect());
    for (path, methods) in tested {
        let filled = path.replace(['{', '}'], "").replace("/v1/awe", "");
        let refused = server.send(Who::Nobody, Method::TRACE, &filled, None).await;
        assert_eq!(refused.status(), 405, "{path}");
        let allowed = refused.headers()[header::ALLOW].to_str().unwrap();
        let allowed: BTreeSet<String> = allowed
            .split(',')
            .map(|method| method.trim().to_owned())
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!(allowed, methods, "{path}");
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
        .filter(|(_, path, _)| !path.ends_with("openapi.json") && !path.ends_with("schema.json"))
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described, tested);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_served_from_here() {
    let server = Server::start(&[]).await;
    for path in ["/docs", "/docs/", "/docs/swagger-ui-bundle.js", "/redoc", "/redoc/redoc.standalone.js"] {
        let answer = server.send(Who::Nobody, Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        assert!(!text.is_empty());
        assert_eq!(path.starts_with("/docs") && text.contains("<base"), matches!(path, "/docs" | "/docs/"));
        if path == "/redoc" {
            assert!(!text.contains("https://"), "{path} asks another server");
        }
    }
    assert_eq!(server.get(Who::Nobody, "/docs/nosuch.js").await.0, 404);
    let initializer = server.send(Who::Nobody, Method::GET, "/docs/swagger-initializer.js", None).await;
    assert!(initializer.text().await.unwrap().contains("/v1/awe/openapi.json"));
    let home = reqwest::get(format!("{}/", server.url)).await.unwrap();
    assert_eq!(home.status(), 200);
    let config: Value = server.get(Who::Nobody, "/config").await.1;
    assert_eq!(config["response"]["auth_mode"], "development");
    let sign_in = json!({"issuer": null, "client_id": null, "development": true});
    assert_eq!(config["response"]["sign_in"], sign_in);
    assert!(!config.to_string().contains("postgres"));
    server.end().await;
}
