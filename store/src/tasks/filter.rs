//! Which tasks a list holds, and in which order.

use crate::page::{Cursor, List, and, and_contains};
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// The word of a filter for tasks that may still be decided: open, claimed, or expired and not replaced.
pub const ACTIONABLE: &str = "actionable";

/// The order of a list of tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Newest first.
    #[default]
    Created,
    /// Due first, those without a deadline last.
    Due,
}

/// Which tasks to list. Texts and ids must be equal; a field that is `None` matches any.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    pub assignee: Option<String>,
    pub request_id: Option<Uuid>,
    /// A status, or [`ACTIONABLE`].
    pub status: Option<String>,
    pub artifact_type: Option<String>,
    pub policy_key: Option<String>,
    /// Case-insensitive substring of title, artifact id and type, policy key, requester or any value in the context.
    pub search_text: Option<String>,
    /// Past their deadline and still to be decided, or not.
    pub overdue: Option<bool>,
    pub due_before: Option<OffsetDateTime>,
    pub sort: Sort,
    /// Only tasks after this place; the number of the page means nothing then.
    pub cursor: Option<Cursor>,
    /// Do not count what is on other pages.
    pub uncounted: bool,
    /// Number of the page, from 1.
    pub page: u32,
    /// Tasks in a page, at least 1.
    pub page_size: u32,
}

/// The moment by which tasks without a deadline are ordered: the last that there is.
const NEVER: &str = "'9999-12-31T23:59:59.999999Z'";

impl TaskFilter {
    /// Whether the list holds open work only, which is found without a look at what is finished.
    pub(super) fn is_of_open_work(&self) -> bool {
        let status = self.status.as_deref();
        self.request_id.is_none()
            && (matches!(status, Some("open" | "claimed" | ACTIONABLE)) || self.overdue == Some(true))
    }

    pub(super) fn list(&self) -> List {
        match self.sort {
            Sort::Created => List::Tasks,
            Sort::Due => List::TasksByDue,
        }
    }

    /// Ends a query with the tables that the conditions look at, and the conditions. The task is `t`, of whichever
    /// table. The request is joined only when a condition is about it, so that pages that are skipped and tasks that
    /// are counted cost an index entry each.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>) {
        let open = self.is_of_open_work();
        query.push(if open { " from open_task t" } else { " from approval_task t" });
        let search_text = self.search_text.as_deref().filter(|text| !text.is_empty());
        let by_request = self.artifact_type.is_some() || self.policy_key.is_some();
        if search_text.is_some() || (by_request && !open) {
            // Looked up one by one, whatever the planner thinks of either table: `offset 0` keeps it from reordering.
            query.push(
                " cross join lateral (select * from approval_request where id = t.request_id offset 0) r",
            );
        }
        query.push(" where true");
        and(query, "t.assignee = ", self.assignee.clone());
        and(query, "t.request_id = ", self.request_id);
        match self.status.as_deref() {
            Some(ACTIONABLE) if open => {}
            Some(ACTIONABLE) => drop(query.push(" and is_decidable(t.status, t.seated, t.decision_id)")),
            status => and(query, "t.status = ", status.map(str::to_owned)),
        }
        let request = if open { "t" } else { "r" };
        and(query, &format!("{request}.artifact_type = "), self.artifact_type.clone());
        and(query, &format!("{request}.policy_key = "), self.policy_key.clone());
        if let Some(overdue) = self.overdue {
            let late = if open { "" } else { " and is_decidable(t.status, t.seated, t.decision_id)" };
            query.push(format_args!(" and (coalesce(t.due_at < now(), false){late}) = ")).push_bind(overdue);
        }
        and(query, "t.due_at < ", self.due_before);
        if let Some(text) = search_text {
            and_contains(query, text);
        }
    }

    /// The order of the list, as `order by` takes it.
    pub(super) fn order(&self) -> String {
        self.order_of("t")
    }

    /// The same order of the columns of another table or query.
    pub(super) fn order_of(&self, table: &str) -> String {
        match self.sort {
            Sort::Due => format!("coalesce({table}.due_at, {NEVER}), {table}.id"),
            Sort::Created if self.is_of_everything() => format!("{table}.id desc"),
            Sort::Created => format!("{table}.created_at desc, {table}.id desc"),
        }
    }

    /// Of all tasks that ever were, the newest are found by their ids, which begin with the moment they were made.
    fn is_of_everything(&self) -> bool {
        !self.is_of_open_work() && self.assignee.is_none() && self.request_id.is_none()
    }

    /// Adds the condition that a task comes after the cursor.
    pub(super) fn push_cursor(&self, query: &mut QueryBuilder<Postgres>) {
        let Some(cursor) = self.cursor else { return };
        match self.sort {
            Sort::Created if self.is_of_everything() => {
                and(query, "t.id < ", Some(cursor.id));
                return;
            }
            Sort::Created => query.push(" and (t.created_at, t.id) < ("),
            Sort::Due => query.push(format_args!(" and (coalesce(t.due_at, {NEVER}), t.id) > (")),
        };
        query.push_bind(cursor.at).push(", ").push_bind(cursor.id).push(")");
    }
}
