//! Pages of a list: `X-Next-Cursor` on the way out, `cursor` on the way in.

use crate::error::ApiError;
use axum::http::HeaderMap;
use store::page::{Cursor, List};

/// `X-Next-Cursor`, when there is a next page.
pub(super) fn next_cursor(cursor: Option<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = cursor.and_then(|cursor| cursor.parse().ok()) {
        headers.insert("x-next-cursor", value);
    }
    headers
}

/// The query parameter `cursor`: the `X-Next-Cursor` of the page before.
pub(super) fn cursor(list: List, text: Option<&str>) -> Result<Option<Cursor>, ApiError> {
    let malformed = || ApiError::query("cursor", "is not an X-Next-Cursor of this list");
    text.map(|text| Cursor::parse(list, text).ok_or_else(malformed)).transpose()
}
