//! The feed: pulled in pages, and followed as server-sent events.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use awe::auth::unsigned_token;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server-sent event as it came, by field.
type Block = Vec<(String, String)>;

/// A client of a stream.
struct Stream {
    answer: Response,
    rest: String,
}

impl Stream {
    async fn open(server: &Server, who: Who, path: &str) -> Self {
        Self::of(server.send(who, Method::GET, path, None).await)
    }

    fn of(answer: Response) -> Self {
        assert_eq!(answer.status(), 200);
        Self { answer, rest: String::new() }
    }

    /// The next block of lines; `None` at the end.
    async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let field = |line: &str| {
                    let (name, value) = line.split_once(':').unwrap();
                    (name.to_owned(), value.trim_start().to_owned())
                };
                let block = block.lines().map(field).collect();
                self.rest = rest.to_owned();
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await.expect("something comes");
            self.rest.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The next event: its type, id and data.
    async fn event(&mut self) -> (String, String, Value) {
        loop {
            let block = self.next().await.expect("the stream goes on");
            let of =
                |name: &str| block.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
            if let Some(event) = of("event") {
                let data = serde_json::from_str(&of("data").unwrap()).unwrap();
                return (event, of("id").unwrap(), data);
            }
        }
    }
}

async fn started(key: &str, settings: &[(&str, &str)]) -> Server {
    let server = Server::start(settings).await;
    activate(&server, &policy(key, &["amina"], 1)).await;
    server
}

async fn pull(server: &Server, who: Who, path: &str) -> (Vec<Value>, String) {
    let answer = server.send(who, Method::GET, path, None).await;
    assert_eq!(answer.status(), 200, "{path}");
    let next = answer.headers()["x-next-cursor"].to_str().unwrap().to_owned();
    (answer.json().await.unwrap(), next)
}

async fn create(server: &Server, key: &str) -> Value {
    let (status, created) = server.post(Who::User("caller"), "/requests", request(key)).await;
    assert_eq!(status, 201, "{created}");
    created
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_cursor_has_each_event_once_and_always_a_cursor() {
    let server = started("pull.v1", &[]).await;
    let (none, from_now) = pull(&server, Who::User("reader"), "/events?after=now").await;
    assert!(none.is_empty());
    let first = create(&server, "pull.v1").await;
    let second = create(&server, "pull.v1").await;
    let (mut found, mut after) = (Vec::new(), from_now.clone());
    loop {
        let (events, next) =
            pull(&server, Who::User("reader"), &format!("/events?limit=1&after={after}")).await;
        if next == after {
            assert!(events.is_empty());
            break;
        }
        found.extend(events);
        after = next;
    }
    assert_eq!(types(&found), ["request_created", "stage_started", "request_created", "stage_started"]);
    assert_eq!(found[0]["request_id"], first["request_id"]);
    assert_eq!((&found[1]["sequence"], &found[1]["payload"]["stage_order"]), (&json!(2), &json!(1)));
    let (all, _) = pull(&server, Who::User("reader"), "/events").await;
    assert_eq!(all, found);
    let second = second["request_id"].as_str().unwrap();
    for (who, query, wanted) in [
        ("reader", "types=stage_started,request_approved".to_owned(), 2),
        ("reader", "artifact_type=thing".to_owned(), 4),
        ("reader", "artifact_type=other".to_owned(), 0),
        ("reader", format!("request_id={second}"), 2),
        ("reader", "assignee=me".to_owned(), 0),
        ("amina", "assignee=me&types=".to_owned(), 4),
    ] {
        let (events, next) =
            pull(&server, Who::User(who), &format!("/events?{query}&after={from_now}")).await;
        assert_eq!((events.len(), &next), (wanted, &after), "{query}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_is_none_of_this_feed_is_named_and_one_that_is_too_old_leads_on() {
    let server = started("cursors.v1", &[]).await;
    create(&server, "cursors.v1").await;
    create(&server, "cursors.v1").await;
    let of_a_list = server.send(Who::Admin, Method::GET, "/requests?limit=1", None).await;
    let of_a_list = of_a_list.headers()["x-next-cursor"].to_str().unwrap().to_owned();
    let cursor = pull(&server, Who::Admin, "/events?limit=1").await.1;
    let tampered = format!("{}{}", if cursor.starts_with('B') { "C" } else { "B" }, &cursor[1..]);
    let ahead = store::feed::Place(1_000_000).to_string();
    for path in ["/events", "/stream"] {
        for after in ["1", &of_a_list, &tampered, &ahead] {
            let (status, answer) = server.get(Who::Admin, &format!("{path}?after={after}")).await;
            assert_eq!((status, &answer["detail"][0]["loc"]), (422, &json!(["query", "after"])), "{answer}");
        }
        for bad in ["assignee=amina", "types=nosuch", "types=request_created,x", "cursor=1"] {
            assert_eq!(server.get(Who::Admin, &format!("{path}?{bad}")).await.0, 422, "{path} {bad}");
        }
    }
    let (status, answer) = server.get(Who::Admin, &format!("/requests?cursor={cursor}")).await;
    assert_eq!(status, 422, "a cursor of the feed means nothing elsewhere: {answer}");
    let header = server.request(Who::Admin, Method::GET, "/stream").header("Last-Event-ID", "7");
    let answer: Value = header.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["detail"][0]["loc"], json!(["header", "Last-Event-ID"]), "{answer}");

    server.sql("update event_feed set beginning = 2").await;
    for path in ["/events", "/stream"] {
        let (status, answer) = server.get(Who::Admin, &format!("{path}?after={cursor}")).await;
        assert_eq!((status, &answer["errors"][0]["errorCode"]), (410, &json!("AWE-014")), "{answer}");
        let oldest = answer["oldest_cursor"].as_str().unwrap();
        let (left, _) = pull(&server, Who::Admin, &format!("/events?after={oldest}")).await;
        assert_eq!(types(&left), ["request_created", "stage_started"]);
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_happens_and_goes_on_after_the_last_id() {
    let server = started("stream.v1", &[]).await;
    let mut stream = Stream::open(&server, Who::User("reader"), "/stream?types=request_created").await;
    let header = |name: &str| stream.answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!((header("cache-control"), header("x-accel-buffering")), ("no-cache".into(), "no".into()));
    let first = stream.next().await.unwrap();
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["", "id", "retry"], "a comment and where it is");
    let began = first[1].1.clone();
    let created = create(&server, "stream.v1").await;
    let (event, id, data) = stream.event().await;
    assert_eq!((event.as_str(), &data["request_id"]), ("request_created", &created["request_id"]));
    let (pulled, _) = pull(&server, Who::Admin, &format!("/events?after={began}")).await;
    assert_eq!(pulled[0], data, "the same as when it is pulled");
    drop(stream);
    create(&server, "stream.v1").await;
    let again = server.request(Who::User("reader"), Method::GET, &format!("/stream?after={began}"));
    let mut again = Stream::of(again.header("Last-Event-ID", id).send().await.unwrap());
    assert_eq!(again.event().await.2["event_type"], "stage_started", "all types now");
    assert_eq!(again.event().await.2["event_type"], "request_created");
    server.state.stopping().cancel();
    loop {
        let (event, id, data) = again.event().await;
        if event == "resume" {
            assert_eq!(data, json!({"reason": "stopping", "cursor": id}));
            break;
        }
    }
    assert_eq!(again.next().await, None, "and that is the end");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let server = started("token.v1", &[("AWE__AUTH__LEEWAY_SECONDS", "0")]).await;
    let token = unsigned_token("reader", &[], Duration::from_secs(2));
    let call = server.request(Who::Nobody, Method::GET, "/stream").bearer_auth(token);
    let mut stream = Stream::of(call.send().await.unwrap());
    let (event, _, data) = stream.event().await;
    assert_eq!((event.as_str(), &data["reason"]), ("resume", &json!("token_expired")));
    assert_eq!(stream.next().await, None);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_take_nothing_from_other_calls() {
    let settings = [
        ("AWE__SERVER__MAX_STREAMS", "3"),
        ("AWE__SERVER__MAX_STREAMS_PER_CALLER", "2"),
        ("AWE__SERVER__MAX_IN_FLIGHT", "2"),
        ("AWE__SERVER__MAX_IN_FLIGHT_PER_CALLER", "1"),
    ];
    let server = started("many.v1", &settings).await;
    let mut open = Vec::new();
    for who in ["ann", "ann", "bob"] {
        open.push(Stream::open(&server, Who::User(who), "/stream").await);
    }
    for (who, status, reason) in [("ann", 429, "too_many_requests"), ("cleo", 503, "too_many_streams")] {
        let answer = server.send(Who::User(who), Method::GET, "/stream", None).await;
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (status, true));
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["errors"][0]["reason"], reason, "{answer}");
    }
    assert_eq!(server.get(Who::User("ann"), "/requests").await.0, 200);
    create(&server, "many.v1").await;
    assert_eq!(open[2].event().await.0, "request_created");
    open.pop();
    let deadline = std::time::Instant::now() + PATIENCE;
    while server.send(Who::User("cleo"), Method::GET, "/stream", None).await.status() != 200 {
        assert!(std::time::Instant::now() < deadline, "the place of a client that went away comes back");
        tokio::time::sleep(Duration::from_millis(50)).await; // the poll of that deadline
    }
    server.end().await;
}
