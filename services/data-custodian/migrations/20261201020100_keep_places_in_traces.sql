-- Where in a trace a grant was asked for and an event happened: `traceparent`, and `tracestate` after a space.
alter table authorizations add column trace_context text;
alter table outbox add column trace_context text;
