//! Authorizations after they were stored: read, activated, revoked.
//!
//! A status changes by a conditional update, in one transaction with the event that caused it, the note of the change and
//! the event that tells of it. So whatever comes twice, late or out of order changes nothing.

use crate::asked;
use crate::changes::note_change;
use crate::database;
use crate::grant::{Checked, Stored, persist};
use crate::uris::Uris;
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};
use telemetry::Trace;
use time::OffsetDateTime;
use tracing::Span;
use utoipa::ToSchema;
use uuid::Uuid;

/// An authorization, as the customer and the client read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow, ToSchema)]
pub struct AuthorizationOut {
    /// Id.
    pub authorization_id: Uuid,
    /// `PENDING`, `ACTIVE`, `REVOKED` or `EXPIRED`.
    pub status: String,
    /// As it was granted.
    pub scope: String,
    /// The third party.
    pub client_id: String,
    /// The customer.
    pub retail_customer_id: i64,
    /// Where energy data is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resource_uri: Option<String>,
    /// Where data about the customer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub customer_resource_uri: Option<String>,
    /// Where this is.
    pub authorization_uri: String,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated: OffsetDateTime,
}

/// A subscription of an active authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow, ToSchema)]
pub struct SubscriptionOut {
    /// Id.
    pub subscription_id: Uuid,
    /// `resource` or `customer`.
    pub kind: String,
    /// The authorization that it belongs to.
    pub authorization_id: Uuid,
    /// Empty for `customer`.
    pub usage_point_ids: Vec<Uuid>,
}

/// Who asks: a token names a customer or a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// A customer, whatever client their token was issued to.
    Customer(i64),
    /// A client by itself.
    Client(String),
}

/// How a request of AWE ended, for the authorization that waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was approved.
    Active,
    /// It was rejected or cancelled, or has expired.
    Revoked,
}

impl Outcome {
    const fn status(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Revoked => "REVOKED",
        }
    }

    /// As metrics say it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }

    fn of_status(status: &str) -> Self {
        if status == "ACTIVE" { Self::Active } else { Self::Revoked }
    }
}

/// What became of an event or an answer of AWE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The authorization changed.
    Changed,
    /// It did not wait any more, or nothing waits for that request.
    Unchanged,
    /// The event was applied before.
    Again,
}

/// An event of ours that NATS has still to take.
#[derive(Debug, FromRow)]
pub struct Unpublished {
    /// Its place.
    pub position: i64,
    /// Its id.
    pub event_id: Uuid,
    /// Its subject.
    pub subject: String,
    /// What it says.
    pub body: Value,
    /// Where in a trace it happened.
    pub trace_context: Option<String>,
}

const READ: &str = "select id as authorization_id, status, scope, third_party as client_id, retail_customer_id,
    resource_uri, customer_resource_uri, authorization_uri, created, updated from authorizations where id = $1";

/// All authorizations of the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authorizations {
    pool: PgPool,
    uris: Uris,
    /// Prefix of the subjects of our events; `None`: nobody is told.
    subjects: Option<String>,
}

impl Authorizations {
    /// `subjects`: prefix of the subjects of our events; `None`: none are stored.
    #[must_use]
    pub const fn new(pool: PgPool, uris: Uris, subjects: Option<String>) -> Self {
        Self { pool, uris, subjects }
    }

    /// Where they are.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The URIs of what is stored.
    #[must_use]
    pub const fn uris(&self) -> &Uris {
        &self.uris
    }

    /// An authorization, for its customer or client.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read(&self, id: Uuid, party: &Party) -> sqlx::Result<Option<AuthorizationOut>> {
        let found = read(&mut *self.pool.acquire().await?, id).await?;
        Ok(found.filter(|one| may_see(one, party)))
    }

    /// A subscription of an active authorization, for its customer or client.
    ///
    /// # Errors
    /// What the database says.
    pub async fn subscription(&self, id: Uuid, party: &Party) -> sqlx::Result<Option<SubscriptionOut>> {
        let (customer, client) = match party {
            Party::Customer(customer) => (Some(*customer), None),
            Party::Client(client) => (None, Some(client)),
        };
        sqlx::query_as(
            "select s.id as subscription_id, s.kind, s.authorization_id, array(
                select usage_point_id from subscription_usage_points where subscription_id = s.id order by 1
             ) as usage_point_ids
             from subscriptions s join authorizations a on a.id = s.authorization_id
             where s.id = $1 and a.status = 'ACTIVE' and (a.retail_customer_id = $2 or a.third_party = $3)",
        )
        .bind(id)
        .bind(customer)
        .bind(client)
        .fetch_optional(&self.pool)
        .await
    }

    /// Stores a grant that waits for a request of AWE. If that request has ended meanwhile, this is known at once. `None`
    /// when it was given up while AWE was asked: nothing may be committed then.
    ///
    /// # Errors
    /// What the database says.
    pub async fn store_pending(
        &self,
        connection: &mut PgConnection,
        checked: &Checked,
        id: Uuid,
        awe_request_id: Uuid,
    ) -> sqlx::Result<Option<Stored>> {
        lock(connection, awe_request_id).await?;
        if !asked::take(connection, id).await? {
            return Ok(None);
        }
        let stored = persist(connection, checked, id, Some(awe_request_id), &self.uris).await?;
        let trace = Trace::kept().map(|trace| trace.to_text());
        let update = "update authorizations set trace_context = $2 where id = $1 and $2 is not null";
        sqlx::query(update).bind(id).bind(trace).execute(&mut *connection).await?;
        let select =
            "select event_id, outcome from applied_events where awe_request_id = $1 order by applied_at";
        let known: Option<(String, String)> =
            sqlx::query_as(select).bind(awe_request_id).fetch_optional(&mut *connection).await?;
        if let Some((event_id, status)) = known {
            self.end(connection, awe_request_id, Outcome::of_status(&status), &event_id).await?;
        }
        Ok(Some(stored))
    }

    /// Applies what an event of AWE, or an answer, says of a request. `event_id`: `None` for an answer.
    ///
    /// # Errors
    /// What the database says; nothing has changed then.
    pub async fn apply(
        &self,
        awe_request_id: Uuid,
        outcome: Outcome,
        event_id: Option<&str>,
    ) -> sqlx::Result<Applied> {
        let mut transaction = database::begin(&self.pool).await?;
        lock(&mut transaction, awe_request_id).await?;
        if let Some(event_id) = event_id {
            let insert = "insert into applied_events (event_id, awe_request_id, outcome) values ($1, $2, $3)
                          on conflict do nothing";
            let inserted = sqlx::query(insert)
                .bind(event_id)
                .bind(awe_request_id)
                .bind(outcome.status())
                .execute(&mut *transaction)
                .await?;
            if inserted.rows_affected() == 0 {
                return Ok(Applied::Again);
            }
        }
        let cause = event_id.unwrap_or("reconciled");
        let changed = self.end(&mut transaction, awe_request_id, outcome, cause).await?;
        transaction.commit().await?;
        Ok(if changed { Applied::Changed } else { Applied::Unchanged })
    }

    /// Ends the waiting of an authorization, if it waits; returns whether it did.
    async fn end(
        &self,
        connection: &mut PgConnection,
        awe_request_id: Uuid,
        outcome: Outcome,
        cause: &str,
    ) -> sqlx::Result<bool> {
        let update = "update authorizations set status = $2, updated = now()
                      where awe_request_id = $1 and status = 'PENDING' returning id, trace_context";
        let ended: Option<(Uuid, Option<String>)> = sqlx::query_as(update)
            .bind(awe_request_id)
            .bind(outcome.status())
            .fetch_optional(&mut *connection)
            .await?;
        let Some((id, asked)) = ended else { return Ok(false) };
        // Where the grant was asked for, perhaps days ago, by whoever looks at what has come of it.
        telemetry::trace::link(&Span::current(), &asked.and_then(|text| Trace::from_text(&text)));
        note_change(connection, id, outcome.status(), cause).await?;
        if outcome == Outcome::Revoked {
            self.drop_subscriptions(connection, id).await?;
        }
        Ok(true)
    }

    /// Withdraws an authorization for its customer or client; `false` if there is none for them. Withdrawing again changes
    /// nothing. One that waited no longer does, and AWE is owed a cancellation.
    ///
    /// # Errors
    /// What the database says; nothing has changed then.
    pub async fn withdraw(&self, id: Uuid, party: &Party) -> sqlx::Result<bool> {
        let mut transaction = database::begin(&self.pool).await?;
        sqlx::query("select from authorizations where id = $1 for update")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        let Some(found) = read(&mut transaction, id).await?.filter(|one| may_see(one, party)) else {
            return Ok(false);
        };
        if matches!(found.status.as_str(), "REVOKED" | "EXPIRED") {
            return Ok(true);
        }
        let update = "update authorizations set status = 'REVOKED', updated = now(),
                      cancel_owed = (status = 'PENDING' and awe_request_id is not null), looked_at = null
                      where id = $1";
        sqlx::query(update).bind(id).execute(&mut *transaction).await?;
        let cause = match party {
            Party::Customer(_) => "withdrawn by the customer",
            Party::Client(_) => "withdrawn by the client",
        };
        note_change(&mut transaction, id, "REVOKED", cause).await?;
        self.drop_subscriptions(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// What a revoked authorization leaves behind: no subscription, and an event that tells of it.
    async fn drop_subscriptions(&self, connection: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
        let delete = "delete from subscriptions where authorization_id = $1";
        sqlx::query(delete).bind(id).execute(&mut *connection).await?;
        let Some(prefix) = &self.subjects else { return Ok(()) };
        let Some(now) = read(connection, id).await? else { return Ok(()) };
        let body = serde_json::to_value(&now).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let trace = Trace::current().map(|trace| trace.to_text());
        sqlx::query("insert into outbox (event_id, subject, body, trace_context) values ($1, $2, $3, $4)")
            .bind(Uuid::new_v4())
            .bind(format!("{prefix}.authorization.revoked.{id}"))
            .bind(body)
            .bind(trace)
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    /// Takes what waits and was not asked about for a while, at most `most`: ids of requests of AWE, and whether each has to
    /// be cancelled there.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_waiting(&self, rested_seconds: f64, most: i64) -> sqlx::Result<Vec<(Uuid, bool)>> {
        sqlx::query_as(
            "update authorizations set looked_at = now() where id in (
                select id from authorizations
                where (status = 'PENDING' or cancel_owed) and awe_request_id is not null
                  and (cancel_owed and looked_at is null
                       or coalesce(looked_at, created) < now() - make_interval(secs => $1))
                order by looked_at nulls first limit $2 for update skip locked
             ) returning awe_request_id, cancel_owed",
        )
        .bind(rested_seconds)
        .bind(most)
        .fetch_all(&self.pool)
        .await
    }

    /// AWE knows that this request is no longer wanted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cancelled(&self, awe_request_id: Uuid) -> sqlx::Result<()> {
        let update = "update authorizations set cancel_owed = false where awe_request_id = $1";
        sqlx::query(update).bind(awe_request_id).execute(&self.pool).await.map(drop)
    }

    /// Forgets events that were applied so long ago that none comes again; if one did, nothing would wait for it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_applied(&self) -> sqlx::Result<()> {
        let delete = "delete from applied_events where event_id in
            (select event_id from applied_events where applied_at < now() - interval '90 days' limit 5000)";
        sqlx::query(delete).execute(&self.pool).await.map(drop)
    }

    /// Takes events of ours that NATS has still to take, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unpublished(&self, most: i64) -> sqlx::Result<Vec<Unpublished>> {
        let select =
            "select position, event_id, subject, body, trace_context from outbox order by position limit $1";
        sqlx::query_as(select).bind(most).fetch_all(&self.pool).await
    }

    /// NATS has taken these.
    ///
    /// # Errors
    /// What the database says.
    pub async fn published(&self, positions: &[i64]) -> sqlx::Result<()> {
        let delete = "delete from outbox where position = any($1)";
        sqlx::query(delete).bind(positions).execute(&self.pool).await.map(drop)
    }
}

fn may_see(authorization: &AuthorizationOut, party: &Party) -> bool {
    match party {
        Party::Customer(customer) => authorization.retail_customer_id == *customer,
        Party::Client(client) => authorization.client_id == *client,
    }
}

async fn read(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<AuthorizationOut>> {
    sqlx::query_as(READ).bind(id).fetch_optional(connection).await
}

/// Whoever changes what waits for this request does so one after the other, even before there is a row to lock.
async fn lock(connection: &mut PgConnection, awe_request_id: Uuid) -> sqlx::Result<()> {
    let lock = "select pg_advisory_xact_lock(hashtextextended($1::text, 0))";
    sqlx::query(lock).bind(awe_request_id).execute(connection).await.map(drop)
}
