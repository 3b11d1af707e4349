"""Readers of the feed: streams that break and are taken up again, and one that pulls pages."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import Any, Callable, Iterator, Optional

from support import api

PAUSE = 0.05


def blocks(response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    """The server-sent events of an answer, each by field, as far as they came completely."""
    block: dict[str, str] = {}
    while line := response.readline():
        text = line.decode().rstrip("\n")
        if not text:
            yield block
            block = {}
        elif line.endswith(b"\n"):
            name, _, value = text.partition(":")
            block[name] = value.removeprefix(" ")


class Stream:
    """One connection to `GET /stream`."""

    def __init__(self, port: int, query: str = "", last: str = "", bearer: str = "", subject: str = "reader") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=api.TIMEOUT)
        headers = {"Authorization": f"Bearer {bearer or api.token(subject)}"}
        if last:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", f"{api.BASE}/stream?{query}", headers=headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def __iter__(self) -> Iterator[dict[str, str]]:
        return blocks(self.response)

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class Reader(threading.Thread):
    """Reads the whole feed from its beginning, from one of these ports or another, and keeps what it has read in order.
    Subclasses read for a while; whatever ends that, they go on after their cursor."""

    def __init__(self, ports: list[int], seed: int) -> None:
        super().__init__(daemon=True)
        self.ports, self.random = ports, random.Random(seed)
        self.events: list[dict[str, Any]] = []
        self.cursor = ""
        self.begun = 0
        self.reasons: list[str] = []
        self.failure: Optional[BaseException] = None
        self._over = threading.Event()

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self.begun += 1
                try:
                    self.read_on(self.random.choice(self.ports))
                except api.LOST:
                    time.sleep(PAUSE)
        except BaseException as failure:  # noqa: BLE001 - told by `finish`
            self.failure = failure

    def read_on(self, port: int) -> None:
        raise NotImplementedError

    def has(self, count: int) -> bool:
        if self.failure:
            raise AssertionError(f"a reader failed: {self.failure!r}")
        return len(self.events) >= count

    def finish(self) -> None:
        self._over.set()


class Puller(Reader):
    """Asks for small pages, again and again."""

    def read_on(self, port: int) -> None:
        with api.Client(port, "reader") as client:
            for _ in range(self.random.randint(1, 20)):
                after = f"&after={self.cursor}" if self.cursor else ""
                answer = client.get(f"/events?limit={self.random.randint(1, 40)}{after}")
                if answer.status == 503:
                    time.sleep(PAUSE)
                    return
                self.events += answer.expect(200)
                self.cursor = answer.headers["X-Next-Cursor"]
                time.sleep(self.random.choice([0, PAUSE]))


class Follower(Reader):
    """Follows a stream, and cuts it after a random number of events."""

    def __init__(self, ports: list[int], seed: int, cursor: str) -> None:
        super().__init__(ports, seed)
        self.cursor = cursor

    def read_on(self, port: int) -> None:
        stream = Stream(port, last=self.cursor)
        try:
            if stream.status == 503:
                time.sleep(PAUSE)
                return
            assert stream.status == 200, stream.response.read()
            left = self.random.randint(1, 60)
            for block in stream:
                if "data" in block:
                    left -= 1
                    self.take(block)
                self.cursor = block.get("id", self.cursor)
                if left == 0 or self._over.is_set():
                    return
        finally:
            stream.close()

    def take(self, block: dict[str, str]) -> None:
        told = json.loads(block["data"])
        if block["event"] == "resume":
            assert told["cursor"] == block["id"], block
            self.reasons.append(told["reason"])
        else:
            assert told["event_type"] == block["event"], block
            self.events.append(told)


def wait_for_all(readers: list[Reader], count: int, until: Callable[..., Any]) -> None:
    for reader in readers:
        until(lambda reader=reader: reader.has(count), f"a reader has {count} events", 60)
