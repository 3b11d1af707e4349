"""A small collector with a page: takes traces by OTLP over HTTP, keeps the newest in memory and shows them.

`./dev up --telemetry` runs it, as a program of its own, because it needs the messages of OpenTelemetry on its path.
"""

from __future__ import annotations

import html
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_TRACES, MOST_SPANS, MOST_BYTES = 1000, 500, 16 * 1024 * 1024
SHOWN = 100
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px system-ui;margin:2em}}td{{padding:2px 1em 2px 0;vertical-align:top}}
small{{color:#666}}.bad{{color:#a00}}</style><h1>{title}</h1>{body}</html>"""


class Traces:
    """The newest traces, each a list of its spans."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, list[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, request: Any) -> None:
        with self._lock:
            for span in (span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans):
                spans = self._found.setdefault(span.trace_id.hex(), [])
                if len(spans) < MOST_SPANS:
                    spans.append(span)
                self._found.move_to_end(span.trace_id.hex())
            while len(self._found) > MOST_TRACES:
                self._found.popitem(last=False)

    def newest(self) -> list[tuple[str, list[Any]]]:
        with self._lock:
            return [(trace, list(spans)) for trace, spans in reversed(self._found.items())][:SHOWN]

    def of(self, trace: str) -> list[Any]:
        with self._lock:
            return list(self._found.get(trace, ()))

    def links_to(self, trace: str) -> list[Any]:
        """Spans of other traces that link to this one: batches, and what was done later."""
        wanted = bytes.fromhex(trace)
        with self._lock:
            spans = [span for spans in self._found.values() for span in spans]
        return [span for span in spans if any(link.trace_id == wanted for link in span.links)]


def listed(traces: Traces) -> str:
    rows = ""
    for trace, spans in traces.newest():
        first = min(spans, key=lambda span: span.start_time_unix_nano)
        took = (max(span.end_time_unix_nano for span in spans) - first.start_time_unix_nano) / 1e6
        rows += f'<tr><td><a href="/{trace}">{trace}</a><td>{html.escape(first.name)}<td>{len(spans)} spans<td>{took:.1f} ms'
    return f"<table>{rows}</table>" if rows else "<p>None has come yet. Call AWE, and wait for some seconds.</p>"


def tree(spans: list[Any]) -> Iterator[tuple[int, Any]]:
    """Each span with its depth, parents first, in the order of their beginnings."""
    here = {span.span_id for span in spans}
    below: dict[bytes, list[Any]] = {}
    for span in sorted(spans, key=lambda span: span.start_time_unix_nano):
        below.setdefault(span.parent_span_id if span.parent_span_id in here else b"", []).append(span)
    waiting = [(0, span) for span in reversed(below.get(b"", []))]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(below.get(span.span_id, []))]


def row(depth: int, span: Any, began: int) -> str:
    facts = ", ".join(f"{pair.key}={value_of(pair.value)}" for pair in span.attributes)
    links = " ".join(f'<a href="/{link.trace_id.hex()}">linked</a>' for link in span.links)
    bad = ' class="bad"' if span.status.code == 2 else ""
    at, took = (span.start_time_unix_nano - began) / 1e6, (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
    name = f'<td style="padding-left:{depth * 2}em"{bad}>{html.escape(span.name)}'
    return f"<tr>{name}<td>+{at:.1f} ms<td>{took:.1f} ms<td><small>{html.escape(facts)}</small> {links}"


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else ""


def one(traces: Traces, trace: str) -> str | None:
    spans = traces.of(trace)
    if not spans:
        return None
    began = min(span.start_time_unix_nano for span in spans)
    body = "<table>" + "".join(row(depth, span, began) for depth, span in tree(spans)) + "</table>"
    others = [
        f'<li><a href="/{span.trace_id.hex()}">{html.escape(span.name)}</a>' for span in traces.links_to(trace)
    ]
    return body + (f"<h2>What links to it</h2><ul>{''.join(others)}</ul>" if others else "")


def handler(traces: Traces) -> type[BaseHTTPRequestHandler]:
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if self.path != "/v1/traces" or not 0 < length <= MOST_BYTES:
                self.answer(404, "text/plain", b"OTLP goes to /v1/traces")
                return
            traces.take(messages.ExportTraceServiceRequest.FromString(self.rfile.read(length)))
            self.answer(200, "application/x-protobuf", messages.ExportTraceServiceResponse().SerializeToString())

        def do_GET(self) -> None:
            trace = self.path.strip("/")
            known = re.fullmatch("[0-9a-f]{32}", trace)
            body = listed(traces) if not trace else one(traces, trace) if known else None
            title = f"Trace {trace}" if trace and body else "Traces" if body else "No such trace"
            page = PAGE.format(title=title, body=body or "")
            self.answer(200 if body else 404, "text/html; charset=utf-8", page.encode())

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: whoever started it has the terminal."""

    return Handler


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler(Traces())).serve_forever()
