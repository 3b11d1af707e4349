//! Out-of-office delegations, as people manage them. [`crate::catalog`] reads them for the engine.

use crate::audit::{self, Actor, Record};
use crate::{Clash, Error, Store, What, once};
use schemas::api::delegation::{DelegationCreate, DelegationOut};
use time::OffsetDateTime;
use uuid::Uuid;

struct DelegationRow {
    id: Uuid,
    user_id: String,
    delegate_to: String,
    starts_at: OffsetDateTime,
    ends_at: OffsetDateTime,
    reason: Option<String>,
    created_by: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<DelegationRow> for DelegationOut {
    fn from(row: DelegationRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            delegate_to: row.delegate_to,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            reason: row.reason,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Store {
    /// Creates a delegation; it counts for tasks created from now on.
    ///
    /// # Errors
    /// [`Error::Constraint`] `user_delegation_window` when it ends before it starts, `user_delegation_self` when it
    /// names its own user; [`Error::Conflict`] when its user has as many as are allowed.
    pub async fn create_delegation(
        &self,
        new: &DelegationCreate,
        actor: &Actor,
    ) -> Result<DelegationOut, Error> {
        let mut tx = self.pool.begin().await?;
        // The newest delegation wins, so the moment must be that of the insert and not that at which the transaction
        // began.
        let row = sqlx::query_as!(
            DelegationRow,
            "insert into user_delegation
                 (id, user_id, delegate_to, starts_at, ends_at, reason, created_by, created_at, updated_at)
             select $1, $2, $3, $4, $5, $6, $7, moment, moment from clock_timestamp() as moment
             returning id, user_id, delegate_to, starts_at, ends_at, reason, created_by, created_at, updated_at",
            Uuid::now_v7(),
            new.user_id,
            new.delegate_to,
            new.starts_at,
            new.ends_at,
            new.reason,
            actor.subject,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(|error| match error.into() {
            Error::Constraint(name) if name == "user_delegation_bound" => Error::Conflict(Clash::TooMany, format!(
                "{} has 100 delegations that are or will be in force, which is the most: delete one first",
                new.user_id
            )),
            other => other,
        })?;
        let created = DelegationOut::from(row);
        let record = Record {
            action: "delegation.create",
            resource_type: "delegation",
            resource_id: created.id.to_string(),
            summary: Some(format!("{} delegates to {}", created.user_id, created.delegate_to)),
            after: audit::json(&created)?,
            ..Record::default()
        };
        audit::insert(&mut tx, actor, &record).await?;
        once::commit(tx, actor.once.as_ref(), &created).await?;
        Ok(created)
    }

    /// The delegations of `user_id`, or everybody's; newest first, past ones included.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_delegations(
        &self,
        user_id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<DelegationOut>, Error> {
        let rows = sqlx::query_as!(
            DelegationRow,
            "select id, user_id, delegate_to, starts_at, ends_at, reason, created_by, created_at, updated_at
             from user_delegation where $1::text is null or user_id = $1
             order by created_at desc, id desc limit $2",
            user_id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// One delegation.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_delegation(&self, id: Uuid) -> Result<DelegationOut, Error> {
        let row = sqlx::query_as!(
            DelegationRow,
            "select id, user_id, delegate_to, starts_at, ends_at, reason, created_by, created_at, updated_at
             from user_delegation where id = $1",
            id,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Into::into).ok_or(Error::NotFound(What::Delegation))
    }

    /// Deletes a delegation. Tasks that it has moved stay where they are.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_delegation(&self, id: Uuid, actor: &Actor) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let row = sqlx::query_as!(
            DelegationRow,
            "delete from user_delegation where id = $1
             returning id, user_id, delegate_to, starts_at, ends_at, reason, created_by, created_at, updated_at",
            id,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let deleted = DelegationOut::from(row.ok_or(Error::NotFound(What::Delegation))?);
        let record = Record {
            action: "delegation.delete",
            resource_type: "delegation",
            resource_id: id.to_string(),
            summary: Some(format!("{} no longer delegates to {}", deleted.user_id, deleted.delegate_to)),
            before: audit::json(&deleted)?,
            ..Record::default()
        };
        audit::insert(&mut tx, actor, &record).await?;
        tx.commit().await?;
        Ok(())
    }
}
