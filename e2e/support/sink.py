"""The receiver of webhooks."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional


@dataclass(frozen=True)
class Received:
    """One webhook, as it arrived, and the status that it was answered with."""

    headers: dict[str, str]
    """By name in lower case."""
    raw: bytes
    answered: int
    at: float
    """Seconds of the monotonic clock."""

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.raw)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class Sink:
    """Records every POST. `status` is the status of the answer, or a function of the event that returns it."""

    def __init__(self, status: int | Callable[[dict[str, Any]], int] = 200) -> None:
        self.status = status
        self._received: list[Received] = []
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def received(self, request_id: Optional[str] = None) -> list[Received]:
        """All webhooks, in order of arrival."""
        with self._changed:
            everything = list(self._received)
        return [one for one in everything if request_id in (None, one.event["request_id"])]

    def wait_for(
        self, enough: Callable[[list[Received]], bool], what: str, within: float = 20.0
    ) -> list[Received]:
        """Waits until `enough` accepts the received webhooks; returns them."""
        deadline = time.monotonic() + within
        with self._changed:
            while not enough(self._received):
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    types = [(one.event["event_type"], one.answered) for one in self._received[-20:]]
                    raise AssertionError(f"not within {within:.0f} s: {what} (the last to come: {types})")
            return list(self._received)

    def wait_for_type(self, event_type: str, request_id: str, within: float = 20.0) -> Received:
        """Waits until a webhook of this type was answered with 2xx."""

        def found(received: list[Received]) -> list[Received]:
            good = [one for one in received if one.answered < 300]
            named = [one for one in good if one.event["request_id"] == request_id]
            return [one for one in named if one.event["event_type"] == event_type]

        return found(self.wait_for(lambda all_: bool(found(all_)), f"a webhook {event_type}", within))[0]

    def _answer(self, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        return (self.status(json.loads(raw)) if callable(self.status) else self.status), b""

    def _record(self, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        status, body = self._answer(headers, raw)
        with self._changed:
            self._received.append(Received(headers, raw, status, time.monotonic()))
            self._changed.notify_all()
        return status, body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status, body = sink._record({name.lower(): value for name, value in self.headers.items()}, raw)
                self.send_response_only(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:  # the sender was killed
                    pass

        return Handler
