//! Refuses query parameters that a route does not know. To ignore them would be wrong: a mistyped filter would then show
//! more than was asked for. A route knows the parameters that the `OpenAPI` document describes.

use crate::error::{ApiError, Reason};
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use schemas::QueryParameters;
use schemas::api::{Location, ValidationDetail};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use url::form_urlencoded;

static KNOWN: LazyLock<QueryParameters> = LazyLock::new(QueryParameters::described);

/// Characters of a name that a message repeats.
const LONGEST: usize = 100;
/// Names that one answer reports.
const MOST: usize = 20;
/// Similarity (0 to 1) from which a known name is suggested for an unknown one.
const ALIKE: f64 = 0.7;

/// For handlers that take nothing else from a request.
#[derive(Debug, Clone, Copy)]
pub struct KnownQuery;

impl<S: Sync> FromRequestParts<S> for KnownQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        refuse_unknown(parts).map(|()| Self)
    }
}

/// Refuses every parameter that the route does not know.
///
/// # Errors
/// [`Reason::UnknownParameter`], with one detail a parameter.
pub fn refuse_unknown(parts: &Parts) -> Result<(), ApiError> {
    let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) else { return Ok(()) };
    let path = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let known = KNOWN.of(path, parts.method.as_str()).unwrap_or_default();
    let given: BTreeSet<_> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
    let unknown = given.iter().filter(|name| !known.iter().any(|known| known == *name));
    let detail: Vec<ValidationDetail> = unknown.take(MOST).map(|name| refused(name, known)).collect();
    if detail.is_empty() { Ok(()) } else { Err(ApiError::faulty(Reason::UnknownParameter, detail)) }
}

fn refused(name: &str, known: &[String]) -> ValidationDetail {
    let likeness = |known: &&String| strsim::jaro_winkler(name, known);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let meant = nearest.filter(|nearest| likeness(nearest) >= ALIKE);
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    let takes = match known {
        [] => "this route takes none".to_owned(),
        _ => format!("this route knows {}", known.join(", ")),
    };
    ValidationDetail {
        loc: vec![Location::Field("query".to_owned()), Location::Field(name.chars().take(LONGEST).collect())],
        msg: format!("unknown parameter{meant} ({takes})"),
        kind: "extra_forbidden".to_owned(),
    }
}
