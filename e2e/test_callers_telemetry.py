"""One trace over two programs: AWE with the data custodian, AWE with the Registry; and what each tells Prometheus."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Optional
from unittest import mock

from support import otlp
from support.custodian import CustodianCase, grant, send
from support.registry import HOOK, RegistryCase
from support.server import free_port
from support.waiting import until

DOCS = Path(__file__).resolve().parents[1] / "docs"
FIRST, SECOND = "0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319d"
OUTSIDE = "b7ad6b7169203331"
SERVER, CLIENT, CONSUMER = 2, 3, 5
TOLD = re.compile(r"^# TYPE (\S+)", re.M)


def traceparent(trace: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{OUTSIDE}-01"}


def collect(case: CustodianCase | RegistryCase) -> otlp.Collector:
    collector = otlp.Collector()
    case.addCleanup(collector.close)
    soon = mock.patch.dict(os.environ, OTEL_BSP_SCHEDULE_DELAY="100")
    soon.start()
    case.addCleanup(soon.stop)
    return collector


def sends_to(collector: otlp.Collector) -> dict[str, object]:
    return {"telemetry.otlp_endpoint": collector.url, "telemetry.sample_ratio": 1}


def explained(page: str, prefix: str) -> set[str]:
    """The metrics that a page explains."""
    return set(re.findall(rf"`({prefix}_[a-z_]+)", (DOCS / page).read_text()))


class Custodian(CustodianCase):
    def setUp(self) -> None:
        self.collector = collect(self)
        super().setUp()
        self.one = self.custodian(**sends_to(self.collector))

    def awe_settings(self) -> dict[str, object]:
        return sends_to(self.collector)

    def processed(self, trace: str) -> otlp.Span:
        """The custodian has taken the news of an approval."""
        def found() -> Optional[otlp.Span]:
            all_ = self.collector.named("process", trace)
            return next((one for one in all_ if one.attributes["awe.event.type"] == "request_approved"), None)

        return until(found, "the approval is processed", 30)

    def test_a_grant_is_one_trace_to_awe_and_its_activation_one_from_the_decision_that_links_to_it(self) -> None:
        answer = self.one.provision(grant(), **traceparent(FIRST)).expect(202)
        self.decide(answer["awe_request_id"], **traceparent(SECOND))
        self.until_status(self.one, answer["authorization_id"], "ACTIVE")

        created = self.collector.wait_for("POST /v1/awe/requests", FIRST)
        path = "POST /internal/backchannel/v1/subscriptions"
        self.assertEqual(
            self.collector.ancestors(created, OUTSIDE),
            [("data-custodian", path), ("data-custodian", "create request"), ("awe", "POST /v1/awe/requests")],
        )
        call = self.collector.named(path, FIRST)[0]
        self.assertEqual((call.parent_id, call.kind), (OUTSIDE, SERVER))
        self.assertEqual(call.attributes["http.response.status_code"], 202)
        asked = self.collector.named("create request", FIRST)[0]
        self.assertEqual(asked.kind, CLIENT)

        process = self.processed(SECOND)
        decision = ("awe", "POST /v1/awe/tasks/{task_id}/decision")
        self.assertEqual(
            self.collector.ancestors(process, OUTSIDE), [decision, ("awe", "apply"), ("data-custodian", "process")]
        )
        self.assertEqual(process.kind, CONSUMER)
        self.assertEqual(process.links, [(FIRST, call.span_id)])

    def test_a_grant_that_nobody_has_to_look_at_is_one_trace_from_the_call_to_the_event(self) -> None:
        with self.awe.admin() as admin:
            stage = {
                "name": "Nobody", "stage_order": 1, "mode": "any-n", "mode_value": 1, "skip_if": {"==": [1, 1]},
                "rules": [{"rule_type": "user", "rule_value": {"user_id": "custodian-officer"}}],
            }  # fmt: skip
            policy = {"policy_key": "nobody", "name": "Nobody looks", "artifact_type": "espi.authorization"}
            admin.post("/policies", {**policy, "stages": [stage]}).expect(201)
            admin.post("/policies/nobody/versions/1/activate").expect(200)
        self.own.value("update registered_clients set awe_policy_key = 'nobody' where requires_approval")
        answer = self.one.provision(grant(), **traceparent(FIRST)).expect(202)
        self.until_status(self.one, answer["authorization_id"], "ACTIVE")
        names = [name for _, name in self.collector.ancestors(self.processed(FIRST), OUTSIDE)]
        call = "POST /internal/backchannel/v1/subscriptions"
        self.assertEqual(names, [call, "create request", "POST /v1/awe/requests", "create", "process"])

    def test_what_is_measured_is_explained_and_tells_of_nobody(self) -> None:
        self.one.provision(grant(client_id="third_party")).expect(201)
        answer = self.one.provision(grant()).expect(202)
        self.one.provision(grant(client_id="nobody-4711")).expect(400)
        for number in range(50):
            self.one.call("GET", f"/made-up-{number}")
        self.decide(answer["awe_request_id"])
        self.until_status(self.one, answer["authorization_id"], "ACTIVE")
        until(lambda: self.one.metric('approvals_total{outcome="active"}') == 1, "the activation is counted")
        for outcome in ("active", "pending", "refused"):
            self.assertEqual(self.one.metric(f'grants_total{{outcome="{outcome}"}}'), 1, outcome)
        text = self.one.scrape()
        route = 'method="POST",route="/internal/backchannel/v1/subscriptions",status="2xx"'
        self.assertIn(f"custodian_http_request_seconds_count{{{route}}} 2", text)
        self.assertIn("custodian_approval_lag_seconds_count 1", text)
        for secret in ("4711", "made-up", answer["authorization_id"]):
            self.assertNotIn(secret, text)
        told = {name for name in TOLD.findall(text) if name.startswith("custodian_")}
        self.assertEqual(told, explained("data-custodian.md", "custodian"))

    def test_metrics_are_on_the_public_listener_and_on_their_own_and_not_on_the_internal_one(self) -> None:
        shown = self.one.call("GET", "/metrics")
        self.assertEqual(shown.status, 200)
        self.assertIn("custodian_grants_total", shown.raw.decode())
        self.assertNotEqual(send(self.one.internal, "GET", "/metrics", None, {}).status, 200)
        self.assertEqual(send(self.one.metrics, "GET", "/", None, {}).status, 404)
        self.assertEqual(send(self.one.metrics, "POST", "/metrics", None, {}).status, 405)


class Registry(RegistryCase):
    def setUp(self) -> None:
        self.collector, self.metrics = collect(self), free_port()
        super().setUp()

    def awe_settings(self) -> dict[str, object]:
        return sends_to(self.collector)

    def registry_settings(self) -> dict[str, object]:
        telling = {**sends_to(self.collector), "telemetry.metrics_port": self.metrics}
        return {**super().registry_settings(), **telling}

    def test_a_change_is_one_trace_to_awe_and_the_last_decision_one_to_the_register(self) -> None:
        made = self.staff().post("/change-requests/create_change_request", self.body(), traceparent(FIRST)).expect(201)
        change = made["change_request_id"]
        self.approve_all(change, "officer-1", "director-1")
        last = {"change_request_id": change}
        decide = "/change-requests/approve_change_request"
        self.decider("director-2").post(decide, last, traceparent(SECOND)).expect(200)
        self.becomes(change, "APPROVED")

        created = self.collector.wait_for("POST /v1/awe/requests", FIRST)
        path = "POST /v1/registry/change-requests/create_change_request"
        self.assertEqual(
            self.collector.ancestors(created, OUTSIDE),
            [("registry", path), ("registry", "ask AWE"), ("awe", "POST /v1/awe/requests")],
        )
        self.assertEqual(self.collector.named(path, FIRST)[0].parent_id, OUTSIDE)

        applied = self.collector.wait_for("settle", SECOND)
        until(lambda: self.collector.named(f"POST /v1/registry{HOOK}", SECOND), "the webhook is told")
        until(lambda: self.collector.named(f"POST /v1/registry{decide}", SECOND), "the call is told")
        self.assertEqual(
            self.collector.ancestors(applied, OUTSIDE),
            [
                ("registry", f"POST /v1/registry{decide}"),
                ("registry", "ask AWE"),
                ("awe", "POST /v1/awe/tasks/{task_id}/decision"),
                ("awe", "apply"),
                ("awe", "deliver"),
                ("registry", f"POST /v1/registry{HOOK}"),
                ("registry", "settle"),
            ],
        )

    def test_what_is_measured_is_explained_and_tells_of_nobody(self) -> None:
        change = self.create()["change_request_id"]
        self.approve_all(change)
        self.becomes(change, "APPROVED")
        self.send(b"{}", secret="whsec_" + "A" * 43 + "=").status
        for number in range(50):
            self.staff().get(f"/made-up-{number}").expect(404)
        applied = 'registry_webhooks_total{outcome="applied"} 1'
        until(lambda: applied in self.scrape(), "the webhook is counted")
        text = self.scrape()
        self.assertIn('registry_webhooks_total{outcome="refused"} 1', text)
        route = 'method="POST",route="/v1/registry/change-requests/approve_change_request",status="2xx"'
        self.assertIn(f"registry_http_request_seconds_count{{{route}}} 3", text)
        for secret in ("made-up", change, "director-1"):
            self.assertNotIn(secret, text)
        told = {name for name in TOLD.findall(text) if name.startswith("registry_")}
        self.assertEqual(told, explained("integrate.md", "registry"))

    def scrape(self) -> str:
        return send(self.metrics, "GET", "/metrics", None, {}).raw.decode()
