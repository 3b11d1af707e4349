//! Starting, overload, a lost database, request ids, stopping.

use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::Value;
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_starting_process_says_so() {
    let server = Server::listening(&[]).await;
    assert_eq!(server.get(Who::Nobody, "/health/live").await.0, 200);
    for path in ["/health", "/health/ready", "/health/startup", "/tasks"] {
        let answer = server.send(Who::Admin, Method::GET, path, None).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().contains_key("retry-after"));
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["errorCode"], "AWE-005", "{path}");
    }
    assert_eq!(server.get(Who::Nobody, "/version").await.0, 200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_process_is_up() {
    let server = Server::start(&[]).await;
    let (status, body) = server.get(Who::Nobody, "/health").await;
    assert_eq!((status, &body["response"]["status"]), (200, &Value::from("UP")), "{body}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_asked_to_stop_is_not_ready_and_answers_all_the_same() {
    let server = Server::start(&[]).await;
    assert_eq!(server.get(Who::Nobody, "/health/ready").await.0, 200);
    server.state.leave();
    let (status, body) = server.get(Who::Nobody, "/health/ready").await;
    assert_eq!((status, &body["errors"][0]["reason"]), (503, &Value::from("stopping")), "{body}");
    for path in ["/health", "/health/live", "/health/startup", "/tasks"] {
        assert_eq!(server.get(Who::Admin, path).await.0, 200, "{path}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_it_is_up_and_degraded() {
    let server = Server::start(&[("AWE__NATS__URL", "nats://127.0.0.1:1")]).await;
    let (status, body) = server.get(Who::Nobody, "/health").await;
    assert_eq!((status, &body["response"]["degraded"][0]), (200, &Value::from("nats")), "{body}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_it_is_down_and_a_retry_is_safe() {
    let server = Server::start(&[("AWE__DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1")]).await;
    server.lose_database().await;
    for path in ["/health/live", "/health/startup"] {
        assert_eq!(server.get(Who::Nobody, path).await.0, 200, "a restart would not help: {path}");
    }
    for path in ["/health", "/health/ready", "/requests"] {
        let (status, body) = server.get(Who::Admin, path).await;
        assert_eq!(
            (status, &body["errors"][0]["errorCode"]),
            (503, &Value::from("AWE-006")),
            "{path}: {body}"
        );
        assert!(body["errors"][0]["message"].as_str().unwrap().contains("retry is safe"));
        assert_eq!(body["errors"][0]["reason"], "database_away", "{path}: {body}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_slow_or_full_is_not_told_as_one_that_is_away() {
    let server = Server::start(&[
        ("AWE__DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1"),
        ("AWE__DATABASE__MAX_CONNECTIONS", "2"),
    ])
    .await;
    let mut other = sqlx::PgConnection::connect(&server.database_url()).await.unwrap();
    sqlx::raw_sql("begin; lock table approval_policy").execute(&mut other).await.unwrap();
    // The only connection for lists waits for the lock, and the next list waits for that connection.
    let waiting = server.request(Who::Admin, Method::GET, "/policies").send();
    let waiting = tokio::spawn(waiting);
    let busy = loop {
        let (status, body) = server.get(Who::Admin, "/requests").await;
        if status != 200 {
            break body;
        }
    };
    assert_eq!(busy["errors"][0]["reason"], "database_busy", "{busy}");
    // Postgres ends the statement after `statement_timeout`, which is ten seconds.
    let slow: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(slow["errors"][0]["reason"], "database_timeout", "{slow}");
    assert_eq!(slow["errors"][0]["errorCode"], "AWE-006");
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    server.end().await;
}

/// Sends these bytes and no more. Gives the head of the answer.
async fn raw(server: &Server, request: &str) -> String {
    let address = server.url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(connection.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_before_the_body_was_read_says_that_the_connection_ends() {
    let server = Server::start(&[]).await;
    let head = "POST /v1/awe/policies HTTP/1.1\r\nhost: awe\r\ncontent-type: application/json\r\n";
    let closing = |answer: &str| answer.to_ascii_lowercase().contains("connection: close");
    // Without a token: refused as soon as the head has arrived.
    let unread = raw(&server, &format!("{head}content-length: 2\r\n\r\n")).await;
    assert!(unread.starts_with("HTTP/1.1 401") && closing(&unread), "{unread}");
    // The body was read before the refusal, so the connection stays open.
    let token = format!("authorization: Bearer {}\r\n", Who::Admin.token().unwrap());
    let read = raw(&server, &format!("{head}{token}content-length: 2\r\n\r\n{{}}")).await;
    assert!(read.starts_with("HTTP/1.1 422") && !closing(&read), "{read}");
    let none = raw(&server, "GET /v1/awe/policies HTTP/1.1\r\nhost: awe\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.1 401") && !closing(&none), "{none}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_repeated_or_made() {
    let server = Server::start(&[]).await;
    let with =
        |id: &'static str| server.request(Who::Nobody, Method::GET, "/version").header("x-request-id", id);
    let answer = with("abc-1").send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "abc-1");
    let answer = with("not one word").send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"].len(), 36);
    server.end().await;
}
