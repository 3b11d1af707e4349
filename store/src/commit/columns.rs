//! The rows of one statement by column: an array for each column, as `unnest` takes them. Values that may be long are
//! borrowed.
//!
//! A row is a struct with named fields. Its fields, in order, give the parameters of the statement, their names in it
//! and the values bound to them, so these three always agree.

use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

type Time = OffsetDateTime;
type Members = serde_json::Map<String, Value>;

/// The name of a column in the statement, and the SQL type of its array.
pub(super) type Column = (&'static str, &'static str);

/// Defines the struct of a row, with named fields, and the struct of the columns that rows are pushed into.
macro_rules! table {
    ($(#[$doc:meta])* $columns:ident of $row:ident<$a:lifetime> { $($field:ident: $ty:ty as $sql:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $row<$a> { $(pub(super) $field: $ty),* }

        #[derive(Debug, Default)]
        pub(super) struct $columns<$a> { $($field: Vec<$ty>),* }

        impl<$a> $columns<$a> {
            const COLUMNS: &'static [Column] = &[$((stringify!($field), $sql)),*];

            pub(super) fn push(&mut self, row: $row<$a>) { $(self.$field.push(row.$field);)* }

            fn bind(self, query: Query<$a>) -> Query<$a> { query$(.bind(self.$field))* }
        }
    };
}

/// Defines the tables of a statement. Their order is the order of the parameters.
macro_rules! tables {
    ($(#[$doc:meta])* $name:ident<$a:lifetime> { $($table:ident: $columns:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<$a> { $(pub(super) $table: $columns<$a>),* }

        impl<$a> $name<$a> {
            pub(super) const TABLES: &'static [(&'static str, &'static [Column])] =
                &[$((stringify!($table), $columns::COLUMNS)),*];

            pub(super) fn bind(self, query: Query<$a>) -> Query<$a> {
                $(let query = self.$table.bind(query);)*
                query
            }
        }
    };
}

tables!(
    /// All rows of one batch.
    Batch<'a> {
        created: Created, keys: Keys, moved: Moved, new_tasks: NewTasks, changed_tasks: ChangedTasks,
        decisions: Decisions, events: Events, deliveries: Deliveries, audits: Audits, relied: Relied,
    }
);

table!(Created of CreatedRow<'a> {
    id: Uuid as "uuid",
    epoch: Option<i64> as "bigint",
    keyed: bool as "bool",
    policy_id: Uuid as "uuid",
    policy_key: &'a str as "text",
    policy_version: i32 as "int",
    artifact_type: &'a str as "text",
    artifact_id: &'a str as "text",
    title: Option<&'a str> as "text",
    summary: Option<&'a str> as "text",
    artifact_url: Option<&'a str> as "text",
    source_service: &'a str as "text",
    requester: &'a str as "text",
    context: Json<&'a Value> as "jsonb",
    status: &'a str as "text",
    current_stage_order: i32 as "int",
    stages: Json<Value> as "jsonb",
    callback_url: Option<&'a str> as "text",
    callback_secret_id: Option<Uuid> as "uuid",
    callback_events: Option<Json<&'a [String]>> as "jsonb",
    expires_at: Option<Time> as "timestamptz",
    completed_at: Option<Time> as "timestamptz",
    created_at: Time as "timestamptz",
    last_sequence: i64 as "bigint",
    resolve_after: Option<Time> as "timestamptz",
});

table!(Keys of KeyRow<'a> {
    subject: &'a str as "text",
    key: &'a str as "text",
    body: Json<&'a RawValue> as "jsonb",
    request_id: Uuid as "uuid",
    response: Json<&'a RawValue> as "jsonb",
});

table!(Moved of MovedRow<'a> {
    id: Uuid as "uuid",
    expected: i64 as "bigint",
    epoch: Option<i64> as "bigint",
    keyed: bool as "bool",
    status: &'a str as "text",
    current_stage_order: i32 as "int",
    stages: Json<Value> as "jsonb",
    completed_at: Option<Time> as "timestamptz",
    updated_at: Time as "timestamptz",
    last_sequence: i64 as "bigint",
    resolve_after: Option<Time> as "timestamptz",
    resolve_attempt: i32 as "int",
});

table!(NewTasks of NewTaskRow<'a> {
    id: Uuid as "uuid",
    request_id: Uuid as "uuid",
    stage_id: Uuid as "uuid",
    stage_order: i32 as "int",
    ordinal: i32 as "int",
    assignee: &'a str as "text",
    kind: &'a str as "text",
    required: bool as "bool",
    seated: bool as "bool",
    delegated_from: Option<&'a str> as "text",
    reassigned_from: Option<&'a str> as "text",
    status: &'a str as "text",
    due_at: Option<Time> as "timestamptz",
    created_at: Time as "timestamptz",
    claimed_at: Option<Time> as "timestamptz",
    completed_at: Option<Time> as "timestamptz",
    decision_id: Option<Uuid> as "uuid",
});

table!(ChangedTasks of ChangedTaskRow<'a> {
    id: Uuid as "uuid",
    request_id: Uuid as "uuid",
    status: &'a str as "text",
    seated: bool as "bool",
    claimed_at: Option<Time> as "timestamptz",
    completed_at: Option<Time> as "timestamptz",
    decision_id: Option<Uuid> as "uuid",
    claimed_by: Option<&'a str> as "text",
});

table!(Decisions of DecisionRow<'a> {
    id: Uuid as "uuid",
    request_id: Uuid as "uuid",
    task_id: Uuid as "uuid",
    stage_order: i32 as "int",
    actor: &'a str as "text",
    on_behalf_of: Option<&'a str> as "text",
    action: &'a str as "text",
    comment: Option<&'a str> as "text",
    attachments_ref: Option<&'a str> as "text",
    artifact_digest: Option<&'a str> as "text",
    late: bool as "bool",
    created_at: Time as "timestamptz",
});

table!(Events of EventRow<'a> {
    id: Uuid as "uuid",
    request_id: Uuid as "uuid",
    sequence: i64 as "bigint",
    event_type: &'a str as "text",
    status: &'a str as "text",
    stage_order: Option<i32> as "int",
    actor: &'a str as "text",
    reason: Option<&'a str> as "text",
    payload: Json<&'a Members> as "jsonb",
    created_at: Time as "timestamptz",
    trace_context: Option<&'a str> as "text",
});

table!(Deliveries of DeliveryRow<'a> {
    id: Uuid as "uuid",
    event_id: Uuid as "uuid",
    request_id: Uuid as "uuid",
    sequence: i64 as "bigint",
    event_type: &'a str as "text",
    caller_service: &'a str as "text",
    url: &'a str as "text",
    created_at: Time as "timestamptz",
    lease_token: Option<Uuid> as "uuid",
    lease_seconds: Option<f64> as "float8",
});

table!(Audits of AuditRow<'a> {
    id: Uuid as "uuid",
    request_id: Uuid as "uuid",
    actor: &'a str as "text",
    action: &'a str as "text",
    resource_type: &'a str as "text",
    resource_id: &'a str as "text",
    summary: &'a str as "text",
    before: Option<Json<&'a Value>> as "jsonb",
    after: Option<Json<&'a Value>> as "jsonb",
});

table!(Relied of ReliedRow<'a> {
    request_id: Uuid as "uuid",
    user_id: &'a str as "text",
    version: i64 as "bigint",
});
