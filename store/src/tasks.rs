//! Tasks as people see them, with facts of their request.

use crate::moment::Moment;
use crate::{Error, Store};
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

const COLUMNS: &str = "select t.id, t.request_id, t.stage_id, t.stage_order, t.assignee, t.kind, t.delegated_from, \
    t.reassigned_from, t.status, t.claimed_at, t.completed_at, t.due_at, t.decision_id, t.created_at, \
    d.action as decision_action, d.comment as decision_comment, r.context, r.artifact_type, r.policy_key \
    from found join approval_task t on t.id = found.id join approval_request r on r.id = t.request_id \
    left join approval_decision d on d.id = t.decision_id";

/// Which tasks to list. Texts and ids must be equal; a field that is `None` matches any.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    pub assignee: Option<String>,
    pub request_id: Option<Uuid>,
    pub status: Option<String>,
    pub artifact_type: Option<String>,
    pub policy_key: Option<String>,
    /// Case-insensitive substring of artifact id and type, policy key, requester or any value in the context.
    pub search_text: Option<String>,
    /// Number of the page, from 1.
    pub page: u32,
    /// Tasks in a page, at least 1.
    pub page_size: u32,
}

impl TaskFilter {
    /// Ends a query with the tables that the conditions look at, and the conditions. The request is joined only when
    /// one of them is about it, so that pages that are skipped and tasks that are counted cost an index entry each.
    fn push(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(" from approval_task t");
        if self.artifact_type.is_some() || self.policy_key.is_some() || self.search_text.is_some() {
            query.push(" join approval_request r on r.id = t.request_id");
        }
        query.push(" where true");
        let words = [
            (" and t.assignee = ", &self.assignee),
            (" and t.status = ", &self.status),
            (" and r.artifact_type = ", &self.artifact_type),
            (" and r.policy_key = ", &self.policy_key),
        ];
        for (condition, word) in words {
            if let Some(word) = word {
                query.push(condition).push_bind(word);
            }
        }
        if let Some(request_id) = self.request_id {
            query.push(" and t.request_id = ").push_bind(request_id);
        }
        if let Some(text) = self.search_text.as_deref().filter(|text| !text.is_empty()) {
            let pattern = containing(text);
            query.push(" and (");
            for column in ["r.artifact_id", "r.artifact_type", "r.policy_key", "r.requester"] {
                query.push(column).push(" ilike ").push_bind(pattern.clone()).push(" or ");
            }
            query
                .push(
                    "exists (select from jsonb_path_query(r.context, 'strict $.**') as found(value)
                             where jsonb_typeof(value) not in ('object', 'array') and value #>> '{}' ilike ",
                )
                .push_bind(pattern)
                .push("))");
        }
    }
}

/// The `like` pattern for texts that contain `text` literally.
fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

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
        }
    }
}

impl Store {
    /// One page of tasks, newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_tasks(&self, filter: &TaskFilter) -> Result<PagedTasksOut, Error> {
        let (page, page_size) = (i64::from(filter.page.max(1)), i64::from(filter.page_size.max(1)));
        let mut query = QueryBuilder::<Postgres>::new("with found as materialized (select t.id");
        filter.push(&mut query);
        query.push(" order by t.created_at desc, t.id desc limit ").push_bind(page_size);
        query.push(" offset ").push_bind((page - 1) * page_size);
        query.push(") select p.*, case when ");
        query.push("sum(octet_length(p.context::text)) over (order by p.created_at desc, p.id desc) <= ");
        query.push(MOST_CONTEXT).push(" then p.context end as shown from (").push(COLUMNS);
        query.push(") p order by p.created_at desc, p.id desc");
        let rows: Vec<TaskRow> = query.build_query_as().fetch_all(&self.pool).await?;

        let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        // A first page that is not full holds all tasks, so nothing need be counted.
        let counted = if page == 1 && read < page_size { read } else { self.count_tasks(filter).await? };
        let total = counted.min(MOST_COUNTED);
        Ok(PagedTasksOut {
            items: rows.into_iter().map(Into::into).collect(),
            total,
            total_is_lower_bound: counted > MOST_COUNTED,
            page,
            page_size,
            pages: ((total + page_size - 1) / page_size).max(1),
        })
    }

    /// Counts up to one more than [`MOST_COUNTED`].
    async fn count_tasks(&self, filter: &TaskFilter) -> Result<i64, Error> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from (select");
        filter.push(&mut query);
        query.push(" limit ").push_bind(MOST_COUNTED + 1).push(") counted");
        Ok(query.build_query_scalar().fetch_one(&self.pool).await?)
    }

    /// How many tasks `assignee` has, in all and by artifact type, and how many are overdue: past their deadline and
    /// not decided.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn task_stats(&self, assignee: &str, status: Option<&str>) -> Result<TaskStatsOut, Error> {
        let rows = sqlx::query!(
            r#"select r.artifact_type, count(*) as "total!",
                      count(*) filter (where t.due_at < now() and t.status in ('open', 'claimed', 'expired'))
                          as "overdue!"
               from approval_task t join approval_request r on r.id = t.request_id
               where t.assignee = $1 and ($2::text is null or t.status = $2)
               group by r.artifact_type"#,
            assignee,
            status,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut stats = TaskStatsOut::default();
        for row in rows {
            stats.total += row.total;
            stats.overdue += row.overdue;
            stats.by_artifact_type.insert(row.artifact_type, row.total);
        }
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
