//! The admission gate and the registration webhook around writes: a real gate, a real token endpoint, a real
//! receiver, and what is in the database afterwards.

use crate::flow::{activate, policy, request};
use crate::receiver::{Asked, Said, Server as Receiver, always, nobody, say, silence, stall};
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SECRETS: &str = "/admin/callback-secrets";

async fn gated(gate: &str, more: &[(&str, &str)]) -> Server {
    let own = [("REGISTRATION_GATE_ENABLED", "true"), ("REGISTRATION_GATE_URL", gate)];
    let settings: Vec<_> = own.iter().chain(more).copied().collect();
    Server::start(&settings).await
}

/// The questions that the gate was asked, without those of the check at the start.
fn questions(gate: &Receiver) -> Vec<Value> {
    let posts = gate.asked().into_iter().filter(|asked| asked.method == Method::POST);
    posts.map(|asked| serde_json::from_str(&asked.body).unwrap()).collect()
}

/// Asset type, operation, route, and the call itself.
type Write = (&'static str, &'static str, &'static str, Method, String, Option<Value>);

/// Every write that the gate is asked about by default, in an order in which each can be done.
fn writes() -> [Write; 5] {
    let body = || Some(policy("demo.v1", &["amina"], 1));
    let version = "/policies/demo.v1/versions/1";
    [
        ("policy", "create", "/policies", Method::POST, "/policies".to_owned(), body()),
        (
            "policy",
            "update",
            "/policies/{policy_key}/versions/{version}",
            Method::PATCH,
            version.to_owned(),
            body(),
        ),
        (
            "policy",
            "activate",
            "/policies/{policy_key}/versions/{version}/activate",
            Method::POST,
            format!("{version}/activate"),
            None,
        ),
        (
            "policy",
            "add_version",
            "/policies/{policy_key}",
            Method::PUT,
            "/policies/demo.v1".to_owned(),
            body(),
        ),
        (
            "callback_secret",
            "create",
            SECRETS,
            Method::POST,
            SECRETS.to_owned(),
            Some(json!({"caller_service": "caller", "secret": "a planted secret of 24 bytes"})),
        ),
    ]
}

/// Everything in the database that a gated write could have changed.
async fn written(server: &Server) -> Value {
    let (_, policies) = server.get(Who::Admin, "/policies").await;
    let (_, versions) = server.get(Who::Admin, "/policies/demo.v1/versions").await;
    let (_, secrets) = server.get(Who::Admin, SECRETS).await;
    let (_, audit) = server.get(Who::Admin, "/admin/audit?limit=100").await;
    let (_, requests) = server.get(Who::Admin, "/requests").await;
    let versions = if versions.is_array() { versions } else { Value::Null };
    json!([policies, versions, secrets, audit, requests])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_is_asked_before_every_write_and_shown_no_secret() {
    let gate = Receiver::start(always(say(200, ""))).await;
    let server = gated(&format!("{}/gate?tenant=1", gate.url), &[]).await;
    for (n, (asset, operation, route, method, path, body)) in writes().into_iter().enumerate() {
        let mut call = server.request(Who::Admin, method, &path).header("x-api-key", "planted");
        if let Some(body) = &body {
            call = call.json(body);
        }
        let status = call.header("x-request-id", "r-1").send().await.unwrap().status().as_u16();
        assert!(matches!(status, 200 | 201), "{asset} {operation}: {status}");
        let questions = questions(&gate);
        assert_eq!(questions.len(), n + 1, "{asset} {operation}");
        let asked = &questions[n];
        assert_eq!((&asked["asset_type"], &asked["operation"]), (&json!(asset), &json!(operation)));
        assert_eq!(asked["source_api"], format!("/v1/awe{route}"));
        let name = if asset == "policy" { "policy_key" } else { "caller_service" };
        assert!(asked["registration_payload"][name].is_string(), "{asked}");
        assert_eq!(asked["request_headers"]["x-request-id"], "r-1");
        assert!(asked["request_headers"]["host"].is_string());
        let text = asked.to_string();
        assert!(!text.contains("planted") && !text.contains("authorization"), "{text}");
    }
    let stages = |n: usize| questions(&gate)[n]["registration_payload"]["stages"][0]["name"].clone();
    assert_eq!((stages(0), stages(2)), (json!("First"), json!("First")), "an activation shows the policy");
    assert!(gate.asked().iter().all(|asked| asked.target.ends_with("/gate?tenant=1")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_is_asked_before_a_secret_gets_another_credential() {
    let closed = Arc::new(AtomicBool::new(false));
    let is_closed = Arc::clone(&closed);
    let gate =
        Receiver::start(move |_| say(if is_closed.load(Ordering::SeqCst) { 403 } else { 200 }, "")).await;
    let server = gated(&gate.url, &[("AWE__CREDENTIALS__HOOKS__TYPE", "none")]).await;
    let (_, secret) = server.post(Who::Admin, SECRETS, json!({"caller_service": "caller"})).await;
    let path = format!("{SECRETS}/{}", secret["id"].as_str().unwrap());
    let change = async |path: &str, name: Value| {
        server.call(Who::Admin, Method::PATCH, path, Some(&json!({"credential": name}))).await
    };
    let (status, changed) = change(&path, json!("hooks")).await;
    assert_eq!((status, &changed["credential"]), (200, &json!("hooks")));
    let asked = &questions(&gate)[1];
    assert_eq!((&asked["asset_type"], &asked["operation"]), (&json!("callback_secret"), &json!("update")));
    assert_eq!(asked["source_api"], "/v1/awe/admin/callback-secrets/{secret_id}");
    assert_eq!(asked["registration_payload"]["caller_service"], "caller");

    closed.store(true, Ordering::SeqCst);
    let (status, denied) = change(&path, Value::Null).await;
    assert_eq!((status, &denied["errors"][0]["errorCode"]), (403, &json!("AWE-011")));
    assert_eq!(server.get(Who::Admin, SECRETS).await.1[0]["credential"], "hooks");
    // The gate is not asked about a write that is refused anyway.
    assert_eq!(change(&path, json!("nosuch")).await.0, 422);
    let unknown = format!("{SECRETS}/0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10");
    assert_eq!(change(&unknown, Value::Null).await.0, 404);
    assert_eq!(questions(&gate).len(), 3);
    server.end().await;
}

/// Changes a draft while the gate is asked about its activation.
fn change_draft(database: &str) {
    let database = database.to_owned();
    let change = async move {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&database).await.unwrap();
        let sql = "update approver_rule set rule_value = '{\"user_id\": \"mallory\"}'";
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    };
    let elsewhere = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(change);
    });
    elsewhere.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_changed_while_the_gate_judges_it_is_not_activated() {
    let changes = Arc::new(std::sync::Mutex::new(None::<String>));
    let next = Arc::clone(&changes);
    let gate = Receiver::answering(move |_, asked: &Asked| {
        if asked.body.contains("\"activate\"")
            && let Some(database) = next.lock().unwrap().take()
        {
            change_draft(&database);
        }
        say(200, "")
    })
    .await;
    let server = gated(&gate.url, &[]).await;
    assert_eq!(server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1)).await.0, 201);
    *changes.lock().unwrap() = Some(server.database_url());
    let activate = "/policies/demo.v1/versions/1/activate";
    let (status, refused) = server.call(Who::Admin, Method::POST, activate, None).await;
    assert_eq!((status, &refused["errors"][0]["errorCode"]), (409, &json!("AWE-007")), "{refused}");
    assert_eq!(server.get(Who::Admin, "/policies").await.1[0]["status"], "draft");
    let (status, active) = server.call(Who::Admin, Method::POST, activate, None).await;
    assert_eq!((status, &active["status"]), (200, &json!("active")), "judged as it is now");
    let judged = questions(&gate).pop().unwrap();
    assert_eq!(judged["registration_payload"]["stages"][0]["rules"][0]["rule_value"]["user_id"], "mallory");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_is_not_asked_about_anything_else() {
    let gate = Receiver::start(always(say(200, ""))).await;
    let server = gated(&gate.url, &[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let (_, secret) = server.post(Who::Admin, SECRETS, json!({"caller_service": "caller"})).await;
    let before = questions(&gate).len();
    let id = secret["id"].as_str().unwrap();
    let (status, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    assert_eq!(status, 201, "{created}");
    let task = created["tasks"][0]["id"].as_str().unwrap();
    let version = "/policies/demo.v1/versions/1";
    for (path, body, expected) in [
        (format!("{version}/simulate"), json!({}), 200),
        (format!("/tasks/{task}/decision"), json!({"action": "approve"}), 201),
        (format!("{version}/deactivate"), json!({}), 200),
        (format!("{SECRETS}/{id}/rotate"), json!({"grace_hours": 1}), 201),
    ] {
        let (status, answer) = server.post(Who::Admin, &path, body).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    assert_eq!(server.call(Who::Admin, Method::DELETE, &format!("{SECRETS}/{id}"), None).await.0, 204);
    assert_eq!(questions(&gate).len(), before);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_asked_about_when_that_is_switched_on_and_replays_are_not() {
    let closed = Arc::new(AtomicBool::new(false));
    let is_closed = Arc::clone(&closed);
    let gate =
        Receiver::start(move |_| say(if is_closed.load(Ordering::SeqCst) { 403 } else { 200 }, "")).await;
    let server = gated(&gate.url, &[("REGISTRATION_GATE_REQUESTS", "true")]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let create = async |key: &str| {
        let call = server.request(Who::User("caller"), Method::POST, "/requests");
        let answer = call.header("Idempotency-Key", key).json(&request("demo.v1")).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!((create("k1").await, create("k1").await), (201, 201));
    let asked = questions(&gate);
    let last = asked.last().unwrap();
    assert_eq!((asked.len(), &last["asset_type"]), (3, &json!("request")));
    assert_eq!((&last["operation"], &last["source_api"]), (&json!("create"), &json!("/v1/awe/requests")));
    assert_eq!(last["registration_payload"]["context"], json!({"amount": 7}));
    closed.store(true, Ordering::SeqCst);
    assert_eq!((create("k1").await, create("k2").await), (201, 403));
    assert_eq!(server.get(Who::Admin, "/requests").await.1.as_array().unwrap().len(), 1);
    server.end().await;
}

/// A gate that admits until it is told to deny.
struct Denial {
    name: &'static str,
    gate: String,
    settings: Vec<(&'static str, String)>,
    reason: &'static str,
    _gate: Option<Receiver>,
    _idp: Option<Receiver>,
}

impl Denial {
    async fn of(name: &'static str, said: Said, reason: &'static str) -> Self {
        let gate = Receiver::start(always(said)).await;
        Self { name, gate: gate.url.clone(), settings: Vec::new(), reason, _gate: Some(gate), _idp: None }
    }

    async fn every_kind() -> Vec<Self> {
        let reserved = r#"{"status":"denied","error":"Name is reserved"}"#;
        let mut all = vec![
            Self::of("by policy", say(403, reserved), "Name is reserved").await,
            Self::of("by policy, silently", say(403, ""), "denied by policy").await,
            Self::of("for a status", say(204, ""), "unavailable after 1 attempts (fail-closed)").await,
        ];
        all.push(Self {
            gate: nobody().await,
            _gate: None,
            ..Self::of("without a gate", say(200, ""), "unavailable after 1 attempts (fail-closed)").await
        });
        let idp = Receiver::start(always(say(401, r#"{"error":"invalid_client"}"#))).await;
        let reason = "authentication failed: no OAuth2 token could be acquired";
        let mut tokenless = Self::of("without a token", say(200, ""), reason).await;
        tokenless.settings = oauth2(&idp);
        tokenless._idp = Some(idp);
        all.push(tokenless);
        all
    }
}

fn oauth2(idp: &Receiver) -> Vec<(&'static str, String)> {
    vec![
        ("REGISTRATION_GATE_AUTH_TYPE", "OAuth2_Client_Credentials".to_owned()),
        ("REGISTRATION_GATE_OAUTH2_TOKEN_URL", idp.url.clone()),
        ("REGISTRATION_GATE_OAUTH2_CLIENT_ID", "gate-client-0001".to_owned()),
        ("REGISTRATION_GATE_OAUTH2_CLIENT_SECRET", "planted-client-secret".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_and_nobody_told_after_any_kind_of_denial() {
    for denial in Denial::every_kind().await {
        let told = Receiver::start(always(say(200, ""))).await;
        let mut settings: Vec<(&str, &str)> =
            vec![("REGISTRATION_GATE_MAX_RETRIES", "0"), ("REGISTRATION_WEBHOOK_URL", &told.url)];
        settings.extend(denial.settings.iter().map(|(key, value)| (*key, value.as_str())));
        let server = gated(&denial.gate, &settings).await;
        // What the later writes need is written past the gate.
        let create = policy("demo.v1", &["amina"], 1);
        let before = written(&server).await;
        for (asset, operation, _, method, path, body) in writes() {
            if !matches!((asset, operation), ("policy", "create") | ("callback_secret", _)) {
                continue;
            }
            refused(&server, &denial, method, &path, body.as_ref()).await;
        }
        assert_eq!(written(&server).await, before, "{}", denial.name);
        server.seed_policy(&create).await;
        let before = written(&server).await;
        for (_, _, _, method, path, body) in writes().into_iter().skip(1) {
            refused(&server, &denial, method, &path, body.as_ref()).await;
        }
        assert_eq!(written(&server).await, before, "{}", denial.name);
        assert!(told.asked().is_empty(), "{}", denial.name);
        server.end().await;
    }
}

async fn refused(server: &Server, denial: &Denial, method: Method, path: &str, body: Option<&Value>) {
    let (status, answer) = server.call(Who::Admin, method.clone(), path, body).await;
    let error = &answer["errors"][0];
    let at = format!("{} {method} {path}: {answer}", denial.name);
    assert_eq!((status, &error["errorCode"]), (403, &json!("AWE-011")), "{at}");
    assert_eq!(error["message"], format!("denied by policy gate: {}", denial.reason), "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_client_secret_reaches_the_identity_provider_once_and_the_gate_never() {
    let idp = Receiver::start(always(say(401, r#"{"error":"invalid_client"}"#))).await;
    let gate = Receiver::start(always(say(200, ""))).await;
    let settings = oauth2(&idp);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let server = gated(&gate.url, &settings).await;
    until(|| !idp.asked().is_empty()).await;
    let before = idp.asked().len();
    let (status, answer) = server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1)).await;
    assert_eq!((status, &answer["errors"][0]["errorCode"]), (403, &json!("AWE-011")), "{answer}");
    assert_eq!((idp.asked().len() - before, questions(&gate).len()), (1, 0));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_or_asks_for_nonsense_does_not_reach_the_gate() {
    let gate = Receiver::start(always(say(200, ""))).await;
    let server = gated(&gate.url, &[("REGISTRATION_GATE_REQUESTS", "true")]).await;
    let good = policy("demo.v1", &["amina"], 1);
    let mut invalid = good.clone();
    invalid["stages"][0]["mode_value"] = json!(0);
    let mut broken = good.clone();
    broken["stages"] = json!("none");
    let put = "/policies/other.v1";
    let short = json!({"caller_service": "caller", "secret": "short"});
    for (who, method, path, body, expected) in [
        (Who::Nobody, Method::POST, "/policies", &good, 401),
        (Who::Viewer, Method::POST, "/policies", &good, 403),
        (Who::User("somebody"), Method::PUT, put, &good, 403),
        (Who::Admin, Method::POST, "/policies", &invalid, 400),
        (Who::Admin, Method::POST, "/policies", &broken, 422),
        (Who::Admin, Method::PUT, put, &good, 400),
        (Who::Admin, Method::PATCH, "/policies/other.v1/versions/1", &good, 400),
        (Who::Admin, Method::POST, "/policies/nosuch/versions/1/activate", &json!({}), 404),
        (Who::Viewer, Method::POST, SECRETS, &short, 403),
        (Who::Admin, Method::POST, SECRETS, &short, 400),
        (Who::Nobody, Method::POST, "/requests", &request("demo.v1"), 401),
        (Who::User("caller"), Method::POST, "/requests", &json!({}), 422),
    ] {
        let (status, answer) = server.call(who, method.clone(), path, Some(body)).await;
        assert_eq!(status, expected, "{who:?} {method} {path}: {answer}");
        assert_ne!(answer["errors"][0]["errorCode"], "AWE-011");
    }
    assert!(questions(&gate).is_empty());
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_while_the_gate_thinks_leaves_nothing_behind() {
    // After the check at the start the gate leaves two questions unanswered and then admits, so a second attempt would
    // succeed.
    let gate = Receiver::start(|n| if n == 1 || n == 2 { silence() } else { say(200, "") }).await;
    let once_more = [("REGISTRATION_GATE_MAX_RETRIES", "1"), ("REGISTRATION_GATE_TIMEOUT_SECONDS", "1")];
    let server = gated(&gate.url, &once_more).await;
    until(|| gate.asked().len() == 1).await;
    {
        let call = server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1));
        let asked = until(|| questions(&gate).len() == 1);
        tokio::select! {
            _ = call => panic!("the gate does not answer"),
            () = asked => {}
        }
    }
    // This write takes as long and began later: once it is done, the other one would be too.
    let (status, _) = server.post(Who::Admin, "/policies", policy("other.v1", &["amina"], 1)).await;
    assert_eq!((status, questions(&gate).len()), (201, 3));
    let (_, policies) = server.get(Who::Admin, "/policies").await;
    assert_eq!((policies.as_array().unwrap().len(), &policies[0]["policy_key"]), (1, &json!("other.v1")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_body_never_ends_is_judged_by_its_status() {
    let gate = Receiver::start(always(stall(200, "{"))).await;
    let server = gated(&gate.url, &[]).await;
    assert_eq!(server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1)).await.0, 201);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_away_does_not_keep_the_server_from_starting() {
    let server = gated(&nobody().await, &[("REGISTRATION_GATE_MAX_RETRIES", "0")]).await;
    assert_eq!(server.get(Who::Nobody, "/health").await.0, 200);
    assert_eq!(server.get(Who::Nobody, "/config").await.1["response"]["gate"], json!({"enabled": true}));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registration_webhook_is_told_after_each_write() {
    let gate = Receiver::start(always(say(200, ""))).await;
    let told = Receiver::start(always(say(200, ""))).await;
    let settings = [
        ("REGISTRATION_WEBHOOK_URL", told.url.as_str()),
        ("REGISTRATION_WEBHOOK_AUTH_TOKEN", "t"),
        ("AWE__REGISTRATION_WEBHOOK__REQUESTS", "true"),
    ];
    let server = gated(&gate.url, &settings).await;
    let mut secret = Value::Null;
    for (_, _, _, method, path, body) in writes() {
        let (status, answer) = server.call(Who::Admin, method, &path, body.as_ref()).await;
        assert!(matches!(status, 200 | 201), "{answer}");
        secret = answer["id"].clone();
    }
    assert_eq!(server.post(Who::User("caller"), "/requests", request("demo.v1")).await.0, 201);
    let revoke = format!("{SECRETS}/{}", secret.as_str().unwrap());
    assert_eq!(server.call(Who::Admin, Method::DELETE, &revoke, None).await.0, 204);
    until(|| told.asked().len() == 7).await;
    let news: Vec<Asked> = told.asked();
    let read = |asked: &Asked| serde_json::from_str::<Value>(&asked.body).unwrap();
    let mut kinds: Vec<String> = news
        .iter()
        .map(read)
        .map(|news| {
            format!("{} {} by {}", news["registration_type"], news["event_type"], news["performed_by"])
        })
        .collect();
    kinds.sort();
    assert_eq!(
        kinds.join("\n").replace('"', ""),
        "callback_secret deletion by admin\ncallback_secret registration by admin\n\
         policy registration by admin\npolicy registration by admin\npolicy update by admin\n\
         policy update by admin\nrequest registration by caller"
    );
    assert!(news.iter().all(|asked| asked.header("authorization") == Some("Bearer t")));
    let all = news.iter().map(|asked| asked.body.as_str()).collect::<String>();
    assert!(!all.contains("planted") && !all.contains("whsec_"), "{all}");
    let first = |asked: &[Asked]| asked.iter().filter(|a| a.method == Method::POST).map(|a| a.at).min();
    assert!(first(&gate.asked()) < first(&news), "the gate is asked before the webhook is told");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_webhook_that_fails_is_not_felt() {
    let hanging = Receiver::start(always(silence())).await;
    for url in [nobody().await, hanging.url.clone()] {
        let server = Server::start(&[("REGISTRATION_WEBHOOK_URL", &url)]).await;
        assert_eq!(server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1)).await.0, 201);
        server.end().await;
    }
}

async fn until(mut happened: impl FnMut() -> bool) {
    let wait = async {
        while !happened() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::receiver::PATIENCE, wait).await.expect("it happens in time");
}
