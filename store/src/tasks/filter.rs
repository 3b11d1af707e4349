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

const OVERDUE: &str = "coalesce(t.due_at < now(), false) and is_decidable(t.status, t.seated, t.decision_id)";
/// The moment by which tasks without a deadline are ordered: the last that there is.
const NEVER: &str = "'9999-12-31T23:59:59.999999Z'";

impl TaskFilter {
    /// Whether the list holds open work only, which is found without a look at what is finished.
    fn is_of_open_work(&self) -> bool {
        let status = self.status.as_deref();
        self.request_id.is_none()
            && (matches!(status, Some("open" | "claimed" | ACTIONABLE)) || self.overdue == Some(true))
    }

    /// The table that leads: its key is in the order of the list.
    fn leading(&self) -> &'static str {
        if self.is_of_open_work() { "o" } else { "t" }
    }

    pub(super) fn list(&self) -> List {
        match self.sort {
            Sort::Created => List::Tasks,
            Sort::Due => List::TasksByDue,
        }
    }

    /// Ends a query with the tables that the conditions look at, and the conditions. The request is joined only when
    /// one of them is about it, so that pages that are skipped and tasks that are counted cost an index entry each.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>) {
        let leading = self.leading();
        if leading == "o" {
            // Looked up one by one, whatever the planner thinks of either table: `offset 0` keeps it from reordering.
            query.push(
                " from open_task o cross join lateral (select * from approval_task where id = o.id offset 0) t",
            );
        } else {
            query.push(" from approval_task t");
        }
        if self.artifact_type.is_some() || self.policy_key.is_some() || self.search_text.is_some() {
            query.push(" join approval_request r on r.id = t.request_id");
        }
        query.push(" where true");
        and(query, &format!("{leading}.assignee = "), self.assignee.as_deref().map(str::to_owned));
        and(query, "t.request_id = ", self.request_id);
        match self.status.as_deref() {
            Some(ACTIONABLE) => drop(query.push(" and is_decidable(t.status, t.seated, t.decision_id)")),
            status => and(query, "t.status = ", status.map(str::to_owned)),
        }
        and(query, "r.artifact_type = ", self.artifact_type.clone());
        and(query, "r.policy_key = ", self.policy_key.clone());
        match self.overdue {
            Some(true) => drop(query.push(" and ").push(OVERDUE)),
            Some(false) => drop(query.push(" and not (").push(OVERDUE).push(")")),
            None => {}
        }
        and(query, "t.due_at < ", self.due_before);
        if let Some(text) = self.search_text.as_deref().filter(|text| !text.is_empty()) {
            and_contains(query, text);
        }
    }

    /// The order of the list, as `order by` takes it.
    pub(super) fn order(&self) -> String {
        match self.sort {
            Sort::Due => self.order_of("t"),
            Sort::Created => self.order_of(self.leading()),
        }
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
        self.leading() == "t" && self.assignee.is_none() && self.request_id.is_none()
    }

    /// Adds the condition that a task comes after the cursor.
    pub(super) fn push_cursor(&self, query: &mut QueryBuilder<Postgres>) {
        let Some(cursor) = self.cursor else { return };
        let leading = self.leading();
        match self.sort {
            Sort::Created if self.is_of_everything() => {
                and(query, "t.id < ", Some(cursor.id));
                return;
            }
            Sort::Created => query.push(format_args!(" and ({leading}.created_at, {leading}.id) < (")),
            Sort::Due => query.push(format_args!(" and (coalesce(t.due_at, {NEVER}), t.id) > (")),
        };
        query.push_bind(cursor.at).push(", ").push_bind(cursor.id).push(")");
    }
}
