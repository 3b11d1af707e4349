//! Documents for people and tools. Everything is served from here; no page asks another server for anything.

use crate::error::{ApiError, Reason};
use crate::extract::KnownQuery;
use crate::state::AppState;
use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::{Config, SwaggerFile};

static OPENAPI: LazyLock<String> = LazyLock::new(schemas::openapi_json);
static POLICY_SCHEMA: LazyLock<String> = LazyLock::new(schemas::policy_schema_json);
static SWAGGER: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/v1/awe/openapi.json"]).try_it_out_enabled(true).persist_authorization(true);
    Arc::new(config.validator_url("none"))
});
const HOME: &str = include_str!("../../assets/home.html");
const REDOC: &str = include_str!("../../assets/redoc.html");
const REDOC_SCRIPT: &str = include_str!("../../assets/redoc.standalone.js");

pub(super) fn routes() -> Vec<(&'static str, MethodRouter<AppState>)> {
    vec![
        ("/v1/awe/openapi.json", get(openapi)),
        (schemas::policy_schema::PATH, get(policy_schema)),
        ("/v1/awe/docs", get(docs)),
        ("/v1/awe/docs/", get(docs)),
        ("/v1/awe/docs/{*file}", get(docs_file)),
        ("/v1/awe/redoc", get(async || Html(REDOC))),
        ("/v1/awe/redoc/redoc.standalone.js", get(redoc_script)),
    ]
}

/// Swagger UI. Its page names files relative to itself, and is served with and without a slash behind its path.
async fn docs() -> Response {
    let at_home = "<head><base href=\"/v1/awe/docs/\" />";
    match swagger("index.html")
        .map(|file| String::from_utf8_lossy(&file.bytes).replacen("<head>", at_home, 1))
    {
        Some(page) => Html(page).into_response(),
        None => ApiError::internal("Swagger UI has no page").into_response(),
    }
}

async fn docs_file(Path(file): Path<String>) -> Response {
    match swagger(&file) {
        Some(file) => ([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response(),
        None => ApiError::from(Reason::NoSuchRoute).into_response(),
    }
}

fn swagger(file: &str) -> Option<SwaggerFile<'static>> {
    utoipa_swagger_ui::serve(file, Arc::clone(&SWAGGER)).ok().flatten()
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
