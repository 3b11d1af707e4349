//! A query parameter that a route does not know is a mistake of the caller: a filter that is ignored shows more than
//! was asked for. What a route knows is what its description says.

use crate::error::{ApiError, Reason};
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use schemas::QueryParameters;
use schemas::api::{Location, ValidationDetail};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use url::form_urlencoded;

static KNOWN: LazyLock<QueryParameters> = LazyLock::new(QueryParameters::described);

/// Names are cut to so many characters, and no more than so many of them are told.
const LONGEST: usize = 100;
const MOST: usize = 20;
/// How alike two names must be for one to be taken for the other mistyped.
const ALIKE: f64 = 0.7;

/// For routes that look at nothing else of a request.
#[derive(Debug, Clone, Copy)]
pub struct KnownQuery;

impl<S: Sync> FromRequestParts<S> for KnownQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        refuse_unknown(parts).map(|()| Self)
    }
}

/// # Errors
/// [`Reason::UnknownParameter`]: every one that the route does not know.
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
