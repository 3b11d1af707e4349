"""What tests of traces, metrics and logs begin with: a server, a policy, a receiver and a collector."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import api, children, otlp, server
from support.case import EngineCase
from support.waiting import until

PAGE = Path(__file__).resolve().parent.parent.parent / "scripts" / "traces.py"


def scrape(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return answer.read().decode()
    finally:
        connection.close()


def value(text: str, series: str) -> float:
    """The value of one series, 0 when it is not there."""
    for line in text.splitlines():
        if line.startswith(series + " "):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


class TelemetryCase(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink()

    def begin(self, started: server.Server, *users: str, token: str = "") -> api.Client:
        """An administrator, by this token or by an unsigned one, for whom everything is ready."""
        admin = started.admin().bearing(token) if token else started.admin()
        self.addCleanup(admin.close)
        admin.post("/admin/callback-secrets", {"caller_service": "admin"}).expect(201)
        api.create_policy(admin, "demo.v1", api.stage(1, *(users or ("alice",))))
        return admin

    def create(self, admin: api.Client, **headers: str) -> dict[str, Any]:
        body = api.request_body("demo.v1", "CR-1", self.receiver.url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return admin.post("/requests", body, named).expect(201)

    def decide(self, admin: api.Client, created: dict[str, Any], comment: str = "", **headers: str) -> None:
        body = {"action": "approve", "comment": comment}
        admin.post(f"/tasks/{created['tasks'][0]['id']}/decision", body, headers).expect(201)

    def collector(self, answer: int = 200) -> otlp.Collector:
        collector = otlp.Collector(answer)
        self.addCleanup(collector.close)
        return collector

    def showing(self) -> int:
        """The port of a page as `./dev up --telemetry` shows traces on."""
        port = server.free_port()
        env = {**os.environ, "PYTHONPATH": os.environ["AWE_OTLP"]}
        self.addCleanup(children.end, children.start([sys.executable, PAGE, str(port)], env=env, stderr=subprocess.DEVNULL))
        until(lambda: self.page(port)[0] == 200, "the page is there")
        return port

    def page(self, port: int, trace: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", f"/{trace}")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()
