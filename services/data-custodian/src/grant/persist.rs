//! One authorization with its subscriptions, in the transaction of the caller: all of it is stored or nothing.

use super::{Checked, GrantedOut};
use crate::uris::Uris;
use sqlx::PgConnection;
use uuid::Uuid;

/// What was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The ids and URIs of the whole aggregate.
    pub out: GrantedOut,
}

/// The whole aggregate by one statement: constraints are checked at its end.
const INSERT: &str = "
with the_authorization as (
    insert into authorizations (id, registered_client_id, retail_customer_id, scope, third_party, status, resource_uri,
        authorization_uri, customer_resource_uri, awe_request_id)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
), the_subscriptions as (
    insert into subscriptions (id, authorization_id, registered_client_id, retail_customer_id, kind)
    select id, $1, $2, $3, kind from (values ($11::uuid, 'resource'), ($12::uuid, 'customer')) as s (id, kind) where id is not null
), the_usage_points as (
    insert into subscription_usage_points (subscription_id, usage_point_id)
    select $11::uuid, unnest($13::uuid[]) where $11 is not null
)
insert into authorization_changes (authorization_id, status, cause) values ($1, $6, 'granted')";

/// Writes a checked grant under this id. With `awe_request_id` it waits for that request (`PENDING`).
///
/// # Errors
/// What the database says.
pub async fn persist(
    connection: &mut PgConnection,
    checked: &Checked,
    id: Uuid,
    awe_request_id: Option<Uuid>,
    uris: &Uris,
) -> sqlx::Result<Stored> {
    let grant = &checked.grant;
    let resource = (!grant.selected_usage_point_ids.is_empty()).then(Uuid::new_v4);
    let customer = checked.includes_pii.then(Uuid::new_v4);
    let status = if awe_request_id.is_some() { "PENDING" } else { "ACTIVE" };
    let out = GrantedOut {
        authorization_id: id,
        resource_subscription_id: resource,
        customer_subscription_id: customer,
        resource_uri: resource.map(|id| uris.subscription(id)),
        authorization_uri: uris.authorization(id),
        customer_resource_uri: grant.customer_resource_uri.clone().filter(|_| checked.includes_pii),
    };
    sqlx::query(INSERT)
        .bind(id)
        .bind(checked.client)
        .bind(checked.customer)
        .bind(&grant.granted_scope)
        .bind(&grant.client_id)
        .bind(status)
        .bind(&out.resource_uri)
        .bind(&out.authorization_uri)
        .bind(&out.customer_resource_uri)
        .bind(awe_request_id)
        .bind(resource)
        .bind(customer)
        .bind(&grant.selected_usage_point_ids)
        .execute(connection)
        .await?;
    Ok(Stored { out })
}
