//! Documents for people and tools. Everything is served from here; no page asks another server for anything.

use crate::extract::KnownQuery;
use crate::state::AppState;
use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use std::sync::LazyLock;
use utoipa_swagger_ui::{Config, SwaggerUi};

static OPENAPI: LazyLock<String> = LazyLock::new(schemas::openapi_json);
static POLICY_SCHEMA: LazyLock<String> = LazyLock::new(schemas::policy_schema_json);
const HOME: &str = include_str!("../../assets/home.html");
const REDOC: &str = include_str!("../../assets/redoc.html");
const REDOC_SCRIPT: &str = include_str!("../../assets/redoc.standalone.js");

pub(super) fn routes() -> Vec<(&'static str, MethodRouter<AppState>)> {
    vec![
        ("/v1/awe/openapi.json", get(openapi)),
        (schemas::policy_schema::PATH, get(policy_schema)),
        ("/v1/awe/redoc", get(async || Html(REDOC))),
        ("/v1/awe/redoc/redoc.standalone.js", get(redoc_script)),
    ]
}

pub(super) fn swagger() -> Router<AppState> {
    let config = Config::new(["/v1/awe/openapi.json"])
        .try_it_out_enabled(true)
        .persist_authorization(true)
        .validator_url("none");
    SwaggerUi::new("/v1/awe/docs").config(config).into()
}

/// The landing page.
pub fn home() -> Router<AppState> {
    Router::new().route("/", get(async || Html(HOME)))
}

async fn policy_schema(_: KnownQuery) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/schema+json")], POLICY_SCHEMA.as_str())
}

async fn openapi(_: KnownQuery) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.as_str())
}

async fn redoc_script() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, REDOC_SCRIPT)
}
