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
    let known = Known::look_up(connection, &grant, customer).await?;
    let client = known.client.ok_or_else(|| {
        Refusal::new(7, format!("client_id: there is no client {}", shown(&grant.client_id)))
    })?;
    if !known.has_customer {
        return Err(Refusal::new(8, format!("retail_customer_id: there is no customer {customer}")).into());
    }
    usage_points(&grant.selected_usage_point_ids, &known.owners, customer)?;
    let includes_pii = scope.includes_customer_pii();
    shape(&grant, includes_pii)?;
    Ok(Checked { grant, client, customer, includes_pii, policy_key: known.policy_key })
}

/// What the database knows of whom and what a grant names, by one question.
struct Known {
    client: Option<Uuid>,
    policy_key: Option<String>,
    has_customer: bool,
    /// The usage points that there are, with their owners.
    owners: HashMap<Uuid, Option<i64>>,
}

const LOOK_UP: &str = "
select c.id,
    case when c.requires_approval then coalesce(c.awe_policy_key, 'custodian.' || c.client_id) end,
    exists (select from retail_customers where id = $2),
    array(select id from usage_points where id = any($3) order by id),
    array(select retail_customer_id from usage_points where id = any($3) order by id)
from (values (1)) as one left join registered_clients c on c.client_id = $1";

impl Known {
    async fn look_up(connection: &mut PgConnection, grant: &Grant, customer: i64) -> sqlx::Result<Self> {
        let asked =
            sqlx::query(LOOK_UP).bind(&grant.client_id).bind(customer).bind(&grant.selected_usage_point_ids);
        let row = asked.fetch_one(connection).await?;
        let (ids, owners): (Vec<Uuid>, Vec<Option<i64>>) = (row.try_get(3)?, row.try_get(4)?);
        Ok(Self {
            client: row.try_get(0)?,
            policy_key: row.try_get(1)?,
            has_customer: row.try_get(2)?,
            owners: ids.into_iter().zip(owners).collect(),
        })
    }
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

/// One after the other in the order of the request: whether it exists, then whose it is.
fn usage_points(ids: &[Uuid], owners: &HashMap<Uuid, Option<i64>>, customer: i64) -> Result<(), Refusal> {
    let field = "selected_usage_point_ids";
    for id in ids {
        let owner = owners
            .get(id)
            .ok_or_else(|| Refusal::new(9, format!("{field}: there is no usage point {id}")))?;
        if *owner != Some(customer) {
            let why = format!("{field}: usage point {id} does not belong to customer {customer}");
            return Err(Refusal::new(9, why));
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
        Some(uri) if uri.chars().count() > LONGEST_URI => {
            Err(Refusal::new(11, format!("customer_resource_uri has more than {LONGEST_URI} characters")))
        }
        Some(uri) if !is_web(uri) => {
            Err(Refusal::new(11, "customer_resource_uri is no absolute http or https URI"))
        }
        Some(_) if !includes_pii => {
            Err(Refusal::new(12, "customer_resource_uri must be absent without function blocks 54 to 62"))
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
