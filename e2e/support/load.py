"""Many callers in threads, which go on when the server crashes."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable

from support import api

THREADS = 8


def in_parallel(work: Callable[[api.Client, Any], Any], items: Iterable[Any], client: Callable[[], api.Client]) -> list:
    """Does the work for each item, each thread with its own connection; returns the results in order."""
    todo: queue.SimpleQueue = queue.SimpleQueue()
    items = list(items)
    for numbered in enumerate(items):
        todo.put(numbered)
    results: list = [None] * len(items)

    def drain() -> None:
        with client() as mine:
            while True:
                try:
                    number, item = todo.get_nowait()
                except queue.Empty:
                    return
                results[number] = work(mine, item)

    with ThreadPoolExecutor(THREADS) as pool:
        for thread in [pool.submit(drain) for _ in range(THREADS)]:
            thread.result()
    return results


class Persistent:
    """Threads that work through items and repeat each one until the server answers."""

    def __init__(self, work: Callable[[api.Client, Any], api.Answer], items: Iterable[Any], within: float) -> None:
        self.work = work
        self.deadline = time.monotonic() + within
        self.done: dict[Any, api.Answer] = {}
        """Answers with 201, by item."""
        self.refused: dict[Any, api.Answer] = {}
        """All other answers except 503, by item."""
        self.lost: set[Any] = set()
        """Items with a lost answer: an earlier try may have been done."""
        self._todo: queue.SimpleQueue = queue.SimpleQueue()
        for item in items:
            self._todo.put(item)
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self, client: Callable[[], api.Client]) -> "Persistent":
        for _ in range(THREADS):
            self._threads.append(threading.Thread(target=self._drain, args=(client,), daemon=True))
            self._threads[-1].start()
        return self

    def wait_for(self, count: int) -> None:
        """Waits until so many items were answered 201."""
        with self._changed:
            left = self.deadline - time.monotonic()
            if not self._changed.wait_for(lambda: len(self.done) >= count, left):
                raise AssertionError(f"only {len(self.done)} of {count} in time")

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(max(0.0, self.deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError(f"only {len(self.done)} in time")

    def _drain(self, client: Callable[[], api.Client]) -> None:
        with client() as mine:
            while time.monotonic() < self.deadline:
                try:
                    item = self._todo.get_nowait()
                except queue.Empty:
                    return
                self._do(mine, item)

    def _do(self, client: api.Client, item: Any) -> None:
        while time.monotonic() < self.deadline:
            try:
                answer = self.work(client, item)
            except ConnectionRefusedError:
                # Nothing was sent: the server is being restarted.
                time.sleep(0.01)
                continue
            except api.LOST:
                self.lost.add(item)
                continue
            if answer.status == 503:
                self.lost.add(item)
                continue
            with self._changed:
                (self.done if answer.status == 201 else self.refused)[item] = answer
                self._changed.notify_all()
            return
