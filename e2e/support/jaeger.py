"""A real Jaeger: an OpenTelemetry collector that keeps what it takes, and is asked for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from support import children
from support.otlp import Span
from support.server import free_port
from support.waiting import until

sys.path[:0] = [str(Path(__file__).resolve().parent.parent.parent)]

from scripts.jaeger import configured  # noqa: E402

KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


class Jaeger:
    def __init__(self, otlp: int, query: int, process: subprocess.Popen) -> None:
        self.url, self._query, self.process = f"http://127.0.0.1:{otlp}", query, process

    def _get(self, path: str) -> list[Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._query}{path}", timeout=10) as answer:
                return json.load(answer)["data"] or []
        except urllib.error.HTTPError as refused:
            if refused.code == 404:
                return []
            raise

    def is_up(self) -> bool:
        try:
            self._get("/api/services")
        except OSError:
            return False
        return True

    def spans(self, trace: str) -> list[Span]:
        """Every span of a trace that has come."""
        return [span for one in self._get(f"/api/traces/{trace}") for span in spans_of(one)]

    def named(self, service: str, name: str) -> list[Span]:
        """Spans of that name in the newest traces of a service."""
        found = self._get(f"/api/traces?service={service}&operation={name}&limit=1000&lookback=1h")
        return [span for one in found for span in spans_of(one) if span.name == name]


def spans_of(trace: dict[str, Any]) -> Iterator[Span]:
    services = {key: process["serviceName"] for key, process in trace["processes"].items()}
    for span in trace["spans"]:
        said = {tag["key"]: tag["value"] for tag in span["tags"]}
        others = [(one["traceID"], one["spanID"]) for one in span["references"]]
        # Jaeger tells parent and links in one list, the parent as a child's reference into the same trace.
        parents = [one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF" and one["traceID"] == span["traceID"]]
        parent = parents[0] if parents else ""
        links = [one for one in others if one != (span["traceID"], parent)]
        kind = KINDS.get(said.get("span.kind", "internal"), 0)
        yield Span(span["operationName"], span["traceID"], span["spanID"], parent, kind, links, said, services[span["processID"]])


@contextmanager
def running(folder: Path, page: int | None = None) -> Iterator[Jaeger]:
    """One that hands traces on to the page of `./dev up --telemetry` on this port, if there is one."""
    otlp, query, grpc, health = (free_port() for _ in range(4))
    words = configured(folder / "jaeger.json", otlp, query, grpc, health, page)
    with (folder / "jaeger.log").open("w") as log:
        child = children.start([os.environ["AWE_JAEGER"], *words[1:]], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        jaeger = Jaeger(otlp, query, child)
        until(jaeger.is_up, f"Jaeger answers (its log: {folder / 'jaeger.log'})", 60)
        yield jaeger
    finally:
        children.end(child)
