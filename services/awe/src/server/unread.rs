//! Connections whose request body was not read to its end. A refusal may come before that, and the rest of the body could
//! then be taken for the next request, so the connection is closed. The answer announces this with `Connection: close`
//! (RFC 9112 section 9.6); otherwise a client that reuses connections would lose its next request.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// The request with a body that records when it was read to its end, and the watch that can tell.
pub(super) fn watched(request: Request) -> (Request, Watch) {
    if request.body().is_end_stream() {
        return (request, Watch(None));
    }
    let read = Arc::new(AtomicBool::new(false));
    let watched = request.map(|body| Body::new(Watched { body, read: Arc::clone(&read) }));
    (watched, Watch(Some(read)))
}

/// Whether the body of a request was read to its end; `None` when it had none.
pub(super) struct Watch(Option<Arc<AtomicBool>>);

impl Watch {
    /// Adds `Connection: close` to the answer when the body was not read.
    pub(super) fn close_unless_read(self, mut response: Response) -> Response {
        if self.0.is_some_and(|read| !read.load(Ordering::Acquire)) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A body that records when it was read to its end.
struct Watched {
    body: Body,
    read: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.read.store(true, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
