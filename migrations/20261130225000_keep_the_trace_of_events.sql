-- Which trace a transition belongs to: its `traceparent`, and after a space the `tracestate` if there is one (W3C Trace
-- Context). Null for most events: then nobody traces it, or it is sampled out. Nothing is looked up by it.
alter table approval_event add column trace_context text
    constraint approval_event_trace_context check (length(trace_context) <= 600);
