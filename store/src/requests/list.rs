//! Reading requests and their history.

use super::filter::RequestFilter;
use crate::moment::Moment;
use crate::page::{Cursor, LOOKED_THROUGH, List, cut};
use crate::pool::Connection;
use crate::{Error, Store, What};
use engine::ids::RequestId;
use schemas::api::request::{EventOut, RequestOut};
use schemas::json::RawJson;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

const COLUMNS: &str = "select r.id, r.policy_id, r.policy_key, r.policy_version, r.artifact_type, r.artifact_id, \
    r.title, r.summary, r.artifact_url, r.source_service, r.requester, r.context, r.status, r.current_stage_order, r.callback_url, r.callback_events, \
    r.expires_at, r.completed_at, r.created_at, r.updated_at from ";

/// Most bytes of contexts in one page. A page that would have more ends earlier, and its cursor goes on from there.
const MOST_CONTEXT: &str = "4194304";
/// Most events in one page of a history.
const MOST_EVENTS: i64 = 5_000;
/// Most bytes of payloads in one page of a history.
const MOST_PAYLOAD: i64 = 8 * 1024 * 1024;

#[derive(sqlx::FromRow)]
struct RequestRow {
    id: Uuid,
    policy_id: Uuid,
    policy_key: String,
    policy_version: i32,
    artifact_type: String,
    artifact_id: String,
    title: Option<String>,
    summary: Option<String>,
    artifact_url: Option<String>,
    source_service: String,
    requester: String,
    context: Json<RawJson>,
    status: String,
    current_stage_order: i32,
    callback_url: Option<String>,
    callback_events: Option<Vec<String>>,
    expires_at: Option<Moment>,
    completed_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// A row of a page, and how many rows were found before the bound on contexts cut the page.
#[derive(sqlx::FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    row: RequestRow,
    found: i64,
}

impl From<RequestRow> for RequestOut {
    fn from(row: RequestRow) -> Self {
        Self {
            id: row.id,
            policy_id: row.policy_id,
            policy_key: row.policy_key,
            policy_version: row.policy_version,
            artifact_type: row.artifact_type,
            artifact_id: row.artifact_id,
            title: row.title,
            summary: row.summary,
            artifact_url: row.artifact_url,
            source_service: row.source_service,
            requester: Some(row.requester),
            context: row.context.0,
            status: row.status,
            current_stage_order: row.current_stage_order,
            callback_url: row.callback_url,
            callback_events: row.callback_events,
            expires_at: row.expires_at.map(Into::into),
            completed_at: row.completed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The payload with stage, actor and reason repeated in it, as webhooks carry it.
fn repeated(payload: Value, stage: Option<i32>, actor: &str, reason: Option<&str>) -> Value {
    match payload {
        Value::Object(facts) => Value::Object(schemas::event::payload(facts, stage, actor, reason)),
        other => other,
    }
}

/// The cursor behind the rows that a page has looked through, if there may be more.
async fn behind_looked_at(
    snapshot: &mut Connection,
    filter: &RequestFilter,
    rare: Option<&'static str>,
) -> Result<Option<String>, Error> {
    let mut query =
        QueryBuilder::<Postgres>::new("select created_at, id from (select r.created_at, r.id from ");
    filter.push_found(&mut query, rare, LOOKED_THROUGH);
    query.push(") r order by created_at desc, id desc offset ").push_bind(LOOKED_THROUGH - 1);
    let last: Option<(OffsetDateTime, Uuid)> = query.build_query_as().fetch_optional(snapshot).await?;
    Ok(last.map(|(at, id)| Cursor { list: List::Requests, at, id }.to_string()))
}

impl Store {
    /// A page of requests, newest first, and the cursor of the next page if there is one. Where a filter is one that no
    /// index serves, a page may hold less than it could, or nothing, and go on with its cursor.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_requests(
        &self,
        filter: &RequestFilter,
    ) -> Result<(Vec<RequestOut>, Option<String>), Error> {
        let mut query = QueryBuilder::<Postgres>::new(
            "select * from (select p.*, count(*) over () as found, octet_length(p.context::text) as own,
                sum(octet_length(p.context::text)) over (order by p.created_at desc, p.id desc) as so_far from (",
        );
        query.push(COLUMNS);
        let rare = self.rare(filter).await?;
        filter.push(&mut query, rare);
        query.push(") p) listed where so_far = own or so_far <= ").push(MOST_CONTEXT);
        query.push(" order by created_at desc, id desc");
        let mut snapshot = self.pool.snapshot().await?;
        let mut rows: Vec<ListedRow> = query.build_query_as().fetch_all(&mut *snapshot).await?;
        let place = |row: &ListedRow| Cursor { list: List::Requests, at: row.row.created_at, id: row.row.id };
        let shortened = rows.last().filter(|last| i64::try_from(rows.len()).is_ok_and(|n| n < last.found));
        let next = match shortened.map(place) {
            Some(last) if rows.len() <= filter.limit as usize => Some(last.to_string()),
            _ => cut(&mut rows, filter.limit, place),
        };
        let next = match next {
            None if filter.looks_through(rare) => behind_looked_at(&mut snapshot, filter, rare).await?,
            next => next,
        };
        snapshot.commit().await?;
        Ok((rows.into_iter().map(|row| row.row.into()).collect(), next))
    }

    /// Ids of requests of a policy that have ended, newest first, at most `most`; with `since`, only those created at
    /// that moment or later.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ended_requests(
        &self,
        policy_key: &str,
        since: Option<OffsetDateTime>,
        most: u32,
    ) -> Result<Vec<RequestId>, Error> {
        let ids = sqlx::query_scalar!(
            "select id from approval_request
             where policy_key = $1 and completed_at is not null and created_at >= coalesce($2, '-infinity'::timestamptz)
             order by created_at desc, id desc limit $3",
            policy_key,
            since,
            i64::from(most)
        );
        Ok(ids.fetch_all(&self.pool).await?.into_iter().map(RequestId).collect())
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_request(&self, id: Uuid) -> Result<RequestOut, Error> {
        let mut query = QueryBuilder::<Postgres>::new(COLUMNS);
        query.push("approval_request r where r.id = ").push_bind(id);
        let row: Option<RequestRow> = query.build_query_as().fetch_optional(&self.pool).await?;
        row.map(Into::into).ok_or(Error::NotFound(What::Request))
    }

    /// The events of a request after a sequence (0 = from the beginning), in order, and the sequence to go on after
    /// if there are more than a page holds. Payloads repeat stage, actor and reason.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such request.
    pub async fn list_events(
        &self,
        request_id: Uuid,
        after: i64,
    ) -> Result<(Vec<EventOut>, Option<i64>), Error> {
        let rows = sqlx::query!(
            r#"select e.id as "id?", e.sequence as "sequence?", e.event_type as "event_type?", e.stage_order,
                      e.actor as "actor?", e.reason, e.payload as "payload?", e.created_at as "created_at?",
                      r.last_sequence
               from approval_request r left join (
                   select page.*, sum(octet_length(payload::text)) over (order by sequence) as so_far from (
                       select * from approval_event where request_id = $1 and sequence > $2
                       order by sequence limit $3) page
               ) e on so_far <= $4 or so_far = octet_length(e.payload::text)
               where r.id = $1 order by e.sequence"#,
            request_id,
            after,
            MOST_EVENTS,
            MOST_PAYLOAD,
        )
        .fetch_all(&self.pool)
        .await?;
        let last = rows.last().ok_or(Error::NotFound(What::Request))?;
        let next = last.sequence.filter(|sequence| *sequence < last.last_sequence);
        let events = rows.into_iter().filter_map(|row| {
            let actor = row.actor?;
            Some(EventOut {
                id: row.id?,
                request_id,
                sequence: row.sequence?,
                event_type: row.event_type?,
                payload: repeated(row.payload?, row.stage_order, &actor, row.reason.as_deref()),
                actor,
                reason: row.reason,
                created_at: row.created_at?,
            })
        });
        Ok((events.collect(), next))
    }
}
