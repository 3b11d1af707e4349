//! The `OpenAPI` 3.1 document of the HTTP API, made from the types and from one description for each route.

mod admin;
mod answers;
mod delegations;
mod directory;
mod examples;
mod feed;
mod keys;
mod parameters;
mod policies;
mod requests;
mod system;
mod tasks;
mod webhooks;

pub use parameters::QueryParameters;

use crate::api;
use crate::event::WebhookEvent;
use engine::request::Action;
use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, RefOr};
use utoipa::{Modify, OpenApi as _};

/// Name of the security scheme.
const BEARER: &str = "bearerAuth";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "AWE: Approval Workflow Engine",
        version = "1.0",
        description = "Ask for approval of an artifact, let the right people decide, learn the outcome.\n\n\
            Success bodies are bare; every other body is an `ErrorEnvelope`. Times are RFC 3339 UTC, ids are UUIDs. \
            Every answer to a request without a valid token is 401, to a token without the right role 403.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The server that serves this document")),
    tags(
        (name = "system", description = "Health, version and configuration; open to everybody"),
        (name = "policies", description = "Who must agree: versions, activation and simulation"),
        (name = "requests", description = "Requests for approval and their history"),
        (name = "events", description = "Everything that happens, to be pulled or followed"),
        (name = "tasks", description = "What somebody is asked to decide"),
        (name = "delegations", description = "Who sits for whom while they are away"),
        (name = "admin", description = "For operators: deliveries, audit trail and callback secrets"),
        (name = "webhooks", description = "What AWE sends to callers")
    ),
    paths(
        system::health, system::live, system::ready, system::startup, system::version, system::config, system::me,
        policies::list_policies, policies::create_policy, policies::validate_policy,
        policies::add_policy_version,
        policies::list_policy_versions, policies::get_policy_version, policies::update_policy_version,
        policies::activate_policy_version, policies::deactivate_policy_version,
        policies::diff_policy_versions, policies::replay_policy_version, policies::simulate_policy_version,
        requests::create_request, requests::list_requests, requests::get_request, requests::get_request_progress,
        requests::cancel_request,
        requests::get_request_evidence, requests::list_request_events,
        feed::list_events, feed::follow_events,
        tasks::list_tasks, tasks::get_task, tasks::get_task_stats, tasks::claim_task, tasks::decide_task, tasks::decide_tasks, tasks::reassign_task,
        delegations::list_delegations, delegations::create_delegation, delegations::delete_delegation,
        admin::list_deliveries, admin::list_delivery_attempts, admin::retry_delivery,
        admin::retry_deliveries, admin::get_overview, admin::list_endpoints, admin::get_parts_health, admin::list_audit_actions, admin::get_log_level, admin::set_log_level, admin::get_system_config, admin::export_system_config, admin::list_callback_secrets,
        admin::create_callback_secret, admin::update_callback_secret, admin::rotate_callback_secret, admin::revoke_callback_secret,
        admin::ping_callback_secret,
        directory::find_users, directory::find_roles, directory::find_groups, directory::find_clients,
    ),
    components(schemas(
        api::DecisionItemIn, api::ErrorEnvelope, api::ErrorDetail, api::ValidationDetail, api::Location, api::ResumeOut,
        WebhookEvent,
    )),
    modifiers(&Additions),
)]
struct Document;

/// Additions to the document that the macros cannot express.
struct Additions;

impl Modify for Additions {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        scheme.description = Some("An access token of the configured Keycloak realm".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
        for (schema, name, example) in object_examples() {
            if let Some(field) = field(components, schema, name) {
                field.example = Some(example);
            }
        }
        for schema in ["CreateRequestIn", "SimulateRequest"] {
            if let Some(field) = field(components, schema, "context") {
                field.default = Some(json!({}));
            }
        }
        for schema in ["DecisionIn", "DecisionItemIn"] {
            let Some(field) = field(components, schema, "action") else { continue };
            field.enum_values = Some(Action::ALL.iter().map(|action| json!(action.as_str())).collect());
        }
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])]);
        keys::describe(&mut document.paths);
        document.webhooks = Some(webhooks::webhooks());
        examples::describe(document);
    }
}

/// Examples of fields that hold any JSON object. For these the macros drop the examples.
fn object_examples() -> [(&'static str, &'static str, Value); 11] {
    let rule = json!({"role": "registry-approver"});
    let skip_if = json!({"<": [{"var": "amount"}, 1000]});
    let context = json!({"amount": 2500, "district": "north"});
    let payload = json!({"actor": "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11"});
    [
        ("ApproverRuleIn", "rule_value", rule.clone()),
        ("ApproverRuleOut", "rule_value", rule),
        ("StageIn", "skip_if", skip_if.clone()),
        ("StageOut", "skip_if", skip_if),
        ("PolicyCreate", "context_schema", json!({"required": ["amount"], "type": "object"})),
        ("SimulateRequest", "context", context.clone()),
        ("CreateRequestIn", "context", context.clone()),
        ("RequestOut", "context", context.clone()),
        ("TaskOut", "context", context),
        ("EventOut", "payload", payload.clone()),
        ("WebhookEvent", "payload", payload),
    ]
}

fn field<'a>(components: &'a mut Components, schema: &str, name: &str) -> Option<&'a mut Object> {
    let RefOr::T(Schema::Object(object)) = components.schemas.get_mut(schema)? else { return None };
    let RefOr::T(Schema::Object(field)) = object.properties.get_mut(name)? else { return None };
    Some(field)
}

/// Returns the document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Returns the document as it is committed and served: indented JSON with a final line break, the same at every call.
#[must_use]
pub fn openapi_json() -> String {
    crate::pretty_json(&openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_addition_finds_its_field() {
        let mut document = openapi();
        let components = document.components.get_or_insert_default();
        for (schema, name, example) in object_examples() {
            let field = field(components, schema, name).unwrap_or_else(|| panic!("{schema} has no {name}"));
            assert_eq!(field.example.as_ref(), Some(&example), "{schema}.{name}");
        }
        let action = field(components, "DecisionIn", "action").expect("DecisionIn has an action");
        assert_eq!(action.enum_values, Some(vec![json!("approve"), json!("reject"), json!("abstain")]));
        let context = field(components, "CreateRequestIn", "context").expect("a request has a context");
        assert_eq!(context.default, Some(json!({})));
    }
}
