//! Settings of metrics and traces that make no sense stop the start and are named.

use super::with;

#[test]
fn what_telemetry_cannot_use_is_named() {
    for (name, value, told) in [
        ("AWE__TELEMETRY__METRICS_PORT", "8000", "telemetry.metrics_port"),
        ("AWE__TELEMETRY__METRICS_PORT", "70000", "metrics_port"),
        ("AWE__TELEMETRY__METRICS_HOST", "0.0.0.0", "telemetry.metrics_host"),
        ("AWE__TELEMETRY__OTLP_ENDPOINT", "collector:4318", "telemetry.otlp_endpoint"),
        ("AWE__TELEMETRY__OTLP_ENDPOINT", "ftp://collector", "telemetry.otlp_endpoint"),
        ("AWE__TELEMETRY__SAMPLE_RATIO", "1.5", "telemetry.sample_ratio"),
        ("AWE__TELEMETRY__SAMPLE_RATIO", "-0.1", "telemetry.sample_ratio"),
        ("AWE__TELEMETRY__QUEUE_SPANS", "0", "telemetry.queue_spans"),
    ] {
        let refused = with(&[(name, value)]).unwrap_err().to_string();
        assert!(refused.contains(told), "{name}={value}: {refused}");
    }
}

#[test]
fn metrics_can_be_turned_off_and_traces_are_off() {
    let config = with(&[("AWE__TELEMETRY__METRICS_PORT", "0")]).unwrap();
    assert_eq!(config.telemetry.metrics(), None);
    assert_eq!(config.telemetry.otlp_endpoint, "");
    let on = with(&[]).unwrap().telemetry.metrics().unwrap();
    assert_eq!((on.port(), on.ip().is_loopback()), (9464, true));
}
