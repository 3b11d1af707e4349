"""The base of the benches of single properties: servers of their own, made with the support of the end-to-end tests."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "e2e"))

from support import server as process
from support.server import Server
from support.services import NatsServer, Postgres

from parts import server as client_side

THREADS = 8


class Ours:
    """PostgreSQL with its default durability, NATS, and any number of `awe serve`; all of them end with `stack`."""

    def __init__(self, stack: ExitStack, **settings: object) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awe-bench-")))
        self.postgres = Postgres(self.folder, durable=True)
        stack.callback(self.postgres.stop)
        self.nats = NatsServer(self.folder)
        stack.callback(self.nats.stop)
        self._stack = stack
        self._settings = {"database.url": self.postgres.url, "nats.url": self.nats.url, **settings}
        self._count = 0
        done = process.run(["migrate"], self._settings, self.folder)
        assert done.returncode == 0, done.stdout

    def serve(self, roles: str) -> Server:
        self._count += 1
        started = Server(self._settings, self.folder / f"{self._count}.log", "warn", roles)
        self._stack.callback(started.stop)
        return started


def in_threads(
    work: Callable[[client_side.Client, int], object],
    port: int,
    seconds: float = 0.0,
    count: int = 0,
    prefix: str = "/v1/awe",
) -> int:
    """Repeats the work in threads, for `seconds` or `count` times; returns how often it was done. `prefix`: of paths."""
    numbers, lock = iter(range(count or 1 << 30)), threading.Lock()
    deadline = time.monotonic() + (seconds or 3600.0)
    done = [0] * THREADS

    def loop(thread: int) -> None:
        client = client_side.Client(port, prefix)
        while time.monotonic() < deadline:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            work(client, number)
            done[thread] += 1
        client.close()

    with ThreadPoolExecutor(THREADS) as pool:
        for thread in [pool.submit(loop, n) for n in range(THREADS)]:
            thread.result()
    return sum(done)
