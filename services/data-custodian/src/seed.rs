//! What a demonstration and the tests begin with.

use crate::database;
use sqlx::PgPool;
use uuid::{Uuid, uuid};

/// A client whose grants take effect at once.
pub const THIRD_PARTY: Uuid = uuid!("aaaaaaaa-0000-4000-8000-000000000001");
/// A client whose grants have to be approved.
pub const GATED_PARTY: Uuid = uuid!("aaaaaaaa-0000-4000-8000-000000000002");
/// Where the authorization server of the specification's examples sends browsers on.
const RETURN_URL: &str = "https://as.example.com/continue";

const SEEDS: &str = "
with clients as (
    insert into registered_clients (id, client_id, client_name, requires_approval) values
        ($1, 'third_party', 'Third Party Analytics', false),
        ($2, 'gated_party', 'Gated Party Research', true)
    on conflict do nothing
), customers as (
    insert into retail_customers (id, username, first_name, last_name) values
        (42, 'customer42', 'Amina', 'Diallo'), (43, 'customer43', 'Ravi', 'Sharma')
    on conflict do nothing
)
insert into usage_points (id, retail_customer_id, service_kind, uri) values
    ('11111111-2222-4333-8444-555555555555', 42, 0, null),
    ('11111111-2222-4333-8444-666666666666', 42, 1, null),
    ('22222222-2222-4333-8444-555555555555', 43, 0, null),
    ('33333333-2222-4333-8444-555555555555', null, 2, null)
on conflict do nothing";

/// Writes what is not there yet. `return_urls`: further redirect URIs of both clients, as of a stand-in server.
///
/// # Errors
/// What the database says.
pub async fn seed(pool: &PgPool, return_urls: &[String]) -> sqlx::Result<()> {
    let mut transaction = database::begin(pool).await?;
    sqlx::query(SEEDS).bind(THIRD_PARTY).bind(GATED_PARTY).execute(&mut *transaction).await?;
    let uris: Vec<&str> = std::iter::once(RETURN_URL).chain(return_urls.iter().map(String::as_str)).collect();
    for client in [THIRD_PARTY, GATED_PARTY] {
        sqlx::query(
            "insert into registered_client_redirect_uris (registered_client_id, uri)
             select $1, unnest($2::text[]) on conflict do nothing",
        )
        .bind(client)
        .bind(&uris)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}
