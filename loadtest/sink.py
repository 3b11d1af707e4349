"""A receiver of webhooks that costs next to nothing: it answers 204 to every POST and notes the time from commit to
receipt.

The benches start it; by hand: `python3 loadtest/sink.py [PORT [SECONDS]]`. It prints the port that it listens on and
takes SECONDS for each call. `GET /` returns the number of events, the number of different ones, the times of the first
and the last, and the latencies in milliseconds since the last `DELETE /`; `GET /count` leaves the latencies out.
"""

from __future__ import annotations

import asyncio
import calendar
import json
import signal
import sys
import time
from functools import lru_cache

MARK = b'"occurred_at":"'
ID = b'"event_id":"'
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@lru_cache(maxsize=64)
def whole_seconds(stamp: bytes) -> int:
    """The time as Unix seconds, for example of 2026-01-31T10:00:00; cached, because many events share a second."""
    return calendar.timegm(time.strptime(stamp.decode(), "%Y-%m-%dT%H:%M:%S"))


def occurred_at(body: bytes) -> float | None:
    """The time of the event's commit as Unix seconds; None when the body has none in UTC."""
    start = body.find(MARK)
    if start < 0:
        return None
    start += len(MARK)
    end = body.index(b'"', start)
    if body[end - 1 : end] != b"Z":
        return None
    fraction = body[start + 19 : end - 1]
    return whole_seconds(body[start : start + 19]) + (float(b"0" + fraction) if fraction else 0.0)


class Received:
    """What was received since the last reset."""

    def __init__(self) -> None:
        self.latencies_ms: list = []
        self.unreadable = 0
        self.first = self.last = 0.0
        self.ids: set = set()

    def add(self, body: bytes) -> None:
        self.last = time.time()
        self.first = self.first or self.last
        start = body.find(ID) + len(ID)
        self.ids.add(body[start : start + 36])
        at = occurred_at(body)
        if at is None:
            self.unreadable += 1
        else:
            self.latencies_ms.append((self.last - at) * 1000)

    def reset(self) -> None:
        self.__init__()

    def as_json(self, latencies: bool) -> bytes:
        facts: dict = {
            "events": len(self.latencies_ms) + self.unreadable,
            "different": len(self.ids),
            "unreadable": self.unreadable,
            "first": self.first,
            "last": self.last,
        }
        if latencies:
            facts["latencies_ms"] = self.latencies_ms
        return json.dumps(facts).encode()


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with keep-alive; understands as much as a sender of webhooks needs."""

    def __init__(self, received: Received, seconds: float) -> None:
        self.received, self.seconds = received, seconds
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pending += data
        while True:
            end = self.pending.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.pending[:end]
            whole = end + 4 + content_length(head)
            if len(self.pending) < whole:
                return
            body, self.pending = self.pending[end + 4 : whole], self.pending[whole:]
            answer = self.answer(head, body)
            if self.seconds and head.startswith(b"POST"):
                asyncio.get_running_loop().call_later(self.seconds, self.transport.write, answer)
            else:
                self.transport.write(answer)

    def answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"POST"):
            self.received.add(body)
            return NO_CONTENT
        if head.startswith(b"DELETE"):
            self.received.reset()
            return NO_CONTENT
        facts = self.received.as_json(not head.startswith(b"GET /count "))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(facts)
        return head + facts


def content_length(head: bytes) -> int:
    found = head.lower().find(b"\r\ncontent-length:")
    if found < 0:
        return 0
    end = head.find(b"\r\n", found + 2)
    return int(head[found + 17 : end if end > 0 else None])


async def serve(port: int, seconds: float) -> None:
    received = Received()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(received, seconds), "127.0.0.1", port, backlog=1024)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    words = sys.argv[1:]
    asyncio.run(serve(int(words[0]) if words else 0, float(words[1]) if len(words) > 1 else 0.0))
