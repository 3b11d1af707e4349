//! Signing in at the issuer, by `OpenID` Connect's authorization code.

use super::answer;
use super::form::ShowQuery;
use super::incoming::Incoming;
use super::pages::Lang;
use super::refused::{Refused, refuse};
use super::session::{self, Session};
use crate::identity::Issuer;
use crate::nonces;
use crate::state::App;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Instant;
use subtle::ConstantTimeEq;

/// Where browsers come back to: beside the pages, on the public address.
fn redirect_uri(app: &App) -> String {
    let base = app.authorizations.uris().base();
    format!("{}/consent/signed-in", base.strip_suffix("/espi/1_1/resource").unwrap_or(base))
}

/// Sends the browser to the issuer.
pub(super) async fn begin(app: &App, issuer: &Issuer, incoming: &Incoming) -> Result<Response, Refused> {
    let (state, nonce) = (nonces::generate(), nonces::generate());
    let url = issuer.sign_in(&redirect_uri(app), &state, &nonce).await;
    let url = url.map_err(|error| Refused::SignIn(error.to_string()))?;
    let cookie = session::asked(&app.codec, &state, &nonce, &incoming.token);
    let headers =
        [(header::LOCATION, url.as_str().to_owned()), (header::CACHE_CONTROL, "no-store".to_owned())];
    let mut response = (StatusCode::SEE_OTHER, headers).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The browser is back.
pub(super) async fn signed_in(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let began = Instant::now();
    let back = ShowQuery::of(query.as_deref().unwrap_or_default());
    match finished(&app, &back, &headers).await {
        Ok(response) => response,
        Err(refused) => refuse(&app, &refused, Lang::of(None, &headers), began).await,
    }
}

async fn finished(app: &App, back: &ShowQuery, headers: &HeaderMap) -> Result<Response, Refused> {
    let issuer = app.tokens.issuer().ok_or(Refused::Session)?;
    let (state, nonce, token) = Session::of(headers).sign_in(&app.codec).ok_or(Refused::Session)?;
    let is_ours: bool = state.as_bytes().ct_eq(back.state.as_deref().unwrap_or_default().as_bytes()).into();
    let code = back.code.as_deref().filter(|_| is_ours).ok_or(Refused::Session)?;
    let customer = issuer.customer(code, &redirect_uri(app), &nonce).await;
    let customer = customer.map_err(|error| Refused::SignIn(error.to_string()))?;
    let known = answer::known(app, Some(customer)).await?;
    let customer = known.ok_or_else(|| Refused::SignIn("the customer is not known".to_owned()))?;
    let location =
        url::form_urlencoded::Serializer::new("/consent?".to_owned()).append_pair("handoff", &token).finish();
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())];
    let mut response = (StatusCode::SEE_OTHER, headers).into_response();
    response.headers_mut().insert(header::SET_COOKIE, session::signed_in(&app.codec, customer));
    Ok(response)
}
