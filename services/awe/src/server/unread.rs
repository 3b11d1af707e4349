//! A refusal may come before the body was read, and then the connection ends after it: what is left of the body could
//! be taken for the next request. The answer says so (RFC 9112 section 9.6), or a caller who keeps connections would
//! lose the next request on this one.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// The request with a body that remembers whether it was read, and what knows.
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
    /// Adds `Connection: close` to the answer when it was not.
    pub(super) fn close_unless_read(self, mut response: Response) -> Response {
        if self.0.is_some_and(|read| !read.load(Ordering::Acquire)) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A body that remembers that it was read to its end.
struct Watched {
    body: Body,
    read: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
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
