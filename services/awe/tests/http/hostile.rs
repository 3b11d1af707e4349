//! Slow, numerous or malformed callers do not keep others from the server.

use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(server: &Server, sent: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(sent.as_bytes()).await.unwrap();
    connection
}

/// The head of a create by this caller, and one byte of its body.
fn begun(who: Who) -> String {
    let token = who.token().unwrap();
    format!(
        "POST /v1/awe/requests HTTP/1.1\r\nhost: awe\r\ncontent-type: application/json\r\n\
         authorization: Bearer {token}\r\ncontent-length: 100\r\n\r\n{{"
    )
}

/// Everything that the server sends until it closes the connection.
async fn until_closed(mut connection: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
    // A reset counts as a close.
    let _ = read.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn until_status(server: &Server, who: Who, path: &str, wanted: u16) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = server.get(who, path).await;
        if status == wanted {
            return body;
        }
        assert!(Instant::now() < deadline, "{path} answers {status}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await; // the poll of that deadline
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come_keep_nobody_out() {
    let settings = [("AWE__SERVER__MAX_IN_FLIGHT", "4"), ("AWE__SERVER__MAX_IN_FLIGHT_PER_CALLER", "20")];
    let server = Server::start(&settings).await;
    let mut slow = Vec::new();
    for _ in 0..30 {
        slow.push(connect(&server, &begun(Who::User("slow"))).await);
    }
    // The slow caller holds all of its own permits, and none of the process'.
    until_status(&server, Who::User("slow"), "/tasks", 429).await;
    for _ in 0..20 {
        assert_eq!(server.get(Who::User("ann"), "/tasks").await.0, 200);
    }
    drop(slow);
    until_status(&server, Who::User("slow"), "/tasks", 200).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_a_slow_head_and_an_idle_connection_come_to_an_end() {
    let settings = [("AWE__SERVER__BODY_TIMEOUT_SECONDS", "1"), ("AWE__SERVER__IDLE_TIMEOUT_SECONDS", "1")];
    let server = Server::start(&settings).await;
    let answer = until_closed(connect(&server, &begun(Who::User("slow"))).await).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("a retry is safe"), "{answer}");
    let answer = until_closed(connect(&server, "GET /v1/awe/health HTTP/1.1\r\nhost:").await).await;
    assert_eq!(answer, "", "a head that does not end is not answered");
    let idle = connect(&server, "GET /v1/awe/version HTTP/1.1\r\nhost: awe\r\n\r\n").await;
    assert!(until_closed(idle).await.starts_with("HTTP/1.1 200"));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_may_be_wait_for_one_to_end() {
    let settings = [("AWE__SERVER__MAX_CONNECTIONS", "1"), ("AWE__SERVER__IDLE_TIMEOUT_SECONDS", "1")];
    let server = Server::start(&settings).await;
    let idle = connect(&server, "").await;
    let began = Instant::now();
    assert_eq!(server.get(Who::Nobody, "/version").await.0, 200);
    assert!(began.elapsed() < PATIENCE);
    drop(idle);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_it_takes_on_is_shed() {
    let server = Server::start(&[("AWE__SERVER__MAX_IN_FLIGHT", "1")]).await;
    let held = server.hold("approval_policy").await;
    let waiting = server.request(Who::Admin, Method::GET, "/policies").send();
    let waiting = tokio::spawn(waiting);
    // It holds the only place from here on; before, the call below might have it, and this one would be shed.
    server.until_somebody_waits_for_a_lock().await;
    let body = until_status(&server, Who::User("ann"), "/tasks", 503).await;
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("a retry is safe"), "{body}");
    assert_eq!(server.get(Who::Nobody, "/health").await.0, 200);
    drop(held);
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_still_sending_what_is_too_large_gets_the_refusal() {
    let server = Server::start(&[("AWE__SERVER__MAX_BODY_BYTES", "2000")]).await;
    let token = Who::Admin.token().unwrap();
    for framing in ["content-length: 40000", "transfer-encoding: chunked"] {
        let head = format!(
            "POST /v1/awe/requests HTTP/1.1\r\nhost: awe\r\ncontent-type: application/json\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\n{framing}\r\n\r\n"
        );
        let mut connection = connect(&server, &head).await;
        let chunked = framing.ends_with("chunked");
        let piece = if chunked { format!("3e8\r\n{}\r\n", " ".repeat(1000)) } else { " ".repeat(1000) };
        for _ in 0..40 {
            connection.write_all(piece.as_bytes()).await.expect("the connection is open");
            // The pace of a slow line: the refusal is made while most of the body is still to come.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if chunked {
            connection.write_all(b"0\r\n\r\n").await.expect("the connection is open");
        }
        let answer = until_closed(connection).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{framing}: {answer}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_an_encoding_is_refused_and_not_misread() {
    let server = Server::start(&[]).await;
    for (encoding, status) in [("gzip", 415), ("identity", 422), ("br, gzip", 415)] {
        let call = server.request(Who::Admin, Method::POST, "/requests").header("content-encoding", encoding);
        assert_eq!(call.json(&json!({})).send().await.unwrap().status(), status, "{encoding}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_encoding_that_is_not_understood_is_refused() {
    let server = Server::start(&[]).await;
    let token = Who::Admin.token().unwrap();
    for (encoding, status) in
        [("chunked", "422"), ("gzip, chunked", "400"), ("chunked\r\ntransfer-encoding: chunked", "400")]
    {
        let sent = format!(
            "POST /v1/awe/requests HTTP/1.1\r\nhost: awe\r\ncontent-type: application/json\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ntransfer-encoding: {encoding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        );
        let answer = until_closed(connect(&server, &sent).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{encoding}: {answer}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_two_things_at_once_or_hides_something_is_refused() {
    let server = Server::start(&[]).await;
    let body = json!({"policy_key": "p", "artifact_type": "t", "artifact_id": "1"});
    let twice = server.request(Who::Admin, Method::POST, "/requests");
    let twice = twice.header("idempotency-key", "a").header("idempotency-key", "b").json(&body);
    assert_eq!(twice.send().await.unwrap().status(), 400);
    for url in ["http://127.0.0.1:9/\r\nX: y", "http://127.0.0.1:9/ a", "http://127.0.0.1:9/\u{85}"] {
        let mut body = body.clone();
        body["callback_url"] = url.into();
        assert_eq!(server.post(Who::Admin, "/requests", body).await.0, 422, "{url:?}");
    }
    for version in ["+1", "01", "1.0", " 1"] {
        assert_eq!(server.get(Who::Admin, &format!("/policies/p/versions/{version}")).await.0, 404);
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_sql_has_made_unreadable_is_not_activated() {
    let server = Server::start(&[]).await;
    let rule = json!({"rule_type": "user", "rule_value": {"user_id": "amy"}});
    let stage = json!({"name": "s", "stage_order": 1, "sla_hours": 1, "rules": [rule]});
    for (n, change) in [
        "update approval_stage set skip_if = '[1]'",
        "update approval_stage set skip_if = '5'",
        "update approval_stage set sla_hours = 2147483647",
        "update approval_policy set context_schema = '5'",
        "update approval_policy set context_schema = '{\"type\": 7}'",
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("p{n}");
        let policy = json!({"policy_key": key, "name": "P", "artifact_type": "t", "stages": [stage]});
        server.seed_policy(&policy).await;
        server
            .sql(&format!(
                "{change} where {}",
                if change.contains("approval_stage") {
                    format!("policy_id = (select id from approval_policy where policy_key = '{key}')")
                } else {
                    format!("policy_key = '{key}'")
                }
            ))
            .await;
        let (status, body) =
            server.post(Who::Admin, &format!("/policies/{key}/versions/1/activate"), json!({})).await;
        assert_eq!((status, &body["errors"][0]["errorCode"]), (400, &json!("AWE-010")), "{change}: {body}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_one_caller_wait_for_each_other_and_decisions_for_none() {
    let server = Server::start(&[("AWE__DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1")]).await;
    server
        .seed_active_policy(&json!({"policy_key": "p", "name": "P", "artifact_type": "thing", "stages": [
            {"name": "s", "stage_order": 1, "rules": [{"rule_type": "user", "rule_value": {"user_id": "amy"}}]}]}))
        .await;
    // Every connection that lists may use is busy.
    let mut busy = Vec::new();
    while let Ok(connection) = server.state.store().pool().acquire().await {
        busy.push(connection);
    }
    assert_eq!(server.get(Who::User("amy"), "/tasks").await.0, 503);
    let create = json!({"policy_key": "p", "artifact_type": "thing", "artifact_id": "1"});
    for decide in [true, false] {
        let (status, created) = server.post(Who::User("caller"), "/requests", create.clone()).await;
        assert_eq!(status, 201, "{created}");
        let task = created["tasks"][0]["id"].as_str().unwrap();
        let (status, body) =
            server.post(Who::User("amy"), &format!("/tasks/{task}/claim"), Value::Null).await;
        assert_eq!(status, 200, "{body}");
        let (path, who) = if decide {
            (format!("/tasks/{task}/decision"), Who::User("amy"))
        } else {
            (format!("/requests/{}/cancel", created["request_id"].as_str().unwrap()), Who::User("caller"))
        };
        let body = if decide { json!({"action": "approve"}) } else { json!({}) };
        let (status, body) = server.post(who, &path, body).await;
        assert!(status < 300, "{path}: {status} {body}");
    }
    drop(busy);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_outside_the_years_1_to_9999_of_utc_is_refused_wherever_it_enters() {
    let server = Server::start(&[]).await;
    for odd in ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "0000-01-01T00:00:00Z"] {
        let delegation = |starts: &str, ends: &str| json!({"user_id": "admin", "delegate_to": "bob", "starts_at": starts, "ends_at": ends});
        let create = json!({"policy_key": "p", "artifact_type": "t", "artifact_id": "1", "expires_at": odd});
        for (path, body, field) in [
            ("/requests", create, "expires_at"),
            ("/delegations", delegation(odd, "9998-01-01T00:00:00Z"), "starts_at"),
            ("/delegations", delegation("2026-01-01T00:00:00Z", odd), "ends_at"),
            ("/admin/deliveries/retry", json!({"since": odd}), "since"),
        ] {
            let (status, answer) = server.post(Who::Admin, path, body).await;
            assert_eq!(status, 422, "{path} {odd}: {answer}");
            assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{answer}");
        }
        let query = odd.replace('+', "%2B");
        for name in ["since", "until"] {
            let (status, answer) = server.get(Who::Viewer, &format!("/admin/audit?{name}={query}")).await;
            assert_eq!((status, &answer["detail"][0]["loc"]), (422, &json!(["query", name])), "{answer}");
        }
    }
    // Made-up cursors are refused: i64::MIN microseconds, and the year -5000.
    for cursor in ["gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "_POEs18XAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(
            server.get(Who::User("ann"), &format!("/requests?cursor={cursor}")).await.0,
            422,
            "{cursor}"
        );
    }
    assert_eq!(server.get(Who::User("ann"), "/requests").await.0, 200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_has_at_most_200_characters() {
    let server = Server::start(&[]).await;
    let long = "x".repeat(201);
    for path in ["/tasks?search_text=", "/tasks?assignee=", "/requests?artifact_id=", "/admin/audit?actor="] {
        let (status, body) = server.get(Who::Admin, &format!("{path}{long}")).await;
        assert_eq!(status, 422, "{path}: {body}");
        assert_eq!(server.get(Who::Admin, &format!("{path}{}", &long[1..])).await.0, 200, "{path}");
    }
    server.end().await;
}
