//! The one statement of a group commit.

use super::columns::{Batch, Column};
use super::transition::Commit;
use crate::Error;
use crate::pool::Kept;
use sqlx::Row;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use uuid::Uuid;

/// What one statement wrote.
#[derive(Debug)]
pub(super) struct Written {
    /// Requests whose transition was written, with the positions of its events in their order, and whether its webhooks
    /// are leased as it asked.
    pub(super) done: HashMap<Uuid, (Vec<i64>, bool)>,
    /// Requests whose transition relied on delegations that have changed.
    pub(super) outdated: HashSet<Uuid>,
    /// The policy epoch that the statement saw.
    pub(super) epoch: i64,
}

pub(super) async fn execute(connection: &mut Kept, commits: &[&Commit]) -> Result<Written, Error> {
    let leases = commits.iter().any(|commit| commit.lease.is_some());
    let statement = if leases { &LEASING } else { &STATEMENT };
    let query = Batch::of(commits).bind(sqlx::query(statement.as_str()));
    let rows = connection.fetch_all(query).await?;
    let mut written =
        Written { done: HashMap::with_capacity(rows.len()), outdated: HashSet::new(), epoch: 0 };
    for row in rows {
        written.epoch = row.try_get("epoch")?;
        // Without one, nothing was written and nothing is outdated.
        let Some(id) = row.try_get::<Option<Uuid>, _>("id")? else { continue };
        match row.try_get::<Option<Vec<i64>>, _>("positions")? {
            Some(positions) => {
                let leased = row.try_get::<Option<bool>, _>("leased")?.unwrap_or_default();
                written.done.insert(id, (positions, leased));
            }
            None => drop(written.outdated.insert(id)),
        }
    }
    Ok(written)
}

/// The statement with all its parameters. It inserts keys in sorted order, and skips requests whose row another batch
/// has locked (that batch is about to make ours stale anyway). So two batches cannot deadlock.
static STATEMENT: LazyLock<String> = LazyLock::new(|| statement(false));

/// The same for transitions that ask for leases of their webhooks. It costs more, so it stands beside the other.
static LEASING: LazyLock<String> = LazyLock::new(|| statement(true));

fn statement(leases: bool) -> String {
    let mut statement = String::new();
    for (number, part) in include_str!("statement.sql").split("{lease ").enumerate() {
        let (condition, rest) =
            if number == 0 { ("", part) } else { part.split_once('}').unwrap_or((part, "")) };
        statement.push_str(if number == 0 || leases { condition } else { "false" });
        statement.push_str(rest);
    }
    let mut bound = 0;
    for (table, columns) in Batch::TABLES {
        statement = statement.replace(&format!("{{{table}}}"), &parameters(columns, bound));
        statement = statement.replace(&format!("{{{table}.columns}}"), &names(columns));
        bound += columns.len();
    }
    statement
}

/// The parameters for the columns of a table, numbered after the `bound` ones before them: `$1::uuid[], $2::text[]`.
fn parameters(columns: &[Column], bound: usize) -> String {
    let parameters = columns.iter().zip(bound + 1..);
    parameters.map(|((_, sql), number)| format!("${number}::{sql}[]")).collect::<Vec<_>>().join(", ")
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_parameters_in_the_statement_and_each_is_named_once() {
        let columns: usize = Batch::TABLES.iter().map(|(_, columns)| columns.len()).sum();
        for statement in [&*STATEMENT, &*LEASING] {
            for number in 1..=columns {
                assert_eq!(statement.matches(&format!("${number}::")).count(), 1, "${number}");
            }
            assert_eq!(statement.matches('$').count(), columns, "no parameter is written by hand");
            assert!(!statement.contains(['{', '}']), "every placeholder is a table: {statement}");
        }
        assert!(LEASING.contains("offset 0) p") && !STATEMENT.contains("offset 0) p"));
    }
}
