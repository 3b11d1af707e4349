//! What the application's role may do in the database: what the application does, and no more. The role owns nothing,
//! so it can drop no trigger and truncate no table, and it has no right to change what is frozen.

use crate::{Error, Store};
use sqlx::AssertSqlSafe;

/// Each table and view with the rights on it. The application cannot reach one that is missing here.
const GRANTS: &[(&str, &str)] = &[
    (
        "approval_policy",
        "select, insert, update (name, description, artifact_type, status, forbid_self_approval, \
         forbid_repeat_approvers, context_schema, text_sha256, updated_at)",
    ),
    ("approval_stage", "select, insert, delete"),
    ("approver_rule", "select, insert"),
    (
        "approval_request",
        "select, insert, delete, update (status, current_stage_order, stages, completed_at, updated_at, row_version, \
         last_sequence, resolve_after, resolve_attempt)",
    ),
    (
        "approval_task",
        "select, insert, delete, update (status, seated, claimed_at, claimed_by, completed_at, decision_id)",
    ),
    ("open_request", "select, insert, delete, update (expires_at)"),
    ("open_task", "select, insert, delete, update (status, due_at)"),
    ("wrong_open_work", "select"),
    ("approval_decision", "select, insert, delete"),
    ("approval_event", "select, insert, delete"),
    ("event_feed", "select, update (beginning)"),
    ("idempotency_key", "select, insert, delete, update (response)"),
    (
        "webhook_delivery",
        "select, insert, delete, update (status, attempt, next_attempt_at, last_attempt_at, last_status_code, \
         last_error, lease_token, leased_until, updated_at, asked_at)",
    ),
    ("webhook_attempt", "select, insert, delete"),
    ("callback_secret", "select, insert, update"),
    ("user_delegation", "select, insert, delete"),
    ("delegation_version", "select, insert, update"),
    ("audit_action", "select, insert"),
    ("catalog", "select, update (epoch, policy_epoch)"),
    ("outbox_stream", "select, insert, update"),
    ("outbox_batch", "select, insert, update (positions, stream_seqs, last_seq), delete"),
    ("outbox_again", "select, insert, delete"),
    ("outbox_refused", "select, insert, delete"),
    ("unpublished_event", "select"),
    ("published_event", "select"),
    ("request_day", "select, insert, update"),
    ("request_tally", "select, update"),
    ("task_notification", "select, insert, update"),
    ("notifier_start", "select, insert"),
    ("process", "select, insert, update, delete"),
    ("awe_delivery_backlog", "select"),
    ("_sqlx_migrations", "select"),
];

/// Longest name of a role in PostgreSQL.
const LONGEST_ROLE: usize = 63;

/// The name is not plain enough to stand in SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the role must be 1 to {LONGEST_ROLE} letters, digits, _ and -, not {0:?}")]
pub struct NotARole(String);

/// The SQL that grants `role` what the application needs and revokes everything else.
///
/// # Errors
/// `role` is not a plain name.
pub fn statements(role: &str) -> Result<String, NotARole> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if role.is_empty() || role.len() > LONGEST_ROLE || !role.chars().all(plain) {
        return Err(NotARole(role.to_owned()));
    }
    let mut sql = format!(
        "revoke all on all tables in schema public from \"{role}\";\n\
         revoke create on schema public from \"{role}\";\n\
         grant usage on schema public to \"{role}\";\n"
    );
    for (table, rights) in GRANTS {
        sql.push_str(&format!("grant {rights} on {table} to \"{role}\";\n"));
    }
    Ok(sql)
}

impl Store {
    /// Grants an existing role what the application needs. This store must be connected as the owner of the tables.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no such role, or the tables are somebody else's.
    pub async fn grant_to(&self, role: &str) -> Result<(), Error> {
        let sql = statements(role).map_err(|error| Error::Internal(Box::new(error)))?;
        let mut tx = self.pool.begin().await?;
        // Two processes that grant at the same time would update the same catalog rows, and one would fail.
        sqlx::query("select pg_advisory_xact_lock(hashtextextended('awe grants', 0))")
            .execute(&mut *tx)
            .await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a role that may log in without a password, unless it exists: for servers that trust everybody who
    /// connects.
    ///
    /// # Errors
    /// [`Error::Internal`] when the connected role may not make roles.
    pub async fn create_trusted_role(&self, role: &str) -> Result<(), Error> {
        statements(role).map_err(|error| Error::Internal(Box::new(error)))?;
        let sql = format!(
            "do $$ begin create role \"{role}\" login; exception when duplicate_object or unique_violation then null; \
             end $$"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&*self.pool).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_a_plain_name() {
        for role in ["", "a b", "a\"; drop table x; --", &"x".repeat(64)] {
            assert!(statements(role).is_err(), "{role}");
        }
        assert!(
            statements("awe_app").is_ok_and(|sql| sql.contains("grant select, insert on audit_action to"))
        );
    }

    #[test]
    fn the_file_for_database_administrators_says_the_same() {
        let file = include_str!("../../deploy/postgres/grants.sql");
        assert_eq!(
            file,
            statements("awe_app").expect("a plain name"),
            "write it anew: awe migrate --app-role awe_app --print-grants"
        );
    }

    #[tokio::test]
    async fn every_table_and_view_has_its_grants() {
        let db = crate::testing::database().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "select relname::text from pg_class where relkind in ('r', 'v') and relnamespace = 'public'::regnamespace",
        )
        .fetch_all(&*db.pool)
        .await
        .expect("reads");
        for table in &tables {
            assert!(
                GRANTS.iter().any(|(known, _)| known == table),
                "{table} is missing in store/src/grants.rs"
            );
        }
        assert_eq!(tables.len(), GRANTS.len());
    }
}
