//! Which tasks a list holds, and in which order.

use crate::moment::{LAST, Moment};
use crate::page::{Cursor, LOOKED_THROUGH, List, and, and_contains};
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

    /// The place of a task in the list.
    pub(super) fn place(&self, created_at: OffsetDateTime, due_at: Option<Moment>, id: Uuid) -> Cursor {
        let at = match self.sort {
            Sort::Created => created_at,
            Sort::Due => due_at.map_or(LAST, Into::into),
        };
        Cursor { list: self.list(), at, id }
    }

    /// The tasks among which the list has to be found.
    pub(super) fn all_of_it(&self) -> Self {
        Self { assignee: self.assignee.clone(), request_id: self.request_id, ..Self::default() }
    }

    /// Whether a condition is such that no index finds what fulfils it. A request has few tasks, whatever is asked.
    pub(super) fn looks_through(&self) -> bool {
        let finished = !self.is_of_open_work()
            && (self.status.is_some()
                || self.by_request()
                || self.overdue.is_some()
                || self.due_before.is_some());
        self.request_id.is_none() && (self.text().is_some() || finished)
    }

    /// Whether all finished tasks would have to be sorted, which no index is for.
    pub(super) fn sorts_everything(&self) -> bool {
        self.sort == Sort::Due && self.request_id.is_none() && !self.is_of_open_work()
    }

    fn text(&self) -> Option<&str> {
        self.search_text.as_deref().filter(|text| !text.is_empty())
    }

    fn by_request(&self) -> bool {
        self.artifact_type.is_some() || self.policy_key.is_some()
    }

    /// Ends a query with the tables that the conditions look at, and the conditions. The task is `t`, of whichever
    /// table. The request is joined only when a condition is about it, so that pages that are skipped and tasks that
    /// are counted cost an index entry each. `cursor`: only tasks after it.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>, cursor: Option<Cursor>) {
        let looks_through = self.looks_through();
        if looks_through {
            query.push(" from (");
            self.push_found(query, cursor);
            query.push(") t");
        } else {
            query.push(if self.is_of_open_work() { " from open_task t" } else { " from approval_task t" });
        }
        if self.text().is_some() || (self.by_request() && !self.is_of_open_work()) {
            // Looked up one by one, whatever the planner thinks of either table: `offset 0` keeps it from reordering.
            query.push(
                " cross join lateral (select * from approval_request where id = t.request_id offset 0) r",
            );
        }
        query.push(" where true");
        if !looks_through {
            self.push_indexed(query, cursor);
        }
        if !(looks_through && self.is_of_open_work()) {
            self.push_facts(query);
        }
        if let Some(text) = self.text() {
            and_contains(query, text);
        }
    }

    /// The tasks that indexes find, in order, at most [`LOOKED_THROUGH`].
    pub(super) fn push_found(&self, query: &mut QueryBuilder<Postgres>, cursor: Option<Cursor>) {
        let open = self.is_of_open_work();
        query.push(format_args!(
            "select t.* from {} t where true",
            if open { "open_task" } else { "approval_task" }
        ));
        self.push_indexed(query, cursor);
        if open {
            self.push_facts(query);
        }
        query.push(format_args!(" order by {} limit {LOOKED_THROUGH}", self.order()));
    }

    fn push_indexed(&self, query: &mut QueryBuilder<Postgres>, cursor: Option<Cursor>) {
        and(query, "t.assignee = ", self.assignee.clone());
        and(query, "t.request_id = ", self.request_id);
        self.push_cursor(query, cursor);
    }

    /// What is told of tasks and their requests. Of open ones all of it is in one table.
    fn push_facts(&self, query: &mut QueryBuilder<Postgres>) {
        let open = self.is_of_open_work();
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

    fn push_cursor(&self, query: &mut QueryBuilder<Postgres>, cursor: Option<Cursor>) {
        let Some(cursor) = cursor else { return };
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
