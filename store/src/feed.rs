//! The feed of all events, in one order that is the same for every reader: by position.
//!
//! [`Head`] knows how far it may be read; [`Store::feed_page`] reads a page up to there. A page looks at a bounded
//! number of events whatever its filter, and tells how far it has looked, so a reader whose filter fits nothing moves on
//! all the same.

mod head;
mod place;

pub use head::Head;
pub use place::Place;

use crate::outbox::event_facts;
use crate::pool::Pool;
use crate::{Error, Store};
use schemas::event::WebhookEvent;
use serde_json::Value;
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _};
use time::OffsetDateTime;
use uuid::Uuid;

/// Most events that one page looks at, those that do not fit its filter included.
pub const MOST_LOOKED_AT: i64 = 2_000;

/// Which events of the feed are wanted. A field that is `None` or empty leaves nothing out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedFilter {
    /// Only of one of these types.
    pub types: Vec<String>,
    /// Only of requests about this type of artifact.
    pub artifact_type: Option<String>,
    /// Only of this request.
    pub request_id: Option<Uuid>,
    /// Only of requests in which this person has, or had, a task when the page is read.
    pub assignee: Option<String>,
}

/// An event and its place in the order of all.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    pub position: i64,
    pub event: WebhookEvent,
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// The events that fit the filter, by position.
    pub events: Vec<FeedEvent>,
    /// Up to here everything was looked at: where the next page goes on.
    pub looked_to: i64,
}

/// The outcome of reading a page.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedRead {
    Page(FeedPage),
    /// Events after the given place were deleted by retention. From this position on nothing is missing.
    Gone(i64),
}

/// Which part of the feed to read, and how much of it at most.
#[derive(Debug, Clone, Copy)]
pub struct FeedSpan {
    /// Only events above this position.
    pub after: i64,
    /// Only events up to this position, which must be settled.
    pub upto: i64,
    /// Most events.
    pub limit: i64,
    /// Most bytes of payloads; the first event comes whatever its size.
    pub bytes: i64,
}

#[derive(FromRow)]
struct FeedRow {
    position: i64,
    event_id: Uuid,
    event_type: String,
    request_id: Uuid,
    artifact_type: String,
    artifact_id: String,
    title: Option<String>,
    summary: Option<String>,
    artifact_url: Option<String>,
    status: String,
    stage_order: Option<i32>,
    actor: String,
    reason: Option<String>,
    payload: Value,
    occurred_at: OffsetDateTime,
    sequence: i64,
    policy_key: String,
    policy_version: i32,
}

/// What is said about a page beside its rows.
#[derive(FromRow)]
struct Looked {
    beginning: i64,
    /// Events that were looked at, and the position of the last.
    looked: i64,
    last: Option<i64>,
    /// Events that fit, before the bound on bytes.
    fitting: i64,
}

impl FeedFilter {
    /// The events that are looked at, oldest first.
    fn push_looked(&self, query: &mut QueryBuilder<Postgres>, span: &FeedSpan) {
        query.push("select position, request_id, event_type from approval_event where ");
        if let Some(request_id) = self.request_id {
            query.push("request_id = ").push_bind(request_id).push(" and ");
        }
        query.push("position > ").push_bind(span.after);
        query.push(" and position <= ").push_bind(span.upto);
        // Events of a request have positions in the order of their sequence.
        query.push(if self.request_id.is_some() { " order by sequence" } else { " order by position" });
        query.push(" limit ").push_bind(MOST_LOOKED_AT);
    }

    /// The requests of those events that fit, each looked at once, by its key.
    fn push_fitting(&self, query: &mut QueryBuilder<Postgres>) {
        query.push("select d.request_id from (select distinct request_id from looked) d where true");
        if let Some(artifact_type) = &self.artifact_type {
            query.push(" and (select artifact_type from approval_request where id = d.request_id) = ");
            query.push_bind(artifact_type.clone());
        }
        if let Some(assignee) = &self.assignee {
            // `offset 0`: else all tasks that the person ever had might be read instead.
            query.push(
                " and exists (select from (
                    select assignee from approval_task where request_id = d.request_id offset 0) t where t.assignee = ",
            );
            query.push_bind(assignee.clone()).push(")");
        }
    }

    fn push_picked(&self, query: &mut QueryBuilder<Postgres>, limit: i64) {
        query.push("select position from looked where true");
        if !self.types.is_empty() {
            query.push(" and event_type = any(").push_bind(self.types.clone()).push(")");
        }
        if self.artifact_type.is_some() || self.assignee.is_some() {
            query.push(" and request_id in (table fitting)");
        }
        query.push(" order by position limit ").push_bind(limit);
    }

    /// The statement of one page. Its rows repeat what is said about the page; there is at least one row, and one
    /// without a position is no event. All is read as of one moment, so that what retention deletes meanwhile is
    /// either read or known to be gone.
    fn page(&self, span: &FeedSpan) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new("with looked as materialized (");
        self.push_looked(&mut query, span);
        query.push("), fitting as materialized (");
        self.push_fitting(&mut query);
        query.push("), picked as materialized (");
        self.push_picked(&mut query, span.limit);
        query.push(
            "), sized as (
                select e.*, octet_length(e.payload::text) as own,
                    sum(octet_length(e.payload::text)) over (order by e.position) as so_far
                from picked p cross join lateral (select * from approval_event where position = p.position offset 0) e
            )
            select f.beginning, (select count(*) from looked) as looked, (select max(position) from looked) as last,
                (select count(*) from picked) as fitting,
                e.position, e.id as event_id, e.event_type, e.request_id, r.artifact_type, r.artifact_id,
                r.title, r.summary, r.artifact_url, e.status,
                e.stage_order, e.actor, e.reason, e.payload, e.created_at as occurred_at, e.sequence, r.policy_key,
                r.policy_version
            from event_feed f left join sized e on e.so_far = e.own or e.so_far <= ",
        );
        query.push_bind(span.bytes);
        query.push(
            " left join lateral (select * from approval_request where id = e.request_id offset 0) r on true
            order by e.position",
        );
        query
    }
}

impl Looked {
    /// Up to where this page was looked at completely.
    fn looked_to(&self, span: &FeedSpan, events: &[FeedEvent]) -> i64 {
        let found = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let to = match (events.last(), self.last) {
            (Some(last), _) if found >= span.limit || found < self.fitting => last.position,
            (_, Some(last)) if self.looked >= MOST_LOOKED_AT => last,
            _ => span.upto,
        };
        to.max(span.after)
    }
}

impl Store {
    /// A page of the feed. Looks at no more than [`MOST_LOOKED_AT`] events.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn feed_page(&self, filter: &FeedFilter, span: FeedSpan) -> Result<FeedRead, Error> {
        read(&self.pool, filter, span).await
    }

    /// As [`Store::feed_page`], of all events, on connections that no list can take: for the one reader of a process
    /// on which all streams depend.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn feed_next(&self, span: FeedSpan) -> Result<FeedRead, Error> {
        read(&self.hot, &FeedFilter::default(), span).await
    }

    /// Where the feed begins: events above this position were never deleted.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn feed_beginning(&self) -> Result<i64, Error> {
        let beginning = sqlx::query_scalar!(r#"select beginning as "beginning!" from event_feed"#);
        Ok(beginning.fetch_one(&self.pool).await?)
    }

    /// Whether this position was ever given to an event of this database that a reader could have seen.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn feed_has_reached(&self, position: i64) -> Result<bool, Error> {
        let reached = sqlx::query_scalar!(
            r#"select $1 <= greatest(
                    (select max(position) from approval_event), (select beginning from event_feed),
                    (select settled from outbox_batch order by id desc limit 1), 0
                ) as "reached!""#,
            position
        );
        Ok(reached.fetch_one(&self.pool).await?)
    }

    /// Of these people, who has or had a task in which of these requests.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn involved(&self, requests: &[Uuid], people: &[String]) -> Result<Vec<(Uuid, String)>, Error> {
        let found = sqlx::query!(
            "select distinct t.request_id, t.assignee from unnest($1::uuid[]) as q (id)
             cross join lateral (select request_id, assignee from approval_task where request_id = q.id offset 0) t
             where t.assignee = any($2)",
            requests,
            people
        )
        .fetch_all(&self.hot)
        .await?;
        Ok(found.into_iter().map(|row| (row.request_id, row.assignee)).collect())
    }
}

async fn read(pool: &Pool, filter: &FeedFilter, span: FeedSpan) -> Result<FeedRead, Error> {
    let rows = filter.page(&span).build().fetch_all(pool).await?;
    let about = rows.first().ok_or_else(|| Error::Internal("event_feed has no row".into()))?;
    let about = Looked::from_row(about)?;
    if span.after < about.beginning {
        return Ok(FeedRead::Gone(about.beginning));
    }
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.try_get::<Option<i64>, _>("position")?.is_some() {
            let row = FeedRow::from_row(row)?;
            events.push(FeedEvent { position: row.position, event: event_facts!(row).into_event() });
        }
    }
    Ok(FeedRead::Page(FeedPage { looked_to: about.looked_to(&span, &events), events }))
}
