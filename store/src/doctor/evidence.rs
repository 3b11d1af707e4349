//! Whether the stored history can be trusted: whether its guards stand, and whether the rows agree with it.

use crate::{Error, Store};
use sqlx::Row as _;
use uuid::Uuid;

/// Triggers that protect history and frozen columns, by table.
const GUARDS: &[(&str, &[&str])] = &[
    ("approval_policy", &["approval_policy_immutable", "approval_policy_not_truncated"]),
    ("approval_stage", &["approval_stage_immutable", "approval_stage_not_truncated"]),
    ("approver_rule", &["approver_rule_immutable", "approver_rule_not_truncated"]),
    (
        "approval_request",
        &[
            "approval_request_frozen",
            "approval_request_kept",
            "approval_request_not_truncated",
            "approval_request_is_open",
        ],
    ),
    (
        "approval_task",
        &[
            "approval_task_frozen",
            "approval_task_kept",
            "approval_task_not_truncated",
            "approval_task_is_open",
        ],
    ),
    ("approval_decision", &["approval_decision_append_only", "approval_decision_not_truncated"]),
    (
        "approval_event",
        &["approval_event_append_only", "approval_event_not_truncated", "approval_event_moves_beginning"],
    ),
    (
        "webhook_delivery",
        &["webhook_delivery_frozen", "webhook_delivery_kept", "webhook_delivery_not_truncated"],
    ),
    ("webhook_attempt", &["webhook_attempt_append_only", "webhook_attempt_not_truncated"]),
    ("audit_action", &["audit_action_append_only", "audit_action_not_truncated"]),
];

/// Requests compared in one statement.
const PAGE: i64 = 20_000;

/// The state of the guards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guards {
    /// Triggers that do not exist.
    pub missing: Vec<String>,
    /// Triggers that are switched off.
    pub disabled: Vec<String>,
    /// Where `session_replication_role` is set so that triggers do not fire: `this session`, or a role or database.
    pub bypassed: Vec<String>,
    /// Whether the connected role owns the tables or is a superuser, and so could remove the guards.
    pub owner: bool,
}

impl Store {
    /// Checks the triggers, and the settings that would keep them from firing.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn guards(&self) -> Result<Guards, Error> {
        let triggers = sqlx::query(
            "select c.relname::text || '.' || t.tgname::text as name, t.tgenabled in ('O', 'A') as enabled
             from pg_trigger t join pg_class c on c.oid = t.tgrelid
             where not t.tgisinternal and c.relnamespace = current_schema()::regnamespace",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut guards = Guards { bypassed: self.bypasses().await?, ..Guards::default() };
        for (table, names) in GUARDS {
            for name in *names {
                let name = format!("{table}.{name}");
                let found = triggers.iter().find(|row| row.get::<String, _>("name") == name);
                match found.map(|row| row.get::<bool, _>("enabled")) {
                    None => guards.missing.push(name),
                    Some(false) => guards.disabled.push(name),
                    Some(true) => {}
                }
            }
        }
        guards.owner = sqlx::query_scalar(
            "select pg_has_role(current_user, c.relowner, 'usage') or r.rolsuper
             from pg_class c, pg_roles r
             where c.oid = 'approval_request'::regclass and r.rolname = current_user",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(guards)
    }

    async fn bypasses(&self) -> Result<Vec<String>, Error> {
        let found = sqlx::query_scalar(
            "select 'this session' where current_setting('session_replication_role') = 'replica'
             union all
             select concat_ws(' ', 'role ' || r.rolname, 'database ' || d.datname)
             from pg_db_role_setting s
             left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
             where 'session_replication_role=replica' = any (s.setconfig)
                and (s.setdatabase = 0 or d.datname = current_database())",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(found)
    }

    /// How many requests have another status than their last event says, or lack that event. Reads every request, a
    /// page at a time.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn status_mismatches(&self) -> Result<i64, Error> {
        let (mut wrong, mut after) = (0, Uuid::nil());
        loop {
            let page = sqlx::query!(
                r#"with page as materialized (
                       select id, status, last_sequence from approval_request where id > $1 order by id limit $2)
                   select (select id from page order by id desc limit 1) as last,
                       count(*) filter (where e.status is distinct from page.status) as "wrong!"
                   from page left join approval_event e
                       on e.request_id = page.id and e.sequence = page.last_sequence"#,
                after,
                PAGE
            )
            .fetch_one(&self.pool)
            .await?;
            wrong += page.wrong;
            match page.last {
                Some(last) => after = last,
                None => return Ok(wrong),
            }
        }
    }
}
