"""Traces and logs of a real server, as a collector and an operator meet them."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any
from unittest import mock

from support import api, otlp, server
from support.directory import Directory
from support.stand import Stand
from support.telemetry import TelemetryCase, scrape, value
from support.waiting import until

PARENT_TRACE, PARENT_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{PARENT_TRACE}-{PARENT_SPAN}-01"
UNRECORDED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067770b7902b7-00"
SERVER, CLIENT, PRODUCER = 2, 3, 4
PATIENCE = 4
"""Seconds; an export may take 5, so whoever waits for one takes longer."""
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")


class Traces(TelemetryCase):
    def traced(self, collector: otlp.Collector, ratio: float = 1, **more: object) -> server.Server:
        fast = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
        return self.serve(more=fast, telemetry__otlp_endpoint=collector.url, telemetry__sample_ratio=ratio, **more)

    def test_one_decision_is_one_trace_from_the_call_to_the_webhook(self) -> None:
        collector = self.collector()
        admin = self.begin(self.traced(collector))
        created = self.create(admin)
        self.decide(admin, created, traceparent=PARENT, tracestate="vendor=1")
        hook = self.receiver.wait_for_type("request_approved", created["request_id"])

        call = collector.wait_for("POST /v1/awe/tasks/{task_id}/decision", PARENT_TRACE)
        self.assertEqual((call.parent_id, call.kind), (PARENT_SPAN, SERVER))
        self.assertEqual(call.attributes["http.route"], "/v1/awe/tasks/{task_id}/decision")
        self.assertEqual(call.attributes["http.response.status_code"], 201)
        apply = collector.wait_for("apply", PARENT_TRACE)
        self.assertEqual((apply.parent_id, apply.attributes["command"]), (call.span_id, "decide"))

        delivered = until(
            lambda: [s for s in collector.named("deliver", PARENT_TRACE) if s.attributes["awe.event.type"] == "request_approved"],
            "the attempt is told",
        )[0]
        self.assertEqual((delivered.parent_id, delivered.kind), (apply.span_id, CLIENT))
        self.assertEqual(delivered.attributes["messaging.message.id"], hook.event["event_id"])
        self.assertEqual(hook.headers["traceparent"], f"00-{PARENT_TRACE}-{delivered.span_id}-01")
        self.assertEqual(hook.headers["tracestate"], "vendor=1")

        here = (PARENT_TRACE, apply.span_id)
        commit = until(lambda: [s for s in collector.named("commit") if here in s.links], "the batch is told")[0]
        self.assertEqual((commit.parent_id, commit.attributes["db.system.name"]), ("", "postgresql"))
        publish = until(lambda: [s for s in collector.named("publish") if here in s.links], "the batch is told")[0]
        self.assertEqual((publish.parent_id, publish.kind), ("", PRODUCER))
        with self.nats() as nats:
            for message in nats.stream(self.events_stream, f"{self.prefix}.events.>"):
                event = json.loads(message.body)
                if event["event_type"] == "request_approved":
                    self.assertEqual(message.headers["traceparent"], f"00-{PARENT_TRACE}-{apply.span_id}-01")
                    break
        self.assertEqual(collector.paths, {"/v1/traces"})

    def test_a_retry_is_a_trace_of_its_own_that_links_to_the_first(self) -> None:
        collector = self.collector()
        answers = iter([500, 500])
        self.receiver.status = lambda _: next(answers, 200)
        admin = self.begin(self.traced(collector))
        created = self.create(admin, traceparent=PARENT)
        self.receiver.wait_for_type("stage_started", created["request_id"])
        retries = until(
            lambda: [s for s in collector.named("deliver") if s.attributes["http.request.resend_count"] > 0],
            "a retry is told",
        )
        for retry in retries:
            self.assertNotEqual(retry.trace_id, PARENT_TRACE)
            self.assertEqual([trace for trace, _ in retry.links], [PARENT_TRACE])

    def test_a_trace_survives_the_process_that_began_it(self) -> None:
        collector = self.collector()
        self.receiver.status = 503
        first = self.traced(collector)
        admin = self.begin(first)
        created = self.create(admin, traceparent=PARENT)
        first.kill()
        self.receiver.status = 200
        self.traced(collector)
        hook = self.receiver.wait_for_type("stage_started", created["request_id"], within=40)
        told = [s for s in collector.spans() if s.attributes.get("messaging.message.id") == hook.event["event_id"]]
        self.assertTrue(TRACEPARENT.fullmatch(hook.headers["traceparent"]))
        last = until(lambda: [s for s in collector.named("deliver") if s.span_id == hook.headers["traceparent"][36:52]], "it is told")[0]
        self.assertIn(PARENT_TRACE, [last.trace_id, *(trace for trace, _ in last.links)], told)

    def test_a_malformed_parent_begins_a_trace_and_refuses_nobody(self) -> None:
        collector = self.collector()
        admin = self.begin(self.traced(collector))
        for bad in ("", "00-x", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "ff" + PARENT[2:], "x" * 4000):
            self.create(admin, traceparent=bad)
        calls = until(
            lambda: len(found := collector.named("POST /v1/awe/requests")) == 5 and found, "five calls are told"
        )
        self.assertEqual({call.parent_id for call in calls}, {""})
        self.assertEqual(len({call.trace_id for call in calls}), 5)

    def test_a_trace_that_its_caller_does_not_record_stays_unrecorded_to_the_last_webhook(self) -> None:
        collector = self.collector()
        answers = iter([500])
        self.receiver.status = lambda _: next(answers, 200)
        admin = self.begin(self.traced(collector))
        created = self.create(admin, traceparent=UNRECORDED)
        self.decide(admin, created, traceparent=UNRECORDED)
        hook = self.receiver.wait_for_type("request_approved", created["request_id"])
        self.assertEqual(hook.headers["traceparent"], UNRECORDED, "the caller's place is handed on")
        # What is recorded afterwards is told after whatever was recorded before.
        other = self.create(admin, traceparent=PARENT)
        self.receiver.wait_for_type("stage_started", other["request_id"])
        told = until(lambda: len(found := collector.named("deliver")) >= 2 and found, "the other's webhooks are told")
        about = {span.attributes["awe.request.id"] for span in told}
        self.assertEqual(about, {other["request_id"]})
        self.assertEqual(collector.spans(UNRECORDED[3:35]), [])
        self.assertFalse([span for span in collector.spans() if (UNRECORDED[3:35], UNRECORDED[36:52]) in span.links])

    def test_of_a_trace_that_is_not_chosen_nothing_is_recorded_and_of_one_that_is_everything(self) -> None:
        collector = self.collector()
        admin = self.begin(self.traced(collector, ratio=0))
        for _ in range(5):
            self.decide(admin, self.create(admin))
        created = self.create(admin, traceparent=PARENT)
        self.decide(admin, created, traceparent=PARENT)
        self.receiver.wait_for_type("request_approved", created["request_id"])
        apply = collector.wait_for("apply", PARENT_TRACE)
        here = (PARENT_TRACE, apply.span_id)
        for name in ("commit", "publish"):
            until(lambda name=name: [s for s in collector.named(name) if here in s.links], f"{name} is told")
        until(lambda: len(collector.named("deliver")) >= 4, "the webhooks are told")
        self.assertEqual({span.trace_id for span in collector.named("deliver")}, {PARENT_TRACE})
        self.assertEqual({call.trace_id for call in collector.spans() if call.kind == SERVER}, {PARENT_TRACE})
        batches = [span for span in collector.spans() if span.name in ("commit", "publish")]
        self.assertTrue(all(PARENT_TRACE in {trace for trace, _ in span.links} for span in batches), batches)

    def test_looking_up_approvers_is_part_of_the_call_that_needs_them_and_later_attempts_link_to_it(self) -> None:
        directory, collector = Directory(), self.collector()
        self.addCleanup(directory.close)
        directory.roles["officer"] = ["alice"]
        directory.away = True
        self.settings.update(directory.settings)
        admin = self.begin(self.traced(collector))
        rule = {"rule_type": "role", "rule_value": {"role": "officer"}}
        api.create_policy(admin, "role.v1", {**api.stage(1), "rules": [rule]})
        made = admin.post("/requests", api.request_body("role.v1", "CR-1"), {"traceparent": PARENT}).expect(201)
        collector.wait_for("create", PARENT_TRACE)
        directory.away = False
        until(lambda: admin.get(f"/requests/{made['request_id']}").expect(200)["status"] == "in_review", "it is resolved")

        def tried() -> list[otlp.Span]:
            """The attempts of which one has asked the directory; others may have found it away."""
            found = [s for s in collector.named("resolve") if s.attributes["awe.request.id"] == made["request_id"]]
            return found if any(collector.named("GET", one.trace_id) for one in found) else []

        attempts = until(tried, "the resolver is told")
        first = [attempt for attempt in attempts if attempt.trace_id == PARENT_TRACE]
        self.assertEqual([attempt.links for attempt in first], [[]], "the first is part of what made it necessary")
        self.assertGreater(len(attempts), 1)
        for attempt in attempts:
            if attempt not in first:
                self.assertEqual({trace for trace, _ in attempt.links}, {PARENT_TRACE})

    def say_everywhere(self, admin: api.Client, canary: str) -> dict[str, Any]:
        """Puts this word wherever a caller can say something; returns a request that waits for its decision."""
        admin.post("/admin/callback-secrets", {"caller_service": "other", "secret": canary * 3}).expect(201)
        policy = {"policy_key": "told.v1", "artifact_type": "thing", "name": canary, "description": canary}
        admin.post("/policies", {**policy, "stages": [{**api.stage(1, "alice"), "name": canary}]}).expect(201)
        absence = {"starts_at": "2100-01-01T00:00:00Z", "ends_at": "2100-02-01T00:00:00Z", "reason": canary}
        admin.post("/delegations", {"user_id": "bob", "delegate_to": "carol", **absence}).expect(201)
        body = api.request_body("demo.v1", "CR-1", f"{self.receiver.url}?key={canary}")
        body |= {"context": {canary: canary}, "title": canary, "summary": canary, "artifact_url": f"https://x.example/?{canary}"}
        said = {"User-Agent": canary, "Cookie": canary}
        kept, ended = (admin.post("/requests", body, {**said, "Idempotency-Key": f"{canary}-{n}"}).expect(201) for n in (1, 2))
        task = ended["tasks"][0]["id"]
        admin.post(f"/tasks/{task}/reassign", {"new_assignee": "dora", "reason": canary}).expect(200)
        admin.post(f"/requests/{ended['request_id']}/cancel", {"reason": canary}).expect(200)
        admin.get(f"/requests?search_text={canary}").expect(200)
        for refused in ({"policy_key": canary}, {**body, "policy_key": canary}, {**body, canary: canary}, canary):
            self.assertIn(admin.post("/requests", refused).status, (404, 422), refused)
        with api.Client(admin.connection.port).bearing(f"{canary}.{canary}.{canary}") as stranger:
            self.assertEqual(stranger.get("/requests").status, 401)
        return kept

    def test_nothing_that_people_wrote_is_in_a_trace_a_metric_or_a_log(self) -> None:
        canary = "canary4711"
        collector, port = self.collector(), server.free_port()
        started = self.traced(collector, log_filter="debug", telemetry__metrics_port=port)
        admin = self.begin(started)
        created = self.say_everywhere(admin, canary)
        self.decide(admin, created, comment=canary)
        self.receiver.wait_for_type("request_approved", created["request_id"])
        collector.wait_for("GET /v1/awe/requests")
        until(lambda: len(collector.named("deliver")) >= 4, "the webhooks are told")
        token = api.token("admin", api.ADMIN)
        for what, text in (
            ("a trace", b"".join(collector.raw).decode(errors="replace")),
            ("a metric", scrape(port)),
            ("the log", started.log.read_text()),
        ):
            where = [line for line in text.splitlines() if canary in line]
            self.assertFalse(where, what)
            self.assertNotIn(token, text, what)

    def test_a_collector_that_is_away_or_hangs_delays_and_loses_nothing_but_spans(self) -> None:
        for hold in (False, True):
            collector, port = self.collector(503), server.free_port()
            if hold:
                collector.hold()
            started = self.traced(collector, telemetry__metrics_port=port, telemetry__queue_spans=512)
            with started.admin() as admin:
                if not hold:
                    admin.post("/admin/callback-secrets", {"caller_service": "admin"}).expect(201)
                    api.create_policy(admin, "demo.v1", api.stage(1, "alice"))
                for _ in range(150):
                    began = time.monotonic()
                    self.decide(admin, self.create(admin))
                    self.assertLess(time.monotonic() - began, PATIENCE, "nobody waits for the collector")
                if hold:
                    series = 'awe_telemetry_spans_total{outcome="dropped"}'
                else:
                    series = 'awe_telemetry_spans_total{outcome="failed"}'
                until(lambda: value(scrape(port), series) > 0, f"{series} counts")
            collector._hold.set()
            started.stop()

    def test_an_address_that_is_none_stops_the_start_and_is_named(self) -> None:
        whole, base = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
        bad_port, bad_path = "http://user:hunter2@host:port", "http://user:hunter2@host/a b"
        refused = ((whole, "collector"), (whole, "http://"), (base, "collector"), (base, "http://a b"), (base, bad_port), (whole, bad_path))
        for name, wrong in refused:
            with mock.patch.dict(os.environ, {name: wrong}):
                done = server.run(["serve"], {**self.settings, "server.port": server.free_port()}, self.folder)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"{name}: ", done.stdout)
            self.assertNotIn("hunter2", done.stdout)

    def test_without_a_collector_every_webhook_and_message_still_has_its_place(self) -> None:
        admin = self.begin(self.serve())
        created = self.create(admin)
        request_id = created["request_id"]
        self.decide(admin, created, traceparent=PARENT)
        hooks = {t: self.receiver.wait_for_type(t, request_id) for t in ("request_created", "request_approved")}
        derived = f"00-{request_id.replace('-', '')}-"
        self.assertTrue(hooks["request_created"].headers["traceparent"].startswith(derived))
        self.assertEqual(hooks["request_approved"].headers["traceparent"], PARENT)
        seen = {}
        with self.nats() as nats:
            for message in nats.stream(self.events_stream, f"{self.prefix}.events.>"):
                seen[json.loads(message.body)["event_type"]] = message.headers["traceparent"]
                if "request_approved" in seen:
                    break
        self.assertTrue(all(TRACEPARENT.fullmatch(place) for place in seen.values()), seen)
        self.assertEqual((seen["request_approved"], seen["decision_recorded"]), (PARENT, PARENT))
        self.assertTrue(seen["stage_started"].startswith(derived), seen)


class Asked(Stand):
    """A gate, a token endpoint and an `http` rule, which note who asked them from where."""

    def __init__(self) -> None:
        self.by_path: dict[str, list[dict[str, str]]] = {}
        super().__init__()

    def reply(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, object]:
        with self.lock:
            self.by_path.setdefault(path, []).append(headers)
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300}
        return 200, {"/token": token, "/rule": {"user_ids": ["alice"]}}.get(path, {})


class Others(TelemetryCase):
    """Services that a call of ours asks in turn."""

    def begun(self, **settings: object) -> tuple[Asked, api.Client]:
        asked = Asked()
        self.addCleanup(asked.close)
        gate = {"enabled": "true", "requests": "true", "url": f"{asked.base_url}/gate", "auth_type": "oauth2_client_credentials"}
        oauth2 = {"token_url": f"{asked.base_url}/token", "client_id": "awe", "client_secret": "s"}
        gate.update({f"oauth2_{name}": value for name, value in oauth2.items()})
        # Two clients, so that neither has a token from before.
        rule = {"type": "oauth2_client_credentials", **oauth2, "client_id": "awe-rules"}
        settings.update({f"gate__{name}": value for name, value in gate.items()})
        settings.update({f"credentials__rules__{name}": value for name, value in rule.items()})
        admin = self.begin(self.serve(**settings))
        who = {"rule_type": "http", "rule_value": {"url": f"{asked.base_url}/rule", "auth": "rules"}}
        api.create_policy(admin, "asking.v1", {"name": "One", "stage_order": 1, "mode": "all", "rules": [who]})
        asked.by_path.clear()
        return asked, admin

    def places(self, asked: Asked, admin: api.Client) -> list[str]:
        """From where each was asked for a request that a caller makes within a trace of theirs."""
        created = admin.post("/requests", api.request_body("asking.v1", "CR-1"), {"traceparent": PARENT}).expect(201)
        self.assertEqual([task["assignee"] for task in created["tasks"]], ["alice"])
        self.assertEqual({path: len(calls) for path, calls in asked.by_path.items()}, {"/gate": 1, "/token": 2, "/rule": 1})
        return [headers.get("traceparent", f"{path} got none") for path, calls in asked.by_path.items() for headers in calls]

    def test_the_gate_a_token_endpoint_and_an_http_rule_are_asked_within_the_callers_trace(self) -> None:
        collector = self.collector()
        more = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
        asked, admin = self.begun(telemetry__otlp_endpoint=collector.url, telemetry__sample_ratio=1, more=more)
        places = self.places(asked, admin)
        self.assertEqual({place[3:35] for place in places}, {PARENT_TRACE})

        def told() -> set[str]:
            return {span.span_id for span in collector.named("POST", PARENT_TRACE) if span.kind == CLIENT}

        until(lambda: {place[36:52] for place in places} <= told(), "each question is a span")

    def test_without_a_collector_they_are_told_the_callers_own_place(self) -> None:
        self.assertEqual(self.places(*self.begun()), [PARENT] * 4)


class Page(TelemetryCase):
    """What `./dev up --telemetry` shows traces with."""

    def test_the_trace_of_a_decision_can_be_opened(self) -> None:
        port = self.showing()
        fast = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
        endpoint = f"http://127.0.0.1:{port}"
        admin = self.begin(self.serve(more=fast, telemetry__otlp_endpoint=endpoint, telemetry__sample_ratio=1))
        created = self.create(admin)
        self.decide(admin, created, traceparent=PARENT)

        def opened() -> str:
            status, text = self.page(port, PARENT_TRACE)
            return text if status == 200 and all(name in text for name in ("deliver", "commit", "publish")) else ""

        text = until(opened, "the trace is shown with all its hops")
        call, applied = text.index(">POST /v1/awe/tasks/{task_id}/decision<"), text.index(">apply<")
        self.assertLess(call, applied, "parents come first")
        self.assertLess(applied, text.index("What links to it"), "batches are told apart")
        self.assertIn(f'href="/{PARENT_TRACE}"', self.page(port)[1])
        self.assertEqual(self.page(port, "0" * 32)[0], 404)
        self.assertEqual(self.page(port, "<script>")[0], 404)


class Logs(TelemetryCase):
    def lines(self, started: server.Server) -> list[dict[str, Any]]:
        return [json.loads(line) for line in started.log.read_text().splitlines()]

    def test_a_line_is_one_object_with_its_trace_and_its_request(self) -> None:
        started = self.serve("info,awe=debug")
        admin = self.begin(started)
        self.create(admin, traceparent=PARENT, X_Request_Id="mine-1")
        line = until(
            lambda: next((one for one in self.lines(started) if one.get("request_id") == "mine-1"), None), "it is logged"
        )
        self.assertEqual((line["message"], line["level"], line["target"]), ("answered", "DEBUG", "awe::server"))
        self.assertEqual((line["trace_id"], line["status"], line["subject"]), (PARENT_TRACE, 201, "admin"))
        self.assertEqual((line["http.route"], line["http.request.method"]), ("/v1/awe/requests", "POST"))
        self.assertTrue(all({"time", "level", "target", "message"} <= set(one) for one in self.lines(started)))

    def test_an_admin_changes_what_is_logged_while_it_runs(self) -> None:
        started = self.serve("info")
        admin = self.begin(started)
        self.assertEqual(admin.get("/admin/log-level").expect(200), {"filter": "info"})
        self.assertFalse([line for line in self.lines(started) if line["level"] == "DEBUG"])
        wanted = {"filter": "info,awe=debug"}
        self.assertEqual(set(admin.send("PUT", "/admin/log-level", wanted).expect(200)["filter"].split(",")), {"info", "awe=debug"})
        admin.get("/requests").expect(200)
        until(lambda: [line for line in self.lines(started) if line["level"] == "DEBUG"], "more is logged")
        for bad in ("", "awe=loud", "x" * 1001, "\u0000=["):
            refused = admin.send("PUT", "/admin/log-level", {"filter": bad})
            self.assertEqual(refused.status, 422, (bad, refused.raw))
        with started.client("victor", api.VIEWER) as viewer:
            self.assertEqual(viewer.send("PUT", "/admin/log-level", wanted).status, 403)
            trail = viewer.get("/admin/audit?action=system_config.log_level").expect(200)
        self.assertEqual(len(trail), 1)

    def test_signals_change_what_is_logged_and_back(self) -> None:
        started = self.serve("info")
        admin = self.begin(started)

        def debugged() -> int:
            admin.get("/requests").expect(200)
            # While it starts, probes are answered 503, which is logged as a failure.
            answered = [line for line in self.lines(started) if line["message"] == "answered"]
            return len([line for line in answered if line["level"] == "DEBUG"])

        self.assertEqual(debugged(), 0)
        os.kill(started.pid, signal.SIGUSR1)
        until(lambda: self.told(started, "SIGUSR1"), "the change is told")
        until(debugged, "more is logged")
        self.assertIn("awe=debug", admin.get("/admin/log-level").expect(200)["filter"])
        os.kill(started.pid, signal.SIGUSR2)
        until(lambda: self.told(started, "SIGUSR2"), "the change is told")
        self.assertEqual(admin.get("/admin/log-level").expect(200), {"filter": "info"})
        before = debugged()
        self.assertEqual(debugged(), before)

    def told(self, started: server.Server, name: str) -> bool:
        return any(line.get("signal") == name for line in self.lines(started))
