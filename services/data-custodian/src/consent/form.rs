//! What browsers send.

use super::pages::Chosen;
use super::refused::Refused;
use axum::extract::Request;
use axum::http::header;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use uuid::Uuid;

/// Bytes of a form at most.
const MOST_BYTES: usize = 64 * 1024;

/// The query of a page. Of a name that comes twice the first counts.
#[derive(Debug, Default)]
pub(super) struct ShowQuery {
    pub(super) handoff: Option<String>,
    pub(super) lang: Option<String>,
    /// From the issuer, with `state`.
    pub(super) code: Option<String>,
    pub(super) state: Option<String>,
}

impl ShowQuery {
    pub(super) fn of(query: &str) -> Self {
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "handoff" => &mut found.handoff,
                "lang" => &mut found.lang,
                "code" => &mut found.code,
                "state" => &mut found.state,
                _ => continue,
            };
            slot.get_or_insert_with(|| value.into_owned());
        }
        found
    }
}

/// What the customer pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Lists the usage points of the customer who was named; nothing is decided.
    Show,
    Allow,
    Deny,
}

/// The form of the consent page.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) handoff: Option<String>,
    pub(super) csrf: Option<String>,
    pub(super) lang: Option<String>,
    pub(super) decision: Option<Decision>,
    customer_id: Option<String>,
    usage_points: Vec<String>,
    pii: bool,
}

impl Form {
    fn of(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let value = value.into_owned();
            match name.as_ref() {
                "handoff" => form.handoff = Some(value),
                "csrf" => form.csrf = Some(value),
                "lang" => form.lang = Some(value),
                "customer_id" => form.customer_id = Some(value),
                "usage_point" => form.usage_points.push(value),
                "pii" => form.pii = value == "allow",
                "decision" => {
                    form.decision = match value.as_str() {
                        "show" => Some(Decision::Show),
                        "allow" => Some(Decision::Allow),
                        "deny" => Some(Decision::Deny),
                        _ => None,
                    }
                }
                _ => {}
            }
        }
        form
    }

    /// The customer who was named, in development mode.
    pub(super) fn customer(&self) -> Option<i64> {
        self.customer_id.as_deref().and_then(|text| text.trim().parse().ok())
    }

    /// What was chosen. What is no id is left out, and belongs to nobody anyway.
    pub(super) fn chosen(&self) -> Chosen {
        let points = self.usage_points.iter().filter_map(|text| Uuid::try_parse(text).ok()).collect();
        Chosen { customer: self.customer_id.clone().unwrap_or_default(), points, pii: self.pii }
    }
}

/// The form in the body.
pub(super) async fn read(request: Request, within: Duration) -> Result<Form, Refused> {
    let (parts, body) = request.into_parts();
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Refused::Form);
    }
    let reading = tokio::time::timeout(within, Limited::new(body, MOST_BYTES).collect()).await;
    let read = reading.map_err(|_| Refused::Form)?.map_err(|_| Refused::Form)?;
    Ok(Form::of(&read.to_bytes()))
}
