//! Consent pages: the customer is asked what may be shared, and goes back with a signed answer.
//!
//! Showing the page consumes nothing; the answer consumes the nonce of the token, before anything is said to anybody.
//! Whatever is wrong with a token, a form or a session ends in one page, at the same time, so that nothing can be learnt
//! from how it fails.

mod answer;
mod form;
mod incoming;
mod pages;
mod refused;
mod session;
mod sign_in;

pub use incoming::allowed_return;
pub use pages::Pages;

use crate::state::App;
use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use form::{Decision, Form, ShowQuery};
use incoming::Incoming;
use pages::{Asked, Chosen, Lang, View};
use refused::{Refused, refuse};
use session::Session;
use std::time::{Duration, Instant};

/// The consent pages.
pub fn router() -> Router<App> {
    Router::new()
        .route("/consent", get(show).post(submit))
        .route("/consent/signed-in", get(sign_in::signed_in))
        .route("/consent/style.css", get(style))
}

async fn style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")],
        pages::STYLE,
    )
        .into_response()
}

async fn show(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let began = Instant::now();
    let query = ShowQuery::of(query.as_deref().unwrap_or_default());
    let lang = Lang::of(query.lang.as_deref(), &headers);
    match shown(&app, &query, &headers, lang).await {
        Ok(response) => response,
        Err(refused) => refuse(&app, &refused, lang, began).await,
    }
}

async fn shown(app: &App, query: &ShowQuery, headers: &HeaderMap, lang: Lang) -> Result<Response, Refused> {
    let incoming = Incoming::read(app, query.handoff.as_deref()).await?;
    let session = Session::of(headers);
    let customer = match app.tokens.issuer() {
        None => None,
        Some(issuer) => match session.customer(&app.codec) {
            Some(customer) => Some(customer),
            None => return sign_in::begin(app, issuer, &incoming).await,
        },
    };
    let view = View { asked: asked(&incoming), customer, chosen: &Chosen::default(), message: None, lang };
    page(app, &session, &view).await
}

async fn submit(State(app): State<App>, request: Request) -> Response {
    let began = Instant::now();
    let headers = request.headers().clone();
    let within = Duration::from_secs(app.config.server.body_timeout_seconds);
    let form = form::read(request, within).await;
    let lang = Lang::of(form.as_ref().ok().and_then(|form| form.lang.as_deref()), &headers);
    let submitted = match form {
        Ok(form) => submitted(&app, &form, &headers, lang).await,
        Err(refused) => Err(refused),
    };
    match submitted {
        Ok(response) => response,
        Err(refused) => refuse(&app, &refused, lang, began).await,
    }
}

async fn submitted(app: &App, form: &Form, headers: &HeaderMap, lang: Lang) -> Result<Response, Refused> {
    let session = Session::of(headers);
    let handoff = form.handoff.as_deref();
    session.require_csrf(&app.codec, handoff.unwrap_or_default(), form.csrf.as_deref())?;
    let incoming = Incoming::read(app, handoff).await?;
    let named = match app.tokens.issuer() {
        None => form.customer(),
        Some(_) => Some(session.customer(&app.codec).ok_or(Refused::Session)?),
    };
    let chosen = form.chosen();
    let again =
        |customer, message| View { asked: asked(&incoming), customer, chosen: &chosen, message, lang };
    let Some(customer) = answer::known(app, named).await? else {
        return page(app, &session, &again(None, Some("unknown_customer"))).await;
    };
    match form.decision.ok_or(Refused::Form)? {
        Decision::Show => page(app, &session, &again(Some(customer), None)).await,
        Decision::Deny => answer::deny(app, &incoming, customer).await,
        Decision::Allow => match answer::allow(app, &incoming, customer, &chosen).await? {
            Some(response) => Ok(response),
            None => page(app, &session, &again(Some(customer), Some("nothing"))).await,
        },
    }
}

/// What the page tells of a token.
fn asked(incoming: &Incoming) -> Asked<'_> {
    Asked {
        token: &incoming.token,
        client_name: &incoming.client_name,
        scope: incoming.scope.raw(),
        asks_pii: incoming.scope.includes_customer_pii(),
        return_origin: incoming.return_url.origin().ascii_serialization(),
    }
}

async fn page(app: &App, session: &Session, view: &View<'_>) -> Result<Response, Refused> {
    let points = match view.customer {
        Some(customer) => answer::usage_points(app, customer).await?,
        None => Vec::new(),
    };
    let (csrf, cookie) = session.csrf(&app.codec, view.asked.token, !app.config.is_development());
    Ok(app.pages.consent(view, &points, &csrf, cookie, app.config.is_development())?)
}
