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
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

pub(super) struct Line;

impl<S> FormatEvent<S, JsonFields> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let Some(of_span) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            // The innermost says it best.
            if let Ok(Value::Object(of_span)) = serde_json::from_str(&of_span.fields) {
                for (name, value) in of_span {
                    fields.0.entry(name).or_insert(value);
                }
            }
        }
        let line = written(event, fields.0).map_err(|_| fmt::Error)?;
        writeln!(writer, "{}", String::from_utf8_lossy(&line))
    }
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
