//! Reads bodies into memory before handlers run, so that a body that arrives slowly holds up nothing but its own call.

use crate::config::{Server, seconds};
use crate::error::{ApiError, Reason};
use crate::places::Share;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// How much of a body that is too large is still read, and for how long. A client that is still sending when the
/// connection is closed may lose the answer (RFC 9112 section 9.6).
const LINGER_BYTES: usize = 64 * 1024;
const LINGER: Duration = Duration::from_millis(500);

/// The body in memory.
///
/// # Errors
/// The body is encoded, too large or too slow, or the client went away.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    share: &Share,
    server: &Server,
) -> Result<Body, ApiError> {
    if body.is_end_stream() {
        return Ok(body);
    }
    // Encoded bodies are not decoded here, and undecoded they would be misread.
    let encoded = |value: &axum::http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return Err(Reason::BodyEncoded.into());
    }
    // Only `chunked` alone is supported: with another coding before it the body would be misread.
    let mut transfers = headers.get_all(header::TRANSFER_ENCODING).iter();
    let (first, second) = (transfers.next(), transfers.next());
    let chunked =
        |value: &axum::http::HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if second.is_some() || first.is_some_and(|value| !chunked(value)) {
        return Err(Reason::MalformedHttp.into());
    }
    let (limit, length) = (server.max_body_bytes, body.size_hint().exact());
    if length.is_some_and(|length| length > limit as u64) {
        linger(&mut body).await;
        return Err(ApiError::too_large(limit));
    }
    // Never falls back: a length that is above the limit was refused above.
    let most = length.map_or(limit, |length| usize::try_from(length).unwrap_or(limit));
    let reading = async {
        let _room = share.body(most).await;
        Limited::new(&mut body, limit).collect().await
    };
    let read = tokio::time::timeout(seconds(server.body_timeout_seconds), reading).await;
    match read.map_err(|_| ApiError::from(Reason::BodyTooSlow))? {
        Ok(read) => Ok(Body::from(read.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {
            linger(&mut body).await;
            Err(ApiError::too_large(limit))
        }
        // The client went away in the middle of its body.
        Err(_) => Err(Reason::MalformedHttp.into()),
    }
}

/// Reads on for a moment and throws away what comes.
async fn linger(body: &mut Body) {
    let reading = async {
        let mut left = LINGER_BYTES;
        while left > 0
            && let Some(Ok(frame)) = body.frame().await
        {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    // Over time or not: the answer is given now.
    let _ = tokio::time::timeout(LINGER, reading).await;
}
