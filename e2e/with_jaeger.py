"""One trace through a real collector into a real trace store. `./dev telemetry-test` runs this."""

from __future__ import annotations

import time
import unittest

from support import jaeger, server
from support.telemetry import TelemetryCase, scrape, value
from support.waiting import until
from test_telemetry import CLIENT, PARENT, PARENT_SPAN, PARENT_TRACE, PATIENCE, PRODUCER, SERVER

EXPORTED, FAILED = ('awe_telemetry_spans_total{outcome="%s"}' % word for word in ("exported", "failed"))


class RealCollector(TelemetryCase):
    def setUp(self) -> None:
        super().setUp()
        self.shown = self.showing()
        running = jaeger.running(self.folder, self.shown)
        self.jaeger = running.__enter__()
        self.addCleanup(running.__exit__, None, None, None)
        self.metrics = server.free_port()
        self.started = self.serve(
            more={"OTEL_BSP_SCHEDULE_DELAY": "100"},
            telemetry__otlp_endpoint=self.jaeger.url,
            telemetry__sample_ratio=1,
            telemetry__metrics_port=self.metrics,
        )

    def test_one_decision_is_one_trace_of_all_hops_in_the_store(self) -> None:
        admin = self.begin(self.started)
        created = self.create(admin)
        self.decide(admin, created, traceparent=PARENT, tracestate="vendor=1")
        hook = self.receiver.wait_for_type("request_approved", created["request_id"])

        def attempt() -> list:
            found = [span for span in self.jaeger.spans(PARENT_TRACE) if span.name == "deliver"]
            return [span for span in found if span.attributes["messaging.message.id"] == hook.event["event_id"]]

        [delivered] = until(attempt, "the attempt is in the store")
        spans = {span.name: span for span in self.jaeger.spans(PARENT_TRACE)}
        call, apply = spans["POST /v1/awe/tasks/{task_id}/decision"], spans["apply"]
        self.assertEqual((call.parent_id, call.kind, call.service), (PARENT_SPAN, SERVER, "awe"))
        self.assertEqual(apply.parent_id, call.span_id)
        self.assertEqual((delivered.parent_id, delivered.kind), (apply.span_id, CLIENT))
        self.assertEqual(hook.headers["traceparent"], f"00-{PARENT_TRACE}-{delivered.span_id}-01")
        for name, kind in (("commit", CLIENT), ("publish", PRODUCER)):
            here = (PARENT_TRACE, apply.span_id)
            batch = until(lambda: [s for s in self.jaeger.named("awe", name) if here in s.links], f"a {name} links here")[0]
            self.assertEqual((batch.parent_id, batch.kind), ("", kind))
            self.assertNotEqual(batch.trace_id, PARENT_TRACE)

    def test_the_page_shows_what_has_passed_the_collector(self) -> None:
        admin = self.begin(self.started)
        self.decide(admin, self.create(admin), traceparent=PARENT)
        hops = (">POST /v1/awe/tasks/{task_id}/decision<", ">apply<", ">deliver<", ">commit<", ">publish<")
        until(lambda: all(hop in self.page(self.shown, PARENT_TRACE)[1] for hop in hops), "the trace is shown with all its hops")

    def test_a_collector_that_dies_costs_its_spans_and_nothing_else(self) -> None:
        admin = self.begin(self.started)
        self.decide(admin, self.create(admin))
        until(lambda: value(scrape(self.metrics), EXPORTED) > 0, "spans are exported")
        self.jaeger.process.kill()
        self.jaeger.process.wait(20)
        for _ in range(20):
            began = time.monotonic()
            created = self.create(admin)
            self.decide(admin, created)
            self.assertLess(time.monotonic() - began, PATIENCE, "nobody waits for the collector")
            self.receiver.wait_for_type("request_approved", created["request_id"])
        until(lambda: value(scrape(self.metrics), FAILED) > 0, "lost spans are counted")
        admin.get("/health").expect(200)


if __name__ == "__main__":
    unittest.main()
