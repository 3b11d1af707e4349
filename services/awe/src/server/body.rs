//! Reads bodies into memory before handlers run, so that a body that arrives slowly holds up nothing but its own call.

use crate::config::{Server, seconds};
use crate::error::{ApiError, Reason};
use crate::places::Share;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// The body in memory.
///
/// # Errors
/// The body is encoded, too large or too slow, or the client went away.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
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
        return Err(ApiError::too_large(limit));
    }
    // Never falls back: a length that is above the limit was refused above.
    let most = length.map_or(limit, |length| usize::try_from(length).unwrap_or(limit));
    let reading = async {
        let _room = share.body(most).await;
        Limited::new(body, limit).collect().await
    };
    let read = tokio::time::timeout(seconds(server.body_timeout_seconds), reading).await;
    match read.map_err(|_| ApiError::from(Reason::BodyTooSlow))? {
        Ok(read) => Ok(Body::from(read.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(limit)),
        // The client went away in the middle of its body.
        Err(_) => Err(Reason::MalformedHttp.into()),
    }
}
