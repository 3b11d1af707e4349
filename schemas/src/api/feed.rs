//! The feed of all events: pulled in pages, or followed as a stream.

use super::limits;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which part of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// Only after this place: the `X-Next-Cursor` of the page before, or the `id` of an event of `GET /stream`. `now`:
    /// nothing of what has happened, only a cursor with which to go on. Absent: from the beginning.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 1, 100>")]
    #[param(min_length = 1, max_length = 100, example = "BgAAAAAAABJnLPzA")]
    pub after: Option<String>,
    /// Only events of these types, separated by commas.
    #[serde(default, deserialize_with = "limits::listed_event_types")]
    #[param(value_type = Option<String>, max_length = 2000, example = "request_approved,request_rejected")]
    pub types: Vec<String>,
    /// Only of requests about this artifact type.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub artifact_type: Option<String>,
    /// Only of this request.
    pub request_id: Option<Uuid>,
    /// `me`: only of requests in which the caller has, or had, a task when the event is told. What happened in a
    /// request before that is in its history, `GET /requests/{request_id}/events`.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, example = "me")]
    pub assignee: Option<String>,
    /// Most events in the answer. There may be fewer, or none, although more follow: see `X-Next-Cursor`.
    #[serde(default = "limits::limit_default", deserialize_with = "limits::limit")]
    #[param(default = 50, minimum = 1, maximum = 500)]
    pub limit: u32,
}

/// Which events of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Only after this place: the `id` of an event, or an `X-Next-Cursor` of `GET /events`. Absent or `now`: from now
    /// on. `Last-Event-ID` goes before it.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 1, 100>")]
    #[param(min_length = 1, max_length = 100, example = "BgAAAAAAABJnLPzA")]
    pub after: Option<String>,
    /// Only events of these types, separated by commas.
    #[serde(default, deserialize_with = "limits::listed_event_types")]
    #[param(value_type = Option<String>, max_length = 2000, example = "request_approved,request_rejected")]
    pub types: Vec<String>,
    /// Only of requests about this artifact type.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub artifact_type: Option<String>,
    /// Only of this request.
    pub request_id: Option<Uuid>,
    /// `me`: only of requests in which the caller has, or had, a task when the event is told.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, example = "me")]
    pub assignee: Option<String>,
}

/// Why a stream ends, and where to go on: the data of its last event, `resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResumeOut {
    /// `slow`: events came faster than they were taken. `stopping`: the process stops. `token_expired`: come again with
    /// a new token. `gone`: what was not read yet is no longer kept.
    #[schema(example = "stopping")]
    pub reason: String,
    /// Everything up to here was told: `after` of the next stream.
    #[schema(example = "BgAAAAAAABJnLPzA")]
    pub cursor: String,
}
