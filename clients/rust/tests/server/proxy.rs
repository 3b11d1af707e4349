//! Passes requests on to the server, except for faults; keeps what was asked.

use crate::support::server_url;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The beginning of a create's request line.
pub(crate) const CREATE: &str = "POST /v1/awe/requests HTTP";

/// A request that came to the proxy.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// By name in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

/// What the proxy does instead, `times` times, with requests whose first line contains `matches`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fault {
    pub(crate) matches: &'static str,
    /// Answers by itself with this status, these headers (`name: value`) and this body.
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<&'static str>,
    pub(crate) body: String,
    /// Passes the request on and breaks the connection instead of answering.
    pub(crate) lost: bool,
    /// Waits before it passes the request on.
    pub(crate) stalls: Duration,
    pub(crate) times: usize,
}

impl Fault {
    pub(crate) fn lost(matches: &'static str, times: usize) -> Self {
        Self { matches, lost: true, times, ..Self::default() }
    }

    pub(crate) fn refused(matches: &'static str, status: u16, code: &str, reason: &str) -> Self {
        let body =
            format!(r#"{{"errors":[{{"errorCode":"{code}","reason":"{reason}","message":"for a test"}}]}}"#);
        Self { matches, status: Some(status), body, times: 1, ..Self::default() }
    }

    /// One refusal by which nothing was done.
    pub(crate) fn overloaded(matches: &'static str) -> Self {
        Self { headers: vec!["retry-after: 0"], ..Self::refused(matches, 503, "AWE-007", "overloaded") }
    }
}

/// The running proxy; it ends with the test.
pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    faults: Mutex<Vec<Fault>>,
    asked: Mutex<Vec<Asked>>,
}

impl Proxy {
    pub(crate) async fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        let state = Arc::new(State { faults: Mutex::new(faults.into_iter().collect()), ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, shared.clone()));
            }
        });
        Self { url, state }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// How many requests had this in their first line.
    pub(crate) fn count(&self, matches: &str) -> usize {
        self.asked().iter().filter(|asked| asked.line.contains(matches)).count()
    }

    /// The values of a header, one for each request that had it.
    pub(crate) fn values(&self, header: &str) -> Vec<String> {
        self.asked().iter().filter_map(|asked| asked.headers.get(header).cloned()).collect()
    }
}

impl State {
    fn take(&self, asked: Asked) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && asked.line.contains(fault.matches));
        let taken = fault.map(|fault| {
            fault.times -= 1;
            fault.clone()
        });
        self.asked.lock().unwrap().push(asked);
        taken
    }
}

/// Serves one request; what fails is a client that gave up.
async fn serve(mut client: TcpStream, state: Arc<State>) -> Option<()> {
    let mut raw = Vec::new();
    let head = loop {
        if let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&raw[..head]).into_owned();
    let (line, rest) = text.split_once("\r\n")?;
    let pairs = rest.lines().filter_map(|one| one.split_once(": "));
    let headers: HashMap<String, String> =
        pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    while raw.len() < head + length {
        client.read_buf(&mut raw).await.ok()?;
    }
    let body = String::from_utf8_lossy(&raw[head..]).into_owned();
    let fault = state.take(Asked { line: line.to_owned(), headers, body }).unwrap_or_default();
    if let Some(status) = fault.status {
        let more: String = fault.headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = fault.body.len();
        let head =
            format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n");
        return client.write_all(format!("{head}{}", fault.body).as_bytes()).await.ok();
    }
    tokio::time::sleep(fault.stalls).await;
    let answer = pass_on(line, rest, &raw[head..]).await;
    if !fault.lost {
        client.write_all(&answer).await.ok()?;
    }
    Some(())
}

/// The server's answer, read until it closes the connection.
async fn pass_on(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let target = server_url().trim_start_matches("http://").to_owned();
    let mut server = TcpStream::connect(target).await.unwrap();
    let head = format!("{line}\r\nconnection: close\r\n{headers}");
    server.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await.unwrap();
    answer
}
