//! Mails that people are owed. A row is made from a task, at most one for each occasion (an assignment, a deadline),
//! and leased by a process that can send mail.

use crate::{Error, Store};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A mail that was leased to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The same id in every attempt.
    pub id: Uuid,
    /// Number of this attempt, from 1. The outcome is recorded only while it is the last attempt.
    pub attempt: i32,
    /// The deadline that the mail reminds of; `None` = it tells of an assignment.
    pub reminder_of: Option<OffsetDateTime>,
    pub task_id: Uuid,
    /// Status of the task as it is now.
    pub task_status: String,
    /// Deadline of the task as it is now.
    pub due_at: Option<OffsetDateTime>,
    /// Whom to tell: a subject id.
    pub assignee: String,
    /// `approver` or `observer`.
    pub kind: String,
    /// Who has delegated the task to the assignee.
    pub delegated_from: Option<String>,
    pub request_id: Uuid,
    /// The caller's word for what is to be approved.
    pub artifact_type: String,
    /// The caller's id of it.
    pub artifact_id: String,
    /// Who asks: a subject id.
    pub requester: String,
    pub policy_key: String,
    pub policy_name: String,
    pub stage_name: String,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server took it.
    Sent,
    /// The mail is no longer needed, or there is nobody to send it to; why.
    Dropped(String),
    /// Given up; why.
    Failed(String),
    /// To be tried again after this pause; why.
    Retry(Duration, String),
}

/// Where a search for reminders goes on: after this task, the last one that it looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    due_at: OffsetDateTime,
    task: Uuid,
}

/// What a look at one page of tasks came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Reminders that this call added.
    pub queued: i64,
    /// Where to go on; `None` when there are no more tasks.
    pub next: Option<Seen>,
}

impl Store {
    /// The moment since which people are told of their tasks. The first call ever sets it to now.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn notified_since(&self) -> Result<OffsetDateTime, Error> {
        sqlx::query!("insert into notifier_start default values on conflict do nothing")
            .execute(&self.pool)
            .await?;
        Ok(sqlx::query_scalar!("select since from notifier_start").fetch_one(&self.pool).await?)
    }

    /// Queues a mail to the assignee of each open task of these requests that was made at `since` or later, once for
    /// each task; returns how many are new.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn queue_assignments(&self, requests: &[Uuid], since: OffsetDateTime) -> Result<u64, Error> {
        let queued = sqlx::query!(
            "insert into task_notification (task_id, due_at)
             select id, due_at from approval_task
             where request_id = any($1) and status in ('open', 'claimed') and created_at >= $2
             on conflict do nothing",
            requests,
            since
        )
        .execute(&self.hot)
        .await?;
        Ok(queued.rows_affected())
    }

    /// Queues a reminder to the assignee of each open task that is due `within` from now, once for each deadline.
    /// Looks at `limit` tasks after `seen`, next due first. A task that was made with less time left gets no
    /// reminder, unless its deadline has moved since its assignee was told.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn queue_reminders(
        &self,
        within: Duration,
        seen: Option<Seen>,
        limit: i64,
    ) -> Result<Looked, Error> {
        let from = seen.unwrap_or(Seen { due_at: OffsetDateTime::UNIX_EPOCH, task: Uuid::nil() });
        let row = sqlx::query!(
            r#"with looked as (
                select id, due_at, created_at from open_task
                where status <> 'expired' and due_at > now()
                    and due_at <= now() + make_interval(secs => $1)
                    and due_at >= $2 and (due_at, id) > ($2, $3)
                order by due_at, id limit $4
            ), queued as (
                insert into task_notification (task_id, reminder_of, due_at)
                select id, due_at, due_at from looked t
                where not exists (select from task_notification n where n.task_id = t.id and n.reminder_of = t.due_at)
                    and (t.created_at <= t.due_at - make_interval(secs => $1) or exists (
                        select from task_notification n
                        where n.task_id = t.id and n.due_at is distinct from t.due_at))
                on conflict do nothing returning 1
            )
            select (select count(*) from queued) as "queued!", (select count(*) from looked) as "looked!",
                last.due_at as "due_at?", last.id as "id?"
            from (values (1)) one left join
                (select due_at, id from looked order by due_at desc, id desc limit 1) last on true"#,
            within.as_secs_f64(),
            from.due_at,
            from.task,
            limit
        )
        .fetch_one(&self.hot)
        .await?;
        let last = row.due_at.zip(row.id).map(|(due_at, task)| Seen { due_at, task });
        Ok(Looked { queued: row.queued, next: last.filter(|_| row.looked >= limit) })
    }

    /// Leases up to `limit` mails that are due, longest due first: nobody else gets them for `lease`, and the outcome
    /// must be recorded within it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_notifications(&self, lease: Duration, limit: i64) -> Result<Vec<Notification>, Error> {
        Ok(sqlx::query_as!(
            Notification,
            r#"with due as (
                select id from task_notification where status = 'pending' and next_attempt_at <= now()
                order by next_attempt_at limit $2 for no key update skip locked
            ), taken as (
                update task_notification n
                set attempt = n.attempt + 1, next_attempt_at = now() + make_interval(secs => $1), updated_at = now()
                from due where n.id = due.id
                returning n.id, n.attempt, n.task_id, n.reminder_of
            )
            select n.id, n.attempt, n.reminder_of, t.id as task_id, t.status as task_status, t.due_at, t.assignee,
                t.kind, t.delegated_from, r.id as request_id, r.artifact_type, r.artifact_id, r.requester,
                r.policy_key, p.name as policy_name, s.name as stage_name
            from taken n
                join approval_task t on t.id = n.task_id
                join approval_request r on r.id = t.request_id
                join approval_policy p on p.id = r.policy_id
                join approval_stage s on s.id = t.stage_id"#,
            lease.as_secs_f64(),
            limit
        )
        .fetch_all(&self.hot)
        .await?)
    }

    /// When the next mail is due or the next lease ends, whichever comes first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn next_notification(&self) -> Result<Option<OffsetDateTime>, Error> {
        Ok(sqlx::query_scalar!("select min(next_attempt_at) from task_notification where status = 'pending'")
            .fetch_one(&self.hot)
            .await?)
    }

    /// Records the outcome of an attempt; returns whether the mail was still leased by that attempt.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn record_notification(
        &self,
        id: Uuid,
        attempt: i32,
        outcome: &Outcome,
    ) -> Result<bool, Error> {
        let (status, pause, reason) = match outcome {
            Outcome::Sent => ("sent", None, None),
            Outcome::Dropped(why) => ("dropped", None, Some(why)),
            Outcome::Failed(why) => ("failed", None, Some(why)),
            Outcome::Retry(pause, why) => ("pending", Some(pause.as_secs_f64()), Some(why)),
        };
        let recorded = sqlx::query!(
            "update task_notification
             set status = $3, reason = $5, updated_at = now(),
                 next_attempt_at = coalesce(now() + make_interval(secs => $4), next_attempt_at)
             where id = $1 and attempt = $2 and status = $6",
            id,
            attempt,
            status,
            pause,
            reason,
            // A parameter, not a literal, keeps the planner off the index of all that is pending: see
            // `deliveries::PENDING`.
            "pending"
        )
        .execute(&self.hot)
        .await?;
        Ok(recorded.rows_affected() > 0)
    }
}
