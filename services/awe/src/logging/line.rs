//! A log line as one JSON object: `time`, `level`, `target`, `message`, the fields of the event, those of the spans
//! around it, and `trace_id` and `span_id` where it belongs to a trace.

use serde::ser::{SerializeMap, Serializer as _};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;
use telemetry::Trace;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Keeps the fields of a span as JSON objects one after the other, one for each time that fields came. Most spans are
/// never in a line: joining their objects waits until one is.
#[derive(Debug, Default)]
pub(super) struct Kept(JsonFields);

impl<'w> FormatFields<'w> for Kept {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

pub(super) struct Line;

impl<S> FormatEvent<S, Kept> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Kept>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let Some(kept) = extensions.get::<FormattedFields<Kept>>() else { continue };
            // The innermost says it best.
            for (name, value) in joined(&kept.fields) {
                fields.0.entry(name).or_insert(value);
            }
        }
        let line = written(event, fields.0).map_err(|_| fmt::Error)?;
        writeln!(writer, "{}", String::from_utf8_lossy(&line))
    }
}

/// The fields of a span; what came last counts.
fn joined(objects: &str) -> Map<String, Value> {
    let objects = serde_json::Deserializer::from_str(objects).into_iter::<Map<String, Value>>();
    objects.map_while(Result::ok).flatten().collect()
}

fn written(event: &Event<'_>, mut fields: Map<String, Value>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    let metadata = event.metadata();
    map.serialize_entry("time", &OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default())?;
    map.serialize_entry("level", metadata.level().as_str())?;
    map.serialize_entry("target", metadata.target())?;
    map.serialize_entry("message", &fields.remove("message").unwrap_or_default())?;
    if let Some(trace) = Trace::current() {
        map.serialize_entry("trace_id", &trace.id())?;
        map.serialize_entry("span_id", &trace.span_id())?;
    }
    let taken = HashSet::from(["time", "level", "target", "trace_id", "span_id"]);
    for (name, value) in fields.iter().filter(|(name, _)| !taken.contains(name.as_str())) {
        map.serialize_entry(name, value)?;
    }
    map.end()?;
    Ok(line)
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn note(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_span_said_last_counts() {
        let fields = joined(r#"{"a":1,"b":"x"} {"b":"y"} {"c":[true]}"#);
        assert_eq!(Value::Object(fields), json!({"a": 1, "b": "y", "c": [true]}));
        assert!(joined("").is_empty());
    }
}
