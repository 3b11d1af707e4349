//! One authorization with its subscriptions, in the transaction of the caller: all of it is stored or nothing.

use super::{Checked, GrantedOut};
use crate::changes::note_change;
use crate::uris::Uris;
use sqlx::PgConnection;
use uuid::Uuid;

/// What was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The ids and URIs of the whole aggregate.
    pub out: GrantedOut,
}

const INSERT: &str = "
insert into authorizations (id, registered_client_id, retail_customer_id, scope, third_party, status, resource_uri,
    authorization_uri, customer_resource_uri, awe_request_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

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
        .execute(&mut *connection)
        .await?;
    for (subscription, kind) in [(resource, "resource"), (customer, "customer")] {
        let Some(subscription) = subscription else { continue };
        sqlx::query(
            "insert into subscriptions (id, authorization_id, registered_client_id, retail_customer_id, kind)
             values ($1, $2, $3, $4, $5)",
        )
        .bind(subscription)
        .bind(id)
        .bind(checked.client)
        .bind(checked.customer)
        .bind(kind)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(subscription) = resource {
        sqlx::query(
            "insert into subscription_usage_points (subscription_id, usage_point_id) select $1, unnest($2::uuid[])",
        )
        .bind(subscription)
        .bind(&grant.selected_usage_point_ids)
        .execute(&mut *connection)
        .await?;
    }
    note_change(connection, id, status, "granted").await?;
    Ok(Stored { out })
}
