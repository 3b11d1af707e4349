//! Learns by server-sent events that a request has ended, and by asking again where they cannot be had.

use crate::call::{Call, Query};
use crate::error::ErrorKind;
use crate::token::Token;
use crate::transport::Transport;
use crate::waiting::{Pauses, Polling, Watch, Watcher};
use reqwest::{Method, Response};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// The server says every 15 s that it is there; a stream that says nothing for longer than this is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// What a line is told by; more of it is not kept.
const TOLD_BY: usize = 32;
const ENDS: &str = "request_approved,request_rejected,request_cancelled,request_expired";

/// Follows the stream of a request's events. While there is no stream, since the server is away, has no place for one more
/// (503, 429) or is older, it asks again after a while instead, and tries the stream again after what `Retry-After` says.
///
/// A client holds at most 32 streams at once; further waits ask.
pub struct Streaming {
    transport: Arc<Transport>,
    token: Token,
    polling: Polling,
}

impl Streaming {
    pub(crate) fn new(transport: Arc<Transport>, token: Token) -> Self {
        Self { transport, token, polling: Polling::default() }
    }

    /// How it asks while there is no stream.
    #[must_use]
    pub fn polling(self, polling: Polling) -> Self {
        Self { polling, ..self }
    }
}

impl Watcher for Streaming {
    type Watch = Following;

    fn watch(&self, request_id: &str) -> Following {
        Following {
            transport: self.transport.clone(),
            token: self.token.clone(),
            polling: self.polling,
            pauses: self.polling.watch(request_id),
            request_id: request_id.to_owned(),
            stream: None,
            next: Next::Now,
        }
    }
}

/// The watch of [`Streaming`].
pub struct Following {
    transport: Arc<Transport>,
    token: Token,
    polling: Polling,
    pauses: Pauses,
    request_id: String,
    stream: Option<Stream>,
    next: Next,
}

/// When a stream is asked for.
enum Next {
    Now,
    At(Instant),
    /// The server has none.
    Never,
}

impl Watch for Following {
    async fn changed(&mut self, at_most: Duration) {
        let began = Instant::now();
        if let Some(stream) = &mut self.stream {
            match stream.heard(at_most).await {
                Heard::News => return,
                Heard::Nothing => {}
                Heard::Life => self.pauses = self.polling.watch(&self.request_id),
            }
            self.stream = None;
        } else if self.may_follow() {
            match timeout(at_most, self.follow()).await {
                // What happened before it began is not in it, so the request is looked at once more.
                Ok(Ok(stream)) => {
                    self.stream = Some(stream);
                    return;
                }
                Ok(Err(next)) => self.next = next,
                Err(_) => {}
            }
        }
        self.pauses.changed(at_most.saturating_sub(began.elapsed())).await;
    }
}

impl Following {
    fn may_follow(&self) -> bool {
        match self.next {
            Next::Now => true,
            Next::At(moment) => moment <= Instant::now(),
            Next::Never => false,
        }
    }

    async fn follow(&self) -> Result<Stream, Next> {
        let place = self.transport.streams.clone().try_acquire_owned().map_err(|_| Next::Now)?;
        let query = Query(vec![("request_id", self.request_id.clone()), ("types", ENDS.to_owned())]);
        let call = Call::new("follow_events", Method::GET, "/v1/awe/stream").query(query);
        match self.transport.follow(call, &self.token).await {
            Ok(response) => Ok(Stream { response, blocks: Blocks::default(), _place: place }),
            Err(error) => Err(match error.kind() {
                ErrorKind::Api(refusal) if matches!(refusal.status, 401 | 408 | 429 | 500..) => {
                    let at = refusal.retry_after.and_then(|after| Instant::now().checked_add(after));
                    at.map_or(Next::Now, Next::At)
                }
                ErrorKind::Api(_) | ErrorKind::UnexpectedAnswer { .. } => Next::Never,
                _ => Next::Now,
            }),
        }
    }
}

struct Stream {
    response: Response,
    blocks: Blocks,
    _place: OwnedSemaphorePermit,
}

/// What a stream has said; it goes on only after news.
enum Heard {
    News,
    /// It has ended, but had lived.
    Life,
    /// It has ended, or the time has.
    Nothing,
}

impl Stream {
    async fn heard(&mut self, at_most: Duration) -> Heard {
        let began = Instant::now();
        loop {
            let left = at_most.saturating_sub(began.elapsed()).min(SILENCE);
            let Ok(Ok(Some(bytes))) = timeout(left, self.response.chunk()).await else { break };
            match self.blocks.take(&bytes) {
                Some(Block::Event) => return Heard::News,
                Some(Block::Resume) => break,
                None => {}
            }
        }
        if self.blocks.count > 1 { Heard::Life } else { Heard::Nothing }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Event,
    Resume,
}

/// Finds the events in server-sent bytes. What they say is not kept: the request itself is asked for.
#[derive(Default)]
struct Blocks {
    line: Vec<u8>,
    resumes: bool,
    has_data: bool,
    count: usize,
}

impl Blocks {
    /// The most telling block that ends in these bytes.
    fn take(&mut self, bytes: &[u8]) -> Option<Block> {
        let mut found = None;
        for byte in bytes {
            match byte {
                b'\n' => found = self.end_line().or(found),
                b'\r' => {}
                _ if self.line.len() < TOLD_BY => self.line.push(*byte),
                _ => {}
            }
        }
        found
    }

    fn end_line(&mut self) -> Option<Block> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.has_data |= line.starts_with(b"data");
            self.resumes |= line == b"event: resume";
            return None;
        }
        self.count += 1;
        let (has_data, resumes) = (std::mem::take(&mut self.has_data), std::mem::take(&mut self.resumes));
        has_data.then_some(if resumes { Block::Resume } else { Block::Event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: &[u8] = b":\nid: BgAA\nretry: 2000\n\n";
    const EVENT: &[u8] = b"event: request_approved\nid: BgAB\ndata: {\"event_id\":\"1\"}\n\n";
    const RESUME: &[u8] = b"event: resume\r\nid: BgAB\r\ndata: {\"reason\":\"stopping\"}\r\n\r\n";

    #[test]
    fn blocks_are_told_apart_however_they_are_cut() {
        for (bytes, expected) in [(QUIET, None), (EVENT, Some(Block::Event)), (RESUME, Some(Block::Resume))] {
            for size in [1, 2, 7, 1000] {
                let mut blocks = Blocks::default();
                let found: Vec<Block> = bytes.chunks(size).filter_map(|part| blocks.take(part)).collect();
                assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "in parts of {size}");
                assert_eq!(blocks.count, 1);
            }
        }
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.take(b"event: resume"), None);
        assert_eq!(blocks.take(&vec![b'x'; 1 << 20]), None);
        assert!(blocks.line.len() <= TOLD_BY);
        assert_eq!(blocks.take(b"\ndata: 1\n\n"), Some(Block::Event), "`resumexxx` is none");
    }
}
