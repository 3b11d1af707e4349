//! Which requests a list holds.

use crate::page::{Cursor, LOOKED_THROUGH, and, and_contains, rows};
use crate::{Error, Store};
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

/// Which requests to list. Texts and ids must be equal; a field that is `None` matches any.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    pub artifact_type: Option<String>,
    pub artifact_id: Option<String>,
    pub status: Option<String>,
    pub policy_key: Option<String>,
    pub requester: Option<String>,
    pub source_service: Option<String>,
    /// Who may still decide one of its tasks.
    pub assignee: Option<String>,
    /// Case-insensitive substring of title, artifact id and type, policy key, requester or any value in the context.
    pub search_text: Option<String>,
    /// Created at this moment or later.
    pub created_since: Option<OffsetDateTime>,
    /// Created before this moment.
    pub created_until: Option<OffsetDateTime>,
    /// Changed at this moment or later.
    pub updated_since: Option<OffsetDateTime>,
    /// With a task past its deadline that may still be decided, or without.
    pub overdue: Option<bool>,
    /// Most requests in a page.
    pub limit: u32,
    /// Only requests after this place.
    pub cursor: Option<Cursor>,
}

/// Requests that are so few that they are looked up one by one. If there are more, they are found soon enough among
/// all requests, newest first.
const FEW: i64 = 5_000;

const OVERDUE: &str = "in (select request_id from open_task where due_at < now())";

impl RequestFilter {
    /// The event that ends requests in the wanted status, if it is a terminal one.
    fn end(&self) -> Option<&'static str> {
        match self.status.as_deref()? {
            "approved" => Some("request_approved"),
            "rejected" => Some("request_rejected"),
            "cancelled" => Some("request_cancelled"),
            "expired" => Some("request_expired"),
            _ => None,
        }
    }

    /// Whether the list holds open requests only, which are found without a look at what is finished.
    fn is_of_open_work(&self) -> bool {
        matches!(self.status.as_deref(), Some("pending" | "in_review"))
            || self.assignee.is_some()
            || self.overdue == Some(true)
    }

    /// Whether a condition is such that no index finds what fulfils it. `rare`: as in [`RequestFilter::push`].
    pub(super) fn looks_through(&self, rare: Option<&'static str>) -> bool {
        self.text().is_some()
            || (self.end().is_some() && rare.is_none())
            || self.source_service.is_some()
            || self.updated_since.is_some()
            || (self.artifact_type.is_some() && self.artifact_id.is_none())
    }

    fn text(&self) -> Option<&str> {
        self.search_text.as_deref().filter(|text| !text.is_empty())
    }

    /// Ends a query with the tables, the conditions, the order and the limit. The request is `r`. `rare`: the event
    /// that ended the wanted requests, of which there are few.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>, rare: Option<&'static str>) {
        let most = i64::from(self.limit) + 1;
        if !self.looks_through(rare) {
            return self.push_found(query, rare, most);
        }
        query.push("(select r.* from ");
        self.push_found(query, rare, LOOKED_THROUGH);
        query.push(") r where true");
        and(query, "r.status = ", self.status.clone());
        and(query, "r.artifact_type = ", self.artifact_type.clone());
        and(query, "r.source_service = ", self.source_service.clone());
        and(query, "r.updated_at >= ", self.updated_since);
        if let Some(text) = self.text() {
            and_contains(query, text);
        }
        rows(query, "r.created_at", "r.id", None, most);
    }

    /// Ends a query with the requests that indexes find, in order, at most so many.
    pub(super) fn push_found(
        &self,
        query: &mut QueryBuilder<Postgres>,
        rare: Option<&'static str>,
        most: i64,
    ) {
        let leading = if self.is_of_open_work() { "o" } else { "r" };
        query.push(match leading {
            // Looked up one by one, whatever the planner thinks of either table: `offset 0` keeps it from reordering.
            "o" => {
                "open_request o cross join lateral (select * from approval_request where id = o.id offset 0) r
                 where true"
            }
            _ => "approval_request r where true",
        });
        if let Some(end) = rare {
            query.push(" and r.id = any (array (select request_id from approval_event where event_type = ");
            query.push_bind(end).push("))");
        }
        if self.artifact_id.is_some() {
            and(query, "r.artifact_type = ", self.artifact_type.clone());
        }
        let words = [
            ("r.artifact_id = ", &self.artifact_id),
            ("r.policy_key = ", &self.policy_key),
            ("r.requester = ", &self.requester),
        ];
        for (condition, word) in words {
            and(query, condition, word.clone());
        }
        if leading == "o" || rare.is_some() {
            and(query, "r.status = ", self.status.clone());
        }
        and(query, &format!("{leading}.created_at >= "), self.created_since);
        and(query, &format!("{leading}.created_at < "), self.created_until);
        if let Some(assignee) = &self.assignee {
            query.push(" and r.id in (select request_id from open_task where assignee = ");
            query.push_bind(assignee.clone()).push(")");
        }
        match self.overdue {
            Some(true) => drop(query.push(" and r.id ").push(OVERDUE)),
            Some(false) => drop(query.push(" and r.id not ").push(OVERDUE)),
            None => {}
        }
        rows(query, &format!("{leading}.created_at"), &format!("{leading}.id"), self.cursor, most);
    }
}

impl Store {
    /// The event that ended the requests that are asked for, if there are few of them.
    pub(super) async fn rare(&self, filter: &RequestFilter) -> Result<Option<&'static str>, Error> {
        let Some(end) = filter.end() else { return Ok(None) };
        let mut query = QueryBuilder::<Postgres>::new(
            "select count(*) from (select from approval_event where event_type = ",
        );
        query.push_bind(end).push(" limit ").push_bind(FEW + 1).push(") counted");
        let counted: i64 = query.build_query_scalar().fetch_one(&self.pool).await?;
        Ok((counted <= FEW).then_some(end))
    }
}
