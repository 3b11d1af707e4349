//! A server that records requests and answers as the test says.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use futures::StreamExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// A request that it received.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A response that it gives.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Whether it never answers.
    pub(crate) silent: bool,
    /// Whether the body never ends.
    pub(crate) endless: bool,
}

pub(crate) fn say(status: u16, body: impl Into<String>) -> Said {
    Said { status, body: body.into(), headers: Vec::new(), silent: false, endless: false }
}

/// A body that begins and never ends.
pub(crate) fn stall(status: u16, body: &str) -> Said {
    Said { endless: true, ..say(status, body) }
}

pub(crate) fn silence() -> Said {
    Said { silent: true, ..say(200, "") }
}

/// The same response to every request.
pub(crate) fn always(said: Said) -> impl Fn(usize) -> Said + Send + Sync + 'static {
    move |_| said.clone()
}

type Answers = dyn Fn(usize, &Asked) -> Said + Send + Sync;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    answers: Box<Answers>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Server {
    /// A server that answers the nth request, counted from 0, with `answers(n)`.
    pub(crate) async fn start(answers: impl Fn(usize) -> Said + Send + Sync + 'static) -> Self {
        Self::answering(move |n, _| answers(n)).await
    }

    /// A server that answers the nth request, counted from 0, with `answers(n, request)`.
    pub(crate) async fn answering(answers: impl Fn(usize, &Asked) -> Said + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { asked: Mutex::default(), answers: Box::new(answers) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let said = {
        let mut asked = shared.asked.lock().unwrap();
        let question = Asked { method, target: target.to_string(), headers, body, at: Instant::now() };
        let said = (shared.answers)(asked.len(), &question);
        asked.push(question);
        said
    };
    if said.silent {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(said.status);
    for (name, value) in said.headers {
        response = response.header(name, value);
    }
    let body = Body::from(said.body);
    let forever = futures::stream::pending();
    let body = if said.endless { Body::from_stream(body.into_data_stream().chain(forever)) } else { body };
    response.body(body).unwrap()
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// Long enough for a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
