//! The customer's answer.

use super::incoming::Incoming;
use super::pages::{Chosen, Point};
use super::refused::Refused;
use crate::handoff::{Consent, Return, VERSION};
use crate::nonces;
use crate::state::App;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashSet;
use time::{Duration, OffsetDateTime};
use url::Url;
use uuid::Uuid;

/// Usage points that one page lists at most.
const MOST_POINTS: i64 = 500;

/// The customer who was named, if there is one.
pub(super) async fn known(app: &App, customer: Option<i64>) -> Result<Option<i64>, Refused> {
    let select = "select id from retail_customers where id = $1";
    Ok(sqlx::query_scalar(select).bind(customer).fetch_optional(&app.pool).await?)
}

/// The customer's own usage points.
pub(super) async fn usage_points(app: &App, customer: i64) -> Result<Vec<Point>, Refused> {
    let select =
        "select id, service_kind from usage_points where retail_customer_id = $1 order by id limit $2";
    let rows: Vec<(Uuid, i32)> =
        sqlx::query_as(select).bind(customer).bind(MOST_POINTS).fetch_all(&app.pool).await?;
    Ok(rows.into_iter().map(|(id, kind)| Point { id, kind }).collect())
}

/// The customer says no.
pub(super) async fn deny(app: &App, incoming: &Incoming, customer: i64) -> Result<Response, Refused> {
    send(app, incoming, customer, Vec::new(), None, Consent::Deny).await
}

/// The customer says yes to what was chosen; `None` when that is nothing, or not the customer's: then nothing is consumed.
pub(super) async fn allow(
    app: &App,
    incoming: &Incoming,
    customer: i64,
    chosen: &Chosen,
) -> Result<Option<Response>, Refused> {
    let own: HashSet<Uuid> = usage_points(app, customer).await?.iter().map(|point| point.id).collect();
    let pii = chosen.pii && incoming.scope.includes_customer_pii();
    if !chosen.points.iter().all(|id| own.contains(id)) || (chosen.points.is_empty() && !pii) {
        return Ok(None);
    }
    let mut seen = HashSet::new();
    let points = chosen.points.iter().copied().filter(|id| seen.insert(*id)).collect();
    let uri = pii.then(|| app.authorizations.uris().customer(customer));
    send(app, incoming, customer, points, uri, Consent::Allow).await.map(Some)
}

/// Consumes the token and sends the browser back.
async fn send(
    app: &App,
    incoming: &Incoming,
    customer: i64,
    up: Vec<Uuid>,
    cust_uri: Option<String>,
    consent: Consent,
) -> Result<Response, Refused> {
    let outbound = &incoming.outbound;
    app.nonces.consume(Some(&outbound.nonce), outbound.exp).await?;
    let iat = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or_else(|_| OffsetDateTime::now_utc());
    let exp = iat + Duration::seconds(app.config.handoff.return_lifetime_seconds.into());
    let (cid, nonce, sub) = (outbound.cid.clone(), nonces::generate(), customer.to_string());
    let answer = Return { v: VERSION, cid, iat, exp, nonce, sub, up, cust_uri, consent };
    let token = app.codec.encode_return(&answer).map_err(|_| Refused::Answer)?;
    crate::metrics::handoff("answered");
    tracing::info!(
        customer,
        client = outbound.client_id,
        ?consent,
        points = answer.up.len(),
        "a customer answered"
    );
    let location = with_handoff(incoming.return_url.clone(), &token);
    let headers = [
        (header::LOCATION, location.into()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// The return URL with our token in its query. What else is there stays as it was; an old `handoff` goes.
fn with_handoff(mut url: Url, token: &str) -> Url {
    let is_old = |pair: &&str| pair.split('=').next() == Some("handoff");
    let kept: Vec<&str> = url
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !is_old(pair) && !pair.is_empty())
        .collect();
    let own = format!("handoff={token}");
    let query = kept.into_iter().chain([own.as_str()]).collect::<Vec<_>>().join("&");
    url.set_query(Some(&query));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_joins_the_query_and_an_old_one_goes() {
        for (before, after) in [
            ("https://as.example.com/continue", "https://as.example.com/continue?handoff=P.M"),
            ("https://as.example.com/continue?", "https://as.example.com/continue?handoff=P.M"),
            ("https://as.example.com/c?state=a%20b&x", "https://as.example.com/c?state=a%20b&x&handoff=P.M"),
            ("https://as.example.com/c?handoff=old&s=1", "https://as.example.com/c?s=1&handoff=P.M"),
        ] {
            assert_eq!(with_handoff(Url::parse(before).unwrap(), "P.M").as_str(), after);
        }
    }
}
