//! The side that is written: rows wait in a temporary table, are looked at as a whole, and become ours by one script.

use crate::audit::{self, Actor, Record};
use crate::pool::Transaction;
use crate::{Error, Store};
use serde_json::{Map, Value};
use std::time::Duration;

const PROBLEMS: &str = include_str!("problems.sql");
const WRITE: &str = include_str!("write.sql");
const COUNTS: &str = "select what, rows from written order by place";

/// How many rows of a kind were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub what: String,
    pub rows: i64,
}

/// An import that is not committed yet.
#[derive(Debug)]
pub struct Takeover {
    transaction: Transaction,
}

/// As `statement_timeout` says below.
const LONGEST_STATEMENT: Duration = Duration::from_secs(3600);

impl Store {
    /// Begins an import. Nobody else writes events until it ends.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or a role that does not own the tables.
    pub async fn begin_takeover(&self) -> Result<Takeover, Error> {
        let mut transaction = self.pool.begin().await?;
        transaction.allow(LONGEST_STATEMENT + Duration::from_secs(2));
        // The other database may be slow to answer meanwhile. What is open is noted by triggers, as for everybody who does
        // not note it himself.
        let prepare = "set local statement_timeout = '1h'; set local lock_timeout = '10s';
             set local idle_in_transaction_session_timeout = 0; set local awe.open_work = '';
             lock table approval_event in share row exclusive mode;
             create temp table upstream (tbl text, id text, body jsonb, primary key (tbl, id)) on commit drop";
        sqlx::raw_sql(prepare).execute(&mut *transaction).await?;
        Ok(Takeover { transaction })
    }
}

impl Takeover {
    /// Hands over rows of a table, as [`super::Source::page`] gives them, with subjects in place of names.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn add(&mut self, table: super::Table, rows: &[Value]) -> Result<(), Error> {
        sqlx::query(
            "insert into upstream (tbl, id, body) select $1, r ->> 'id', r from unnest($2::jsonb[]) r",
        )
        .bind(table.name)
        .bind(rows)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// What stands against writing, in words; nothing when all is well.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn problems(&mut self) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar(PROBLEMS).fetch_all(&mut *self.transaction).await?)
    }

    /// Writes everything that is not here yet; what is here is left as it stands.
    ///
    /// # Errors
    /// [`Error::Constraint`] when a row is refused; then nothing is written.
    pub async fn write(&mut self, actor: &Actor) -> Result<Vec<Written>, Error> {
        sqlx::raw_sql(WRITE).execute(&mut *self.transaction).await?;
        let rows: Vec<(String, i64)> = sqlx::query_as(COUNTS).fetch_all(&mut *self.transaction).await?;
        let written: Vec<Written> = rows.into_iter().map(|(what, rows)| Written { what, rows }).collect();
        if written.iter().any(|one| one.rows > 0) {
            let counts: Map<String, Value> =
                written.iter().map(|one| (one.what.clone(), one.rows.into())).collect();
            let record = Record {
                action: "database.import",
                resource_type: "database",
                resource_id: "*".to_owned(),
                summary: Some("took over what an AWE 1.0 had".to_owned()),
                after: Some(Value::Object(counts)),
                ..Record::default()
            };
            audit::insert(&mut self.transaction, actor, &record).await?;
        }
        Ok(written)
    }

    /// Makes it last. Dropped instead, nothing has happened.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }
}
