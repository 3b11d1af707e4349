//! Tasks as people see them, with facts of their request.

mod filter;

pub use filter::{ACTIONABLE, Sort, TaskFilter};

use crate::moment::Moment;
use crate::page::{Cursor, LOOKED_THROUGH, cut};
use crate::pool::Connection;
use crate::{Error, Store, What};
use engine::ids::RequestId;
use schemas::api::task::{PagedTasksOut, TaskOut, TaskStatsOut};
use schemas::json::RawJson;
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// Most bytes of contexts in one page. The newest tasks have theirs, until the bound is reached.
const MOST_CONTEXT: &str = "4194304";

/// Most tasks that are counted. Counting more would cost the more the more is finished.
const MOST_COUNTED: i64 = 10_000;

/// Most tasks on the pages that are skipped where there are more than are counted. A cursor skips none.
const MOST_SKIPPED: i64 = 100_000;

const COLUMNS: &str = "select t.id, t.request_id, t.stage_id, t.stage_order, t.assignee, t.kind, t.delegated_from, \
    t.reassigned_from, t.status, t.claimed_at, t.completed_at, t.due_at, t.decision_id, t.created_at, \
    d.action as decision_action, d.comment as decision_comment, r.context, r.artifact_type, r.policy_key, \
    r.artifact_id, r.requester, r.title, r.summary, r.artifact_url, r.status as request_status, s.name as stage_name, \
    s.comment_required \
    from found join approval_task t on t.id = found.id join approval_request r on r.id = t.request_id \
    left join approval_stage s on s.id = t.stage_id left join approval_decision d on d.task_id = t.id";

#[derive(sqlx::FromRow)]
struct TaskRow {
    id: Uuid,
    request_id: Uuid,
    stage_id: Uuid,
    stage_order: i32,
    assignee: String,
    kind: String,
    delegated_from: Option<String>,
    reassigned_from: Option<String>,
    status: String,
    claimed_at: Option<OffsetDateTime>,
    completed_at: Option<OffsetDateTime>,
    due_at: Option<Moment>,
    decision_id: Option<Uuid>,
    created_at: OffsetDateTime,
    decision_action: Option<String>,
    decision_comment: Option<String>,
    shown: Option<Json<RawJson>>,
    artifact_type: String,
    policy_key: String,
    artifact_id: String,
    requester: String,
    title: Option<String>,
    summary: Option<String>,
    artifact_url: Option<String>,
    request_status: String,
    stage_name: Option<String>,
    comment_required: Option<String>,
}

impl From<TaskRow> for TaskOut {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id,
            request_id: row.request_id,
            stage_id: row.stage_id,
            stage_order: row.stage_order,
            assignee: row.assignee,
            kind: row.kind,
            delegated_from: row.delegated_from,
            reassigned_from: row.reassigned_from,
            status: row.status,
            claimed_at: row.claimed_at,
            completed_at: row.completed_at,
            due_at: row.due_at.map(Into::into),
            decision_id: row.decision_id,
            decision_action: row.decision_action,
            decision_comment: row.decision_comment,
            created_at: row.created_at,
            context: row.shown.map(|context| context.0),
            artifact_type: Some(row.artifact_type),
            policy_key: Some(row.policy_key),
            artifact_id: Some(row.artifact_id),
            requester: Some(row.requester),
            title: row.title,
            summary: row.summary,
            artifact_url: row.artifact_url,
            stage_name: row.stage_name,
            comment_required: row.comment_required,
            request_status: Some(row.request_status),
            assignee_name: None,
        }
    }
}

impl Store {
    /// One task, without the name of its assignee.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn get_task(&self, id: Uuid) -> Result<TaskOut, Error> {
        let mut query = QueryBuilder::<Postgres>::new("with found as (select ");
        query.push_bind(id).push("::uuid as id) select p.*, p.context as shown from (");
        query.push(COLUMNS).push(") p");
        let row: Option<TaskRow> = query.build_query_as().fetch_optional(&self.pool).await?;
        row.map(Into::into).ok_or(Error::NotFound(What::Task))
    }

    /// One page of tasks, without the names of their assignees, and the cursor of the next page if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_tasks(&self, filter: &TaskFilter) -> Result<(PagedTasksOut, Option<String>), Error> {
        let (page, page_size) = (filter.page.max(1), filter.page_size.max(1));
        let skipped = if filter.cursor.is_some() { 0 } else { i64::from(page - 1) * i64::from(page_size) };
        let mut snapshot = self.pool.snapshot().await?;
        refuse_costly(&mut snapshot, filter, skipped).await?;
        let mut rows = task_rows(&mut snapshot, filter, skipped, page_size).await?;
        let next = match cut(&mut rows, page_size, |row| filter.place(row.created_at, row.due_at, row.id)) {
            None => behind_looked_at(&mut snapshot, filter, filter.cursor).await?,
            next => next,
        };

        let read = skipped + i64::try_from(rows.len()).unwrap_or(i64::MAX);
        // A page that ends the list says how many there are, so nothing need be counted.
        let at_the_end = next.is_none() && filter.cursor.is_none() && (skipped == 0 || read > skipped);
        let counted = match next {
            _ if at_the_end => read,
            _ if filter.uncounted => read + i64::from(next.is_some()),
            _ => count_tasks(&mut snapshot, filter).await?,
        };
        let total = counted.min(MOST_COUNTED);
        let total_is_lower_bound = counted > MOST_COUNTED
            || !at_the_end
                && (filter.uncounted || behind_looked_at(&mut snapshot, filter, None).await?.is_some());
        snapshot.commit().await?;
        let (page, page_size) = (i64::from(page), i64::from(page_size));
        let pages = ((total + page_size - 1) / page_size).max(1);
        let items = rows.into_iter().map(Into::into).collect();
        Ok((PagedTasksOut { items, total, total_is_lower_bound, page, page_size, pages }, next))
    }

    /// How many tasks `assignee` has, in all and by artifact type, and how many are overdue: past their deadline and
    /// not decided. Counts the newest [`MOST_COUNTED`].
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn task_stats(&self, assignee: &str, status: Option<&str>) -> Result<TaskStatsOut, Error> {
        let filter = TaskFilter {
            assignee: Some(assignee.to_owned()),
            status: status.map(str::to_owned),
            ..TaskFilter::default()
        };
        let mut query = QueryBuilder::<Postgres>::new(
            "select artifact_type, count(*) as total,
                count(*) filter (where due_at < now() and status in ('open', 'claimed', 'expired')) as overdue
             from (select t.*, ",
        );
        // Open tasks repeat it.
        query.push(if filter.is_of_open_work() {
            "null"
        } else {
            "(select r.artifact_type from approval_request r where r.id = t.request_id) as artifact_type"
        });
        filter.push(&mut query, None);
        query.push(format_args!(" order by {} limit ", filter.order())).push_bind(MOST_COUNTED + 1);
        query.push(") newest group by artifact_type");
        let mut snapshot = self.pool.snapshot().await?;
        let rows: Vec<(String, i64, i64)> = query.build_query_as().fetch_all(&mut *snapshot).await?;
        let mut stats = TaskStatsOut::default();
        for (artifact_type, total, overdue) in rows {
            stats.total += total;
            stats.overdue += overdue;
            stats.by_artifact_type.insert(artifact_type, total);
        }
        stats.total_is_lower_bound =
            stats.total > MOST_COUNTED || behind_looked_at(&mut snapshot, &filter, None).await?.is_some();
        snapshot.commit().await?;
        stats.total = stats.total.min(MOST_COUNTED);
        Ok(stats)
    }

    /// The request that a task belongs to, if there is such a task.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn request_of_task(&self, id: Uuid) -> Result<Option<RequestId>, Error> {
        let request = sqlx::query_scalar!("select request_id from approval_task where id = $1", id)
            .fetch_optional(&self.hot)
            .await?;
        Ok(request.map(RequestId))
    }
}

/// Refuses what would have to read or sort more than is counted.
async fn refuse_costly(snapshot: &mut Connection, filter: &TaskFilter, skipped: i64) -> Result<(), Error> {
    let (sorts, skips) = (filter.sorts_everything(), skipped > MOST_SKIPPED && !filter.looks_through());
    if !(sorts || skips) || count_tasks(snapshot, &filter.all_of_it()).await? <= MOST_COUNTED {
        return Ok(());
    }
    Err(match sorts {
        true => Error::Costly(
            "sort",
            "so many tasks are sorted by creation only; \"due\" needs one status of \
            actionable, open and claimed, or overdue=true, or request_id",
        ),
        false => {
            Error::Costly("page", "is too far behind the first; follow X-Next-Cursor with `cursor` instead")
        }
    })
}

/// The cursor behind the rows that a page after `cursor` looks through, if there may be more.
async fn behind_looked_at(
    snapshot: &mut Connection,
    filter: &TaskFilter,
    cursor: Option<Cursor>,
) -> Result<Option<String>, Error> {
    if !filter.looks_through() {
        return Ok(None);
    }
    let mut query = QueryBuilder::<Postgres>::new("select t.id, t.created_at, t.due_at from (");
    filter.push_found(&mut query, cursor);
    query.push(format_args!(") t order by {} offset {}", filter.order(), LOOKED_THROUGH - 1));
    let last: Option<(Uuid, OffsetDateTime, Option<Moment>)> =
        query.build_query_as().fetch_optional(snapshot).await?;
    Ok(last.map(|(id, created_at, due_at)| filter.place(created_at, due_at, id).to_string()))
}

/// The rows of a page, in order, and one more.
async fn task_rows(
    snapshot: &mut Connection,
    filter: &TaskFilter,
    skipped: i64,
    page_size: u32,
) -> Result<Vec<TaskRow>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("with found as materialized (select t.id");
    filter.push(&mut query, filter.cursor);
    query.push(format_args!(" order by {} limit ", filter.order())).push_bind(i64::from(page_size) + 1);
    query.push(" offset ").push_bind(skipped);
    let order = filter.order_of("p");
    query.push(") select p.*, case when sum(octet_length(p.context::text)) over ");
    query.push(format_args!("(order by {order}) <= {MOST_CONTEXT} then p.context end as shown from ("));
    query.push(COLUMNS).push(format_args!(") p order by {order}"));
    Ok(query.build_query_as().fetch_all(snapshot).await?)
}

/// Counts up to one more than [`MOST_COUNTED`].
async fn count_tasks(snapshot: &mut Connection, filter: &TaskFilter) -> Result<i64, Error> {
    let mut query = QueryBuilder::<Postgres>::new("select count(*) from (select");
    filter.push(&mut query, None);
    query.push(" limit ").push_bind(MOST_COUNTED + 1).push(") counted");
    Ok(query.build_query_scalar().fetch_one(snapshot).await?)
}
