//! The one statement of a group commit.

use super::{Commit, columns::Batch};
use crate::Error;
use crate::pool::Kept;
use sqlx::postgres::PgArguments;
use sqlx::{Postgres, Row};
use std::collections::HashSet;
use uuid::Uuid;

pub(super) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// What a statement wrote.
#[derive(Debug)]
pub(super) struct Written {
    /// Requests whose transition was written.
    pub(super) done: HashSet<Uuid>,
    /// Requests whose transition relied on delegations that have changed.
    pub(super) outdated: HashSet<Uuid>,
    /// The policy epoch that the statement saw.
    pub(super) epoch: i64,
}

pub(super) async fn execute(connection: &mut Kept, commits: &[&Commit]) -> Result<Written, Error> {
    let batch = Batch::of(commits);
    let query = sqlx::query(STATEMENT);
    let query = batch.created.bind(query);
    let query = batch.keys.bind(query);
    let query = batch.moved.bind(query);
    let query = batch.new_tasks.bind(query);
    let query = batch.changed_tasks.bind(query);
    let query = batch.decisions.bind(query);
    let query = batch.events.bind(query);
    let query = batch.deliveries.bind(query);
    let query = batch.audits.bind(query);
    let query = batch.relied.bind(query);
    let rows = connection.fetch_all(query).await?;
    let mut written =
        Written { done: HashSet::with_capacity(rows.len()), outdated: HashSet::new(), epoch: 0 };
    for row in rows {
        written.epoch = row.try_get("epoch")?;
        let outdated: Option<bool> = row.try_get("outdated")?;
        let found = if outdated == Some(true) { &mut written.outdated } else { &mut written.done };
        found.extend(row.try_get::<Option<Uuid>, _>("id")?);
    }
    Ok(written)
}

/// Locks are taken in one order (keys sorted, rows skipped when somebody else holds them, since whoever holds a row
/// is about to make us stale anyway), so two batches cannot wait for each other in a circle.
const STATEMENT: &str = include_str!("statement.sql");
