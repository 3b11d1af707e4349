//! Checks 3 to 12 of the back-channel (1 and 2 are of the body).

use super::{Grant, GrantError, LONGEST_SCOPE, LONGEST_URI, Refusal};
use crate::scope::Scope;
use sqlx::{PgConnection, Row as _};
use std::collections::HashMap;
use url::Url;
use uuid::Uuid;

/// A grant that passed all checks.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The grant.
    pub grant: Grant,
    /// Key of the client's row.
    pub client: Uuid,
    /// The customer.
    pub customer: i64,
    /// Whether it includes data about the customer as a person.
    pub includes_pii: bool,
    /// The policy that has to approve it; `None`: it takes effect at once.
    pub policy_key: Option<String>,
}

/// Checks a grant against itself and the database.
///
/// # Errors
/// The first check that fails, or what the database says.
pub async fn check(connection: &mut PgConnection, grant: Grant) -> Result<Checked, GrantError> {
    let customer = required(&grant)?;
    let scope = scope(&grant.granted_scope)?;
    let (client, policy_key) = client(connection, &grant.client_id).await?;
    known_customer(connection, customer).await?;
    usage_points(connection, &grant.selected_usage_point_ids, customer).await?;
    let includes_pii = scope.includes_customer_pii();
    shape(&grant, includes_pii)?;
    Ok(Checked { grant, client, customer, includes_pii, policy_key })
}

fn required(grant: &Grant) -> Result<i64, Refusal> {
    let is_blank = |text: &str| text.trim().is_empty();
    if is_blank(&grant.client_id) {
        return Err(Refusal::required(3, "client_id"));
    }
    if is_blank(&grant.granted_scope) {
        return Err(Refusal::required(4, "granted_scope"));
    }
    grant.retail_customer_id.ok_or_else(|| Refusal::required(5, "retail_customer_id"))
}

fn scope(text: &str) -> Result<Scope, Refusal> {
    if text.chars().count() > LONGEST_SCOPE {
        return Err(Refusal::new(6, format!("granted_scope has more than {LONGEST_SCOPE} characters")));
    }
    Scope::parse(text).map_err(|error| Refusal::new(6, format!("granted_scope: {error}")))
}

async fn client(
    connection: &mut PgConnection,
    client_id: &str,
) -> Result<(Uuid, Option<String>), GrantError> {
    let select =
        "select id, case when requires_approval then coalesce(awe_policy_key, 'custodian.' || client_id) end
                  from registered_clients where client_id = $1";
    let found: Option<(Uuid, Option<String>)> =
        sqlx::query_as(select).bind(client_id).fetch_optional(connection).await?;
    found.ok_or_else(|| Refusal::new(7, format!("client_id: there is no client {}", shown(client_id))).into())
}

async fn known_customer(connection: &mut PgConnection, customer: i64) -> Result<(), GrantError> {
    let select = "select exists (select from retail_customers where id = $1)";
    if sqlx::query_scalar::<_, bool>(select).bind(customer).fetch_one(connection).await? {
        return Ok(());
    }
    Err(Refusal::new(8, format!("retail_customer_id: there is no customer {customer}")).into())
}

/// One after the other in the order of the request: whether it exists, then whose it is.
async fn usage_points(connection: &mut PgConnection, ids: &[Uuid], customer: i64) -> Result<(), GrantError> {
    if ids.is_empty() {
        return Ok(());
    }
    let select = "select id, retail_customer_id from usage_points where id = any($1)";
    let rows = sqlx::query(select).bind(ids).fetch_all(connection).await?;
    let owners = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let owners: HashMap<Uuid, Option<i64>> = owners.collect::<sqlx::Result<_>>()?;
    for id in ids {
        let field = "selected_usage_point_ids";
        match owners.get(id) {
            None => return Err(Refusal::new(9, format!("{field}: there is no usage point {id}")).into()),
            Some(owner) if *owner != Some(customer) => {
                let why = format!("{field}: usage point {id} does not belong to customer {customer}");
                return Err(Refusal::new(9, why).into());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn shape(grant: &Grant, includes_pii: bool) -> Result<(), Refusal> {
    let uri = grant.customer_resource_uri.as_deref();
    if grant.selected_usage_point_ids.is_empty() && !includes_pii {
        let why = "selected_usage_point_ids: the grant is empty, since it selects no usage point and its scope has no \
                   function block of 54 to 62";
        return Err(Refusal::new(10, why));
    }
    match uri {
        None if includes_pii => {
            Err(Refusal::new(11, "customer_resource_uri is required with function blocks 54 to 62"))
        }
        Some(_) if !includes_pii => {
            Err(Refusal::new(12, "customer_resource_uri must be absent without function blocks 54 to 62"))
        }
        Some(uri) if uri.chars().count() > LONGEST_URI => {
            Err(Refusal::new(11, format!("customer_resource_uri has more than {LONGEST_URI} characters")))
        }
        Some(uri) if !is_web(uri) => {
            Err(Refusal::new(11, "customer_resource_uri is no absolute http or https URI"))
        }
        _ => Ok(()),
    }
}

fn is_web(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// A value that a stranger sent, as it may stand in a message: bounded, and without control characters.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(128).flat_map(char::escape_debug).collect();
    if text.chars().nth(128).is_some() {
        shown.push('…');
    }
    shown
}
