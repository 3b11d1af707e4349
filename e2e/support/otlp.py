"""A collector: takes traces by OTLP over HTTP and keeps their spans."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

sys.path[:0] = os.environ.get("AWE_OTLP", "").split(os.pathsep)

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: E402
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.waiting import until  # noqa: E402


@dataclass(frozen=True)
class Span:
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    links: list[tuple[str, str]]
    """Trace and span that it links to."""
    attributes: dict[str, Any] = field(default_factory=dict)
    service: str = ""


class Collector:
    """`answer` is the status of every answer, after `delay` seconds."""

    def __init__(self, answer: int = 200) -> None:
        self.answer = answer
        self.raw: list[bytes] = []
        self.paths: set[str] = set()
        self._hold = threading.Event()
        self._hold.set()
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self) -> None:
        """Answers nobody from now on."""
        self._hold.clear()

    def close(self) -> None:
        self._hold.set()
        self._server.shutdown()
        self._server.server_close()

    def spans(self, trace_id: str | None = None) -> list[Span]:
        with self._lock:
            return [span for span in self._spans if trace_id in (None, span.trace_id)]

    def named(self, name: str, trace_id: str | None = None) -> list[Span]:
        return [span for span in self.spans(trace_id) if span.name == name]

    def wait_for(self, name: str, trace_id: str | None = None, within: float = 20.0) -> Span:
        return until(lambda: self.named(name, trace_id), f"a span {name} comes", within)[0]

    def ancestors(self, span: Span, root: str) -> list[tuple[str, str]]:
        """Service and name of what it is a part of, from below the span `root` to itself; waits until all are told."""

        def whole() -> list[Span]:
            known = {one.span_id: one for one in self.spans(span.trace_id)}
            line = [span]
            while (parent := known.get(line[0].parent_id)) is not None:
                line.insert(0, parent)
            return line if line[0].parent_id == root else []

        return [(one.service, one.name) for one in until(whole, f"{span} is below {root}", 20)]

    def _take(self, body: bytes) -> None:
        sent = ExportTraceServiceRequest.FromString(body)
        spans = [
            Span(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                span.kind,
                [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                {pair.key: _plain(pair.value) for pair in span.attributes},
                next((_plain(pair.value) for pair in resource.resource.attributes if pair.key == "service.name"), ""),
            )
            for resource in sent.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self.raw.append(body)
            self._spans.extend(spans)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.paths.add(self.path)
                collector._hold.wait()
                if collector.answer == 200:
                    collector._take(body)
                self.send_response(collector.answer)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing: tests print what they need."""

        return Handler


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
