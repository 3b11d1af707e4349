"""A receiver of webhooks that misbehaves in every way, as the seed decides, and takes each webhook in the end."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass

from support.looping import LoopThread

HANGS = 8.0
"""Seconds, longer than any sender waits."""
BIG = b"x" * 65536
BIG_CHUNKS = 160
"""10 MB in all."""
MISBEHAVIOURS = ("close_then_answer", "hang", "big", "redirect", "reset", "reset_before_reading", "error", "garbage")
TAKES_AT_ONCE = 0.7
"""Share of the webhooks that are taken at the first attempt."""
MOST_FAILURES = 3


@dataclass(frozen=True)
class Got:
    """One attempt of a webhook, as it arrived."""

    event_id: str
    headers: dict[str, str]
    raw: bytes
    behaviour: str

    @property
    def was_taken(self) -> bool:
        """Whether it was answered with a 2xx that the sender could read."""
        return self.behaviour in ("take", "big")


class Receiver:
    """The receiver, in a thread of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.behaved: Counter = Counter()
        self._got: list[Got] = []
        self._times: Counter = Counter()
        self._lock = threading.Lock()
        self._loop = LoopThread()
        self._server = self._loop.call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def got(self) -> list[Got]:
        with self._lock:
            return list(self._got)

    def close(self) -> None:
        self._server.close()
        self._loop.stop()

    async def _listen(self) -> asyncio.base_events.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)

    def _behaviour(self, event_id: str) -> str:
        """How the receiver behaves at the next attempt of this event. Seed and event decide, and not the time."""
        chance = random.Random(f"{self.seed} {event_id}")
        failures = 0 if chance.random() < TAKES_AT_ONCE else chance.randint(1, MOST_FAILURES)
        kinds = [chance.choice(MISBEHAVIOURS) for _ in range(failures)]
        nth = self._times[event_id]
        self._times[event_id] += 1
        return kinds[nth] if nth < len(kinds) else "take"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.partition(":") for line in head[1:] if line)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                event_id = headers["webhook-id"]
                behaviour = self._behaviour(event_id)
                self.behaved[behaviour] += 1
                if behaviour == "reset_before_reading":
                    _reset(writer)
                    return
                raw = await reader.readexactly(int(headers["content-length"]))
                assert json.loads(raw)["event_id"] == event_id, raw
                with self._lock:
                    self._got.append(Got(event_id, headers, raw, behaviour))
                if not await _answer(behaviour, writer):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender was killed or gave up, or the receiver stops
        finally:
            writer.close()


async def _answer(behaviour: str, writer: asyncio.StreamWriter) -> bool:
    """Answers as `behaviour` says; returns whether the connection stays open."""
    if behaviour == "take":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        return True
    if behaviour == "big":
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(BIG) * BIG_CHUNKS}\r\n\r\n".encode())
        for _ in range(BIG_CHUNKS):
            writer.write(BIG)
            await writer.drain()
    elif behaviour == "redirect":
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
        return True
    elif behaviour == "error":
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
        return True
    elif behaviour == "garbage":
        writer.write(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
    elif behaviour == "hang":
        await asyncio.sleep(HANGS)
    elif behaviour == "reset":
        _reset(writer)
    elif behaviour == "close_then_answer":
        # The receiver has done its work, and closes its side before it answers, so nobody gets the answer.
        writer.write_eof()
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes so that the other side sees a connection reset."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
