//! The HTTP API.

mod create;
mod decide;
mod people;
mod read;
mod webhook;

use crate::app::App;
use crate::error::{ApiError, Code, ErrorBody};
use crate::portal;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::FutureExt as _;
use serde::Serialize;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerFile};

#[derive(OpenApi)]
#[openapi(
    info(title = "Registry", description = "A register whose changes AWE approves: the reference caller."),
    paths(
        create::create, decide::approve, decide::reject, decide::cancel, read::list, read::detail, read::approval,
        read::my_approvals, webhook::decision, people::config, people::me, health
    ),
    components(schemas(ErrorBody)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The contract of this API.
///
/// # Panics
/// Never: what the types give is JSON.
#[must_use]
pub fn openapi_json() -> String {
    #[expect(clippy::expect_used, reason = "the document has no maps with other keys than texts")]
    let text = Document::openapi().to_pretty_json().expect("the document is JSON");
    text + "\n"
}

static OPENAPI: LazyLock<String> = LazyLock::new(openapi_json);
static SWAGGER: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::new(["/v1/registry/openapi.json"]).validator_url("none")));

/// What every call passes: a bound on how many run at once, a time limit, a net under panics.
#[derive(Clone)]
struct Bounds {
    places: Arc<Semaphore>,
    limit: Duration,
}

pub fn router(app: App) -> Router {
    let server = &app.settings.server;
    let bounds = || Bounds {
        places: Arc::new(Semaphore::new(server.max_in_flight)),
        limit: Duration::from_secs(server.request_timeout_seconds),
    };
    // Places of its own: whatever people do, AWE's news come in.
    let news = Router::new()
        .route("/v1/registry/awe/webhooks/decision", post(webhook::decision))
        .layer(from_fn_with_state(bounds(), bounded));
    Router::new()
        .route("/v1/registry/change-requests/create_change_request", post(create::create))
        .route("/v1/registry/change-requests/approve_change_request", post(decide::approve))
        .route("/v1/registry/change-requests/reject_change_request", post(decide::reject))
        .route("/v1/registry/change-requests/cancel_change_request", post(decide::cancel))
        .route("/v1/registry/change-requests", get(read::list))
        .route("/v1/registry/change-requests/{change_request_id}", get(read::detail))
        .route("/v1/registry/change-requests/{change_request_id}/approval", get(read::approval))
        .route("/v1/registry/my-approvals", get(read::my_approvals))
        .route("/v1/registry/config", get(people::config))
        .route("/v1/registry/me", get(people::me))
        .route("/v1/registry/openapi.json", get(openapi))
        .route("/v1/registry/docs", get(docs))
        .route("/v1/registry/docs/", get(docs))
        .route("/v1/registry/docs/{*file}", get(docs_file))
        .layer(from_fn_with_state(bounds(), bounded))
        .merge(news)
        // Answers also when all places are taken.
        .route("/v1/registry/health", get(health))
        .fallback(async |State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap| {
            portal::answer(&app.settings.auth.issuer, &method, uri.path(), &headers)
        })
        .method_not_allowed_fallback(async || {
            ApiError::schema("the route knows other methods").with_status(StatusCode::METHOD_NOT_ALLOWED)
        })
        .layer(from_fn(traced))
        .with_state(app)
}

/// What operators are told of a call: its span, in the caller's trace, and how long it took.
async fn traced(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let call = telemetry::Call::begin(&request, route.as_ref().map(MatchedPath::as_str));
    call.answer(next.run(request)).await
}

async fn bounded(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let Ok(_place) = bounds.places.try_acquire() else {
        return ApiError::new(Code::Fault, "too many calls at once").again_after(1).into_response();
    };
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(bounds.limit, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            ApiError::new(Code::Fault, "a fault of this service; its log has the cause").into_response()
        }
        Err(_) => ApiError::new(Code::Fault, "the call took too long").again_after(5).into_response(),
    }
}

/// Whether this process can do its work.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`, `degraded` (reconciliation does not run) or `down` (503: no database).
    status: &'static str,
    database: bool,
    /// `off` without AWE, else whether its loop runs.
    reconciliation: &'static str,
    /// Unsigned tokens are accepted.
    development: bool,
}

#[utoipa::path(get, path = "/v1/registry/health", responses(
    (status = 200, body = Health), (status = 503, body = Health)))]
async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let ping = sqlx::query("select 1").execute(&app.db);
    let database =
        tokio::time::timeout(Duration::from_secs(2), ping).await.is_ok_and(|answer| answer.is_ok());
    let reconciliation = match (app.settings.awe.enabled, app.is_reconciling()) {
        (false, _) => "off",
        (true, true) => "running",
        (true, false) => "stopped",
    };
    let (code, status) = match (database, reconciliation) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "down"),
        (true, "stopped") => (StatusCode::OK, "degraded"),
        (true, _) => (StatusCode::OK, "ok"),
    };
    (code, Json(Health { status, database, reconciliation, development: app.settings.is_development() }))
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.as_str())
}

/// Swagger UI. Its page names files relative to itself, and is served with and without a slash behind its path.
async fn docs() -> Response {
    let at_home = "<head><base href=\"/v1/registry/docs/\" />";
    match swagger("index.html") {
        Some(file) => {
            Html(String::from_utf8_lossy(&file.bytes).replacen("<head>", at_home, 1)).into_response()
        }
        None => ApiError::new(Code::Fault, "Swagger UI has no page").into_response(),
    }
}

async fn docs_file(Path(file): Path<String>) -> Response {
    match swagger(&file) {
        Some(file) => ([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response(),
        None => ApiError::schema("there is no such file").with_status(StatusCode::NOT_FOUND).into_response(),
    }
}

fn swagger(file: &str) -> Option<SwaggerFile<'static>> {
    utoipa_swagger_ui::serve(file, Arc::clone(&SWAGGER)).ok().flatten()
}
