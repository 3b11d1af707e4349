//! `Idempotency-Key` on every POST that changes something: done once, answered as the first time, whatever fails.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

/// A call that changes something, and can be made once.
#[derive(Debug, Clone)]
struct Call {
    who: Who,
    path: String,
    body: Value,
}

#[derive(Debug, PartialEq)]
struct Said {
    status: u16,
    replayed: bool,
    body: Value,
}

async fn say(server: &Server, key: &str, call: &Call) -> Said {
    let sent =
        server.request(call.who, Method::POST, &call.path).header("Idempotency-Key", key).json(&call.body);
    let answer = sent.send().await.unwrap();
    let replayed = answer.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
    let status = answer.status().as_u16();
    Said { status, replayed, body: answer.json().await.unwrap() }
}

/// Everything that the calls below write, but for keys.
async fn effects(server: &Server) -> i64 {
    let mut connection = PgConnection::connect(&server.database_url()).await.unwrap();
    let counted = sqlx::query_scalar(
        "select (select count(*) from audit_action) + (select count(*) from approval_event)
             + (select count(*) from approval_decision) + (select count(*) from user_delegation)
             + (select count(*) from callback_secret) + (select count(*) from approval_policy)",
    );
    let counted: i64 = counted.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    counted
}

/// Makes writing keys fail, as it does when a process dies before it has: `when` names the rows.
async fn fail_to_note(server: &Server, event: &str, when: &str) {
    server
        .sql(&format!(
            "create function lose() returns trigger language plpgsql as $$ begin raise exception 'lost'; end $$;
             create trigger lost before {event} on idempotency_key for each row when ({when}) execute function lose()"
        ))
        .await;
}

async fn note_again(server: &Server) {
    server.sql("drop trigger lost on idempotency_key; drop function lose()").await;
}

async fn task(server: &Server) -> (String, String) {
    let (status, made) = server.post(Who::User("caller"), "/requests", request("keys.v1")).await;
    assert_eq!(status, 201, "{made}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["request_id"]), text(&made["tasks"][0]["id"]))
}

async fn exhausted(server: &Server) -> String {
    let mut body = request("keys.v1");
    body["callback_url"] = json!("http://127.0.0.1:9/hook");
    assert_eq!(server.post(Who::User("caller"), "/requests", body).await.0, 201);
    server
        .sql("update webhook_delivery set status = 'exhausted', attempt = 6 where status = 'pending'")
        .await;
    let (_, deliveries) = server.get(Who::Viewer, "/admin/deliveries?status=exhausted").await;
    deliveries[0]["id"].as_str().unwrap().to_owned()
}

async fn secret(server: &Server) -> String {
    let body = json!({"caller_service": Uuid::now_v7()});
    let (status, made) = server.post(Who::Admin, "/admin/callback-secrets", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

/// Every call, each about something of its own.
async fn calls(server: &Server) -> Vec<Call> {
    let call = |who: Who, path: String, body: Value| Call { who, path, body };
    let amina = Who::User("amina");
    let key = format!("k{}", Uuid::now_v7().simple());
    activate(server, &policy(&format!("{key}.off"), &["amina"], 1)).await;
    assert_eq!(
        server.post(Who::Admin, "/policies", policy(&format!("{key}.on"), &["amina"], 1)).await.0,
        201
    );
    let (window, given) = (
        json!({"user_id": "amina", "delegate_to": "deputy", "starts_at": "2020-01-01T00:00:00Z",
        "ends_at": "2021-01-01T00:00:00Z"}),
        json!({"caller_service": key, "secret": "a secret of 24 bytes or more"}),
    );
    let items = json!([{"task_id": task(server).await.1, "action": "approve"}, {"task_id": Uuid::now_v7(), "action": "approve"}]);
    vec![
        call(Who::User("caller"), "/requests".into(), request("keys.v1")),
        call(
            Who::User("caller"),
            format!("/requests/{}/cancel", task(server).await.0),
            json!({"reason": "enough"}),
        ),
        call(amina, format!("/tasks/{}/claim", task(server).await.1), json!({})),
        call(amina, format!("/tasks/{}/decision", task(server).await.1), json!({"action": "approve"})),
        call(Who::Admin, format!("/tasks/{}/decision", task(server).await.1), json!({"action": "reject"})),
        call(
            Who::Admin,
            format!("/tasks/{}/reassign", task(server).await.1),
            json!({"new_assignee": "chidi"}),
        ),
        call(amina, "/tasks/decisions".into(), json!({"items": items})),
        call(amina, "/delegations".into(), window),
        call(Who::Admin, "/policies".into(), policy(&key, &["amina"], 1)),
        call(Who::Admin, format!("/policies/{key}.on/versions/1/activate"), json!({})),
        call(Who::Admin, format!("/policies/{key}.off/versions/1/deactivate"), json!({})),
        call(Who::Admin, "/admin/callback-secrets".into(), given),
        call(
            Who::Admin,
            format!("/admin/callback-secrets/{}/rotate", secret(server).await),
            json!({"grace_hours": 1}),
        ),
        call(
            Who::Admin,
            format!("/admin/callback-secrets/{}/ping", secret(server).await),
            json!({"url": "http://127.0.0.1:9/"}),
        ),
        call(Who::Admin, format!("/admin/deliveries/{}/retry", exhausted(server).await), json!({})),
    ]
}

/// A server that delivers nothing, so that nothing but the calls changes anything.
async fn server() -> Server {
    let server = Server::start(&[("AWE__WEBHOOK__POLL_INTERVAL_SECONDS", "3600")]).await;
    activate(&server, &policy("keys.v1", &["amina", "badru"], 2)).await;
    server
}

/// Whether a call is one of a path of the document, whose parameters stand in braces.
fn is_of(call: &Call, path: &str) -> bool {
    let (given, described) = (call.path.split('/'), path.trim_start_matches("/v1/awe").split('/'));
    given.clone().count() == described.clone().count()
        && given.zip(described).all(|(given, described)| described.starts_with('{') || given == described)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_above_are_all_that_take_a_key() {
    let server = server().await;
    let calls = calls(&server).await;
    let (_, document) = server.get(Who::Nobody, "/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["post"]["parameters"].as_array().into_iter().flatten();
        let takes_key = parameters.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        // The retry of many deliveries has a test of its own.
        let known = path.ends_with("/admin/deliveries/retry") || calls.iter().any(|call| is_of(call, path));
        assert!(known || !takes_key, "{path}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_done_once_and_answered_as_the_first_time() {
    let server = server().await;
    for call in calls(&server).await {
        let key = Uuid::now_v7().to_string();
        let first = say(&server, &key, &call).await;
        assert!(first.status < 300 && !first.replayed, "{call:?}: {first:?}");
        let done = effects(&server).await;
        let again = say(&server, &key, &call).await;
        assert_eq!(again, Said { replayed: true, ..first }, "{call:?}");
        assert_eq!(effects(&server).await, done, "{call:?}");
        let elsewhere = Call { path: format!("/tasks/{}/claim", Uuid::now_v7()), ..call.clone() };
        let refused = say(&server, &key, &elsewhere).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["errorCode"]),
            (409, &json!("AWE-009")),
            "{call:?}"
        );
        let stranger = Call { who: Who::User("stranger"), ..elsewhere };
        assert_eq!(say(&server, &key, &stranger).await.status, 404, "a key is its subject's: {call:?}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_whose_answer_cannot_be_noted_and_a_repetition_does_it() {
    let server = server().await;
    for call in calls(&server).await {
        let (key, before) = (Uuid::now_v7().to_string(), effects(&server).await);
        fail_to_note(&server, "insert", "true").await;
        let failed = say(&server, &key, &call).await;
        assert_eq!((failed.status, effects(&server).await), (500, before), "{call:?}: {failed:?}");
        note_again(&server).await;
        let done = say(&server, &key, &call).await;
        assert!(done.status < 300 && !done.replayed, "{call:?}: {done:?}");
        assert!(effects(&server).await > before, "{call:?}");
        assert_eq!(say(&server, &key, &call).await, Said { replayed: true, ..done }, "{call:?}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_it_once() {
    let server = server().await;
    let (alone, together) = (calls(&server).await, calls(&server).await);
    for (alone, together) in alone.into_iter().zip(together) {
        let (key, before) = (Uuid::now_v7().to_string(), effects(&server).await);
        assert!(say(&server, &key, &alone).await.status < 300);
        let once = effects(&server).await - before;
        let key = Uuid::now_v7().to_string();
        let said = futures::future::join_all((0..4).map(|_| say(&server, &key, &together))).await;
        assert_eq!(effects(&server).await - before, 2 * once, "{together:?}: {said:?}");
        // What a test event was answered is known once it has been answered.
        let all_the_same = together.path.ends_with("/ping");
        for one in &said {
            assert_eq!(one.status, said[0].status, "{together:?}: {said:?}");
            assert!(all_the_same || one.body == said[0].body, "{together:?}: {said:?}");
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_decides_many_goes_on_where_it_was_broken_off() {
    let server = server().await;
    let (one, two) = (task(&server).await.1, task(&server).await.1);
    let items = json!([{"task_id": one, "action": "approve"}, {"task_id": two, "action": "approve"}]);
    let call =
        Call { who: Who::User("amina"), path: "/tasks/decisions".into(), body: json!({"items": items}) };
    fail_to_note(&server, "insert", "new.key like '%1' and length(new.key) > 4").await;
    let broken = say(&server, "many", &call).await;
    assert_eq!((broken.status, &broken.body["results"][1]["status"]), (200, &json!(500)), "{broken:?}");
    note_again(&server).await;
    let other = Call { body: json!({"items": [{"task_id": two, "action": "approve"}]}), ..call.clone() };
    assert_eq!(say(&server, "many", &other).await.status, 409, "the key is bound to what was asked first");
    let gone_on = say(&server, "many", &call).await;
    assert_eq!(gone_on.body["results"][0], broken.body["results"][0], "decided before, answered as then");
    assert_eq!((&gone_on.body["results"][1]["status"], gone_on.replayed), (&json!(201), false));
    assert_eq!(say(&server, "many", &call).await, Said { replayed: true, ..gone_on });
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_many_deliveries_goes_on_where_it_was_broken_off() {
    let server = server().await;
    exhausted(&server).await;
    server
        .sql(
            "set session_replication_role = replica;
             insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url, status,
                 attempt, next_attempt_at, created_at, updated_at)
             select gen_random_uuid(), gen_random_uuid(), request_id, 100 + n, event_type, caller_service, url, status,
                 attempt, next_attempt_at, created_at, updated_at
             from (select * from webhook_delivery limit 1) one, generate_series(1, 1200) n",
        )
        .await;
    let (_, dry) = server.post(Who::Admin, "/admin/deliveries/retry", json!({"dry_run": true})).await;
    let all = dry["would_requeue"].as_i64().unwrap();
    assert!(all > 1200);
    let call = Call { who: Who::Admin, path: "/admin/deliveries/retry".into(), body: json!({}) };
    fail_to_note(&server, "update", "new.response ? 'requeued'").await;
    assert_eq!(say(&server, "retry", &call).await.status, 500);
    note_again(&server).await;
    let said = futures::future::join_all((0..3).map(|_| say(&server, "retry", &call))).await;
    for one in said {
        assert_eq!((one.status, &one.body), (200, &json!({"requeued": all})));
    }
    let (_, audit) = server.get(Who::Viewer, "/admin/audit?action=delivery.retry").await;
    assert_eq!(audit.as_array().unwrap().len(), 3, "a row for each batch, and no batch twice");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_secret_is_compared_and_never_stored_with_the_key() {
    let server = server().await;
    let given = |secret: &str| Call {
        who: Who::Admin,
        path: "/admin/callback-secrets".into(),
        body: json!({"caller_service": "caller", "secret": secret}),
    };
    let first = say(&server, "s", &given("a secret of 24 bytes or more")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let refused = say(&server, "s", &given("another secret of that length")).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["errorCode"]), (409, &json!("AWE-009")));
    let shown = first.body["secret"].as_str().unwrap();
    let mut connection = PgConnection::connect(&server.database_url()).await.unwrap();
    let stored = "select string_agg(k::text, ' ') from idempotency_key k";
    let stored: String = sqlx::query_scalar(AssertSqlSafe(stored)).fetch_one(&mut connection).await.unwrap();
    assert!(!stored.contains(shown) && !stored.contains("24 bytes"), "{stored}");
    connection.close().await.unwrap();
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_nothing_is_replayed_too_and_a_refusal_is_not_stored() {
    let server = server().await;
    let (_, task) = task(&server).await;
    let claim = Call { who: Who::User("amina"), path: format!("/tasks/{task}/claim"), body: json!({}) };
    let first = say(&server, "one", &claim).await;
    let unchanged = say(&server, "two", &claim).await;
    assert_eq!((unchanged.status, unchanged.replayed, &unchanged.body), (200, false, &first.body));
    let decide =
        |who| Call { who, path: format!("/tasks/{task}/decision"), body: json!({"action": "approve"}) };
    assert_eq!(say(&server, "three", &decide(Who::User("badru"))).await.status, 403);
    assert_eq!(say(&server, "three", &decide(Who::User("amina"))).await.status, 201);
    let replayed = say(&server, "two", &claim).await;
    assert_eq!(replayed, Said { replayed: true, ..unchanged }, "though the task is decided by now");
    assert_eq!(say(&server, "four", &claim).await.status, 409);
    server.end().await;
}
