//! The contract of both listeners, as OpenAPI.
#![expect(dead_code, reason = "macros read these functions, and nobody calls them")]

use crate::authorizations::{AuthorizationOut, SubscriptionOut};
use crate::backchannel::ErrorOut;
use crate::grant::{GrantedOut, PendingOut};
use crate::health::HealthOut;
use crate::resources::ResourceErrorOut;
use serde::Serialize;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use uuid::Uuid;

/// What an authorization server sends.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantIn {
    /// For logs alone: two calls with one id store two authorizations.
    #[schema(example = "corr-0001")]
    pub correlation_id: String,
    /// A registered client.
    #[schema(example = "third_party")]
    pub client_id: String,
    /// Stored as it is.
    #[schema(max_length = 256, example = "FB=4_5_15;IntervalDuration=3600")]
    pub granted_scope: String,
    /// The customer.
    #[schema(example = 42)]
    pub retail_customer_id: i64,
    /// Absent, null and empty are the same: none.
    #[schema(example = json!(["11111111-2222-4333-8444-555555555555"]))]
    pub selected_usage_point_ids: Option<Vec<Uuid>>,
    /// With function blocks 54 to 62, and only then.
    #[schema(max_length = 1024)]
    pub customer_resource_uri: Option<String>,
}

#[utoipa::path(post, path = "/internal/backchannel/v1/subscriptions", tag = "back-channel",
    operation_id = "provision", summary = "Store a grant",
    description = "On the internal listener. Not idempotent: a call that is sent again stores another authorization.",
    request_body = GrantIn, security(("backchannel" = [])),
    responses(
        (status = 201, description = "It took effect.", body = GrantedOut),
        (status = 202, description = "It waits for approval in AWE.", body = PendingOut),
        (status = 400, description = "The first check that failed.", body = ErrorOut),
        (status = 401, description = "The credential is missing or wrong.", body = ErrorOut),
        (status = 408, description = "The body came too slowly.", body = ErrorOut),
        (status = 413, description = "The body has more than 64 KiB.", body = ErrorOut),
        (status = 415, description = "The body is no JSON.", body = ErrorOut),
        (status = 429, description = "Too fast; see `Retry-After`.", body = ErrorOut),
        (status = 500, description = "An unexpected fault.", body = ErrorOut),
        (status = 503, description = "The database or AWE is away.", body = ErrorOut)))]
fn provision() {}

#[utoipa::path(get, path = "/internal/system/v1/config", tag = "operations", operation_id = "read_config",
    summary = "Read the settings", description = "On the internal listener. Secrets are masked.",
    security(("backchannel" = [])),
    responses(
        (status = 200, description = "Every setting, by section.", body = serde_json::Value),
        (status = 401, description = "The credential is missing or wrong.", body = ErrorOut)))]
fn read_config() {}

#[utoipa::path(get, path = "/espi/1_1/resource/Authorization/{id}", tag = "resources",
    operation_id = "read_authorization", summary = "Read an authorization", params(("id" = Uuid, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The authorization.", body = AuthorizationOut),
        (status = 401, description = "No trusted token.", body = ResourceErrorOut),
        (status = 404, description = "There is none for this token.", body = ResourceErrorOut),
        (status = 503, description = "The database or the issuer is away.", body = ResourceErrorOut)))]
fn read_authorization() {}

#[utoipa::path(delete, path = "/espi/1_1/resource/Authorization/{id}", tag = "resources",
    operation_id = "withdraw", summary = "Withdraw an authorization",
    description = "By its customer or its client. It stays as `REVOKED`, its subscriptions go. While it waits for approval, \
                   the request in AWE is cancelled.",
    params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses(
        (status = 204, description = "It is revoked, now or before."),
        (status = 401, description = "No trusted token.", body = ResourceErrorOut),
        (status = 404, description = "There is none for this token.", body = ResourceErrorOut),
        (status = 503, description = "The database or the issuer is away.", body = ResourceErrorOut)))]
fn withdraw() {}

#[utoipa::path(get, path = "/espi/1_1/resource/Subscription/{id}", tag = "resources",
    operation_id = "read_subscription", summary = "Read a subscription of an active authorization",
    params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses(
        (status = 200, description = "The subscription.", body = SubscriptionOut),
        (status = 401, description = "No trusted token.", body = ResourceErrorOut),
        (status = 404, description = "There is none for this token.", body = ResourceErrorOut),
        (status = 503, description = "The database or the issuer is away.", body = ResourceErrorOut)))]
fn read_subscription() {}

#[utoipa::path(get, path = "/consent", tag = "consent", operation_id = "show_consent",
    summary = "Ask the customer", params(
        ("handoff" = String, Query, description = "An outbound hand-off token."),
        ("lang" = Option<String>, Query, description = "en, fr, ar or hi; else what the browser likes best.")),
    responses(
        (status = 200, description = "The page; nothing was consumed."),
        (status = 303, description = "To the issuer, to sign in."),
        (status = 400, description = "The one page of all refusals.")))]
fn show_consent() {}

#[utoipa::path(post, path = "/consent", tag = "consent", operation_id = "answer_consent",
    summary = "Answer", responses(
        (status = 200, description = "The page again, since something is missing; nothing was consumed."),
        (status = 303, description = "Back to the return URL, with a return token in `handoff`."),
        (status = 400, description = "The one page of all refusals.")))]
fn answer_consent() {}

#[utoipa::path(get, path = "/health", tag = "operations", operation_id = "health", summary = "How it does",
    responses(
        (status = 200, description = "It serves; `degraded` when something in the background does not run.", body = HealthOut),
        (status = 503, description = "The database does not answer.", body = HealthOut)))]
fn health() {}

#[utoipa::path(get, path = "/health/live", tag = "operations", operation_id = "health_live",
    summary = "Whether the process answers; it asks nobody else",
    responses((status = 204, description = "It answers.")))]
fn live() {}

#[utoipa::path(get, path = "/health/ready", tag = "operations", operation_id = "health_ready",
    summary = "Whether calls should be sent here", responses(
        (status = 200, description = "As `/health`.", body = HealthOut),
        (status = 503, description = "As `/health`, or the process was asked to stop.", body = HealthOut)))]
fn ready() {}

#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics", summary = "Metrics for Prometheus",
    description = "The same as on `telemetry.metrics_port`.",
    responses((status = 200, description = "Text.", body = String, content_type = "text/plain")))]
fn metrics() {}

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = |kind| SecurityScheme::Http(HttpBuilder::new().scheme(kind).build());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("backchannel", scheme(HttpAuthScheme::Basic));
        components.add_security_scheme("bearer", scheme(HttpAuthScheme::Bearer));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Data custodian", version = "1.0.0", description = "Grants of customers' data, and what became of them."),
    paths(
        provision,
        read_config,
        read_authorization,
        withdraw,
        read_subscription,
        show_consent,
        answer_consent,
        health,
        live,
        ready,
        metrics
    ),
    modifiers(&Schemes)
)]
struct Document;

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document as it is committed: with a new line at its end.
///
/// # Panics
/// Never: a document can be written as JSON.
#[must_use]
pub fn text() -> String {
    document().to_pretty_json().expect("a document can be written as JSON") + "\n"
}
