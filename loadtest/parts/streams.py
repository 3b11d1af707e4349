"""Many open streams, read by a process of their own: they share the processors with the server, and no interpreter with
the load."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import resource
import signal
import time
from calendar import timegm
from collections import Counter

from parts import Failed
from parts.phases import percentiles
from parts.server import token

HOST, OPEN_WITHIN, AT_ONCE = "127.0.0.1", 120.0, 50
OCCURRED = re.compile(rb'"occurred_at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"')
EVENT = b"\nevent: "
MOST_LATENCIES = 200_000


class Streams:
    """Streams to one server while the block runs. `readers`: for each stream its subject and its query."""

    def __init__(self, port: int, readers: list) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(port, readers, theirs), daemon=True)

    def __enter__(self) -> Streams:
        self._process.start()
        self._told(OPEN_WITHIN)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join(10)

    def counted(self) -> dict:
        """Since the last call: `latencies` (milliseconds from the moment of an event to its arrival, of one event in
        each read), and how many events came to each stream. Since the beginning: how many streams were `cut`."""
        self._ours.send("count")
        return self._told(30)

    def _told(self, seconds: float) -> dict:
        if not self._ours.poll(seconds):
            raise Failed("the streams did not open, or do not answer")
        told = self._ours.recv()
        if isinstance(told, str):
            raise Failed(told)
        return told


def latency(found: dict) -> dict:
    """p50, p95, p99 and maximum in milliseconds."""
    return percentiles(found["latencies"]) or {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}


def _main(port: int, readers: list, pipe) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, len(readers) + 200)), hard))
    try:
        asyncio.run(_Client(port, pipe).run(readers))
    except Exception as failure:  # noqa: BLE001 - told to the bench
        pipe.send(f"a stream failed: {failure!r}")


class _Client:
    def __init__(self, port: int, pipe) -> None:
        self._port, self._pipe = port, pipe
        self._latencies: list = []
        self._events: Counter = Counter()
        self._cut = 0

    async def run(self, readers: list) -> None:
        few = asyncio.Semaphore(AT_ONCE)
        opened = await asyncio.gather(*(self._open(few, *reader) for reader in readers))
        tasks = [asyncio.create_task(self._read(n, stream)) for n, (stream, _) in enumerate(opened)]
        self._pipe.send({})
        while True:
            await asyncio.to_thread(self._pipe.recv)
            self._pipe.send({"latencies": self._latencies, "events": dict(self._events), "cut": self._cut})
            self._latencies, self._events = [], Counter()
            assert tasks and opened, "kept: both would be collected"

    async def _open(self, few: asyncio.Semaphore, subject: str, query: str) -> tuple:
        async with few:
            reader, writer = await asyncio.open_connection(HOST, self._port)
            head = f"GET /v1/awe/stream?{query} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token(subject)}\r\n\r\n"
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in answer.split(b"\r\n", 1)[0]:
                raise Failed(answer.decode(errors="replace"))
            return reader, writer

    async def _read(self, number: int, stream: asyncio.StreamReader) -> None:
        rest = b"\n"
        while chunk := await stream.read(1 << 16):
            came = time.time()
            self._events[number] += (rest + chunk).count(EVENT)
            # Too short for a whole one, long enough for one that the next read completes.
            rest = (rest + chunk)[1 - len(EVENT):]
            found = OCCURRED.search(chunk)
            if found and len(self._latencies) < MOST_LATENCIES:
                second = timegm(time.strptime(found.group(1).decode(), "%Y-%m-%dT%H:%M:%S"))
                self._latencies.append((came - second - float(found.group(2) or 0)) * 1000)
        self._cut += 1
