"""Metrics of a real server, as Prometheus meets them."""

from __future__ import annotations

import os
import re

from support import api, prometheus, server
from support.issuer import Issuer
from support.telemetry import TelemetryCase, scrape, value
from support.waiting import until


def series(text: str) -> set[str]:
    """The name and labels of every line that has a value."""
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")}


class Metrics(TelemetryCase):
    def test_what_happens_is_counted(self) -> None:
        port = server.free_port()
        started = self.serve(telemetry__metrics_port=port)
        admin = self.begin(started)
        created = self.create(admin)
        self.decide(admin, created)
        self.receiver.wait_for_type("request_approved", created["request_id"])
        endpoint = self.receiver.url.removesuffix("/webhooks")
        expected = {
            'awe_decisions_total{action="approve"}': 1,
            "awe_requests_created_total": 1,
            'awe_requests_ended_total{status="approved"}': 1,
            "awe_decision_seconds_count": 1,
            f'awe_deliveries_total{{outcome="delivered",endpoint="{endpoint}"}}': 4,
        }
        until(lambda: all(value(scrape(port), series) == n for series, n in expected.items()), f"{expected}", 15)
        text = scrape(port)
        route = 'method="POST",route="/v1/awe/tasks/{task_id}/decision",status="2xx"'
        self.assertEqual(value(text, f"awe_http_request_seconds_count{{{route}}}"), 1)
        self.assertGreater(value(text, "awe_commit_batch_size_count"), 1)
        self.assertGreater(value(text, "process_resident_memory_bytes"), 1e6)
        self.assertIn('awe_build_info{version="', text)
        until(lambda: value(scrape(port), "awe_relay_leader") == 1, "it leads", 25)
        until(lambda: 'awe_tasks_open{scope="installation"} 0' in scrape(port), "the backlog is told", 25)

    def test_prometheus_reads_every_metric_that_a_dashboard_or_an_alert_names(self) -> None:
        port, issuer = server.free_port(), Issuer("admin", (api.ADMIN,), seconds=600)
        self.addCleanup(issuer.close)
        self.settings.update(issuer.settings(), **{"egress.allow_cidrs": "[127.0.0.0/8]"})
        admin = self.begin(self.serve(telemetry__metrics_port=port), token=issuer.token())
        created = self.create(admin)
        self.decide(admin, created)
        self.receiver.wait_for_type("request_approved", created["request_id"])
        named = set(os.environ["AWE_METRICS_NAMED"].split())
        with prometheus.running(self.folder, port) as asked:
            until(lambda: named <= asked.names(), "Prometheus knows them", 40)

            def evaluated() -> set[str]:
                groups = asked.get("/api/v1/rules")["groups"]
                return {rule["health"] for group in groups for rule in group["rules"]} - {"unknown"}

            self.assertEqual(until(evaluated, "rules are evaluated", 40), {"ok"})

    def test_labels_are_bounded_whatever_callers_make_up(self) -> None:
        port = server.free_port()
        admin = self.begin(self.serve(telemetry__metrics_port=port))
        admin.get("/requests").expect(200)
        before = len(scrape(port).splitlines())
        for n in range(300):
            admin.get(f"/made-up-{n}/{n}").expect(404)
            admin.get(f"/policies/key-{n}/versions").status
        self.assertLess(len(scrape(port).splitlines()) - before, 120)

    def test_a_thousand_policies_callers_and_endpoints_share_few_series(self) -> None:
        port, nobody = server.free_port(), server.free_port()
        # Nobody listens there, so one attempt is the last.
        admin = self.begin(self.serve("warn", telemetry__metrics_port=port, webhook__max_attempts=1))
        self.create(admin)
        before = series(scrape(port))
        many = range(1000)
        for n in many:
            caller, policy = f"made-up-caller-{n}", f"made-up-policy-{n}"
            admin.post("/admin/callback-secrets", {"caller_service": caller}).expect(201)
            api.create_policy(admin, policy, api.stage(1, f"made-up-person-{n}"))
            bearing = {"Authorization": f"Bearer {api.token(caller)}"}
            url = f"http://127.1.{n // 250}.{n % 250 + 1}:{nobody}/made-up"
            admin.post("/requests", api.request_body(policy, f"made-up-{n}", url), bearing).expect(201)

        def attempted() -> dict[str, float]:
            """How often an endpoint was tried without success, by its label."""
            found = re.findall(r'awe_deliveries_total{outcome="exhausted",endpoint="([^"]*)"} (\S+)', scrape(port))
            return {label: float(count) for label, count in found}

        until(lambda: sum(attempted().values()) >= len(many), "every endpoint was tried", 120)
        self.assertIn("other", attempted())
        self.assertLessEqual(len(attempted()), 101)
        more = series(scrape(port)) - before
        # Of the routes that were new, the buckets of one status each; the numbers of the installation.
        self.assertLess(len([one for one in more if not one.startswith("awe_deliveries_total")]), 100, more)
        self.assertNotIn("made-up", scrape(port))

    def test_a_port_that_is_taken_or_the_apis_own_stops_the_start_and_is_named(self) -> None:
        first = self.serve(telemetry__metrics_port=(port := server.free_port()))
        for taken in (port, first.port):
            settings = {**self.settings, "server.port": server.free_port(), "telemetry.metrics_port": taken}
            done = server.run(["serve"], settings, self.folder)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("telemetry.metrics_port", done.stdout)
        own = server.free_port()
        done = server.run(["serve"], {**self.settings, "server.port": own, "telemetry.metrics_port": own}, self.folder)
        self.assertIn("telemetry.metrics_port", done.stdout)
