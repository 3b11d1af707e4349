"""Callers, and the ledger of the answers that they got."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

from support import api
from support.server import Server

TERMINAL = {"approved", "rejected", "cancelled", "expired"}
PEOPLE = ("alice", "bob", "carol", "dave")
WORKERS = 8
POOL = 400
"""Most open tasks that are remembered; beyond that, no requests are created."""
WITHIN = 25.0
"""Seconds until a caller stops waiting for one answer; a database that stays silent is given up after 12."""


def with_sla(stage: dict[str, Any], on_breach: str) -> dict[str, Any]:
    return {**stage, "sla_hours": 1, "on_breach": on_breach}


POLICIES: dict[str, list[dict[str, Any]]] = {
    "one.v1": [api.stage(1, "alice", "bob")],
    "chain.v1": [api.stage(1, "alice", "bob", mode="all"), api.stage(2, "carol")],
    "quorum.v1": [api.stage(1, *PEOPLE, mode="quorum", mode_value=3)],
    "parallel.v1": [
        {**api.stage(1, "alice"), "parallel_group": 1},
        {**api.stage(2, "bob"), "parallel_group": 1},
        api.stage(3, "carol", "dave"),
    ],
    "deadline.v1": [with_sla(api.stage(1, "alice", "bob", mode="all"), "auto_approve"), api.stage(2, "carol")],
    "late.v1": [with_sla(api.stage(1, "alice"), "notify")],
}


@dataclass
class Create:
    """A create with its idempotency key: what was sent, and what was answered."""

    key: str
    body: dict[str, Any]
    answer: Optional[dict[str, Any]] = None
    refused: Optional[api.Answer] = None
    contradictions: list[str] = field(default_factory=list)


@dataclass
class Ledger:
    """Everything that clients know for certain."""

    creates: dict[str, Create] = field(default_factory=dict)
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The answer to the decision (DecisionOut), by task."""
    cancelled: set[str] = field(default_factory=set)
    reassigned: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The new task, by the id of the old one."""
    terminal: dict[str, str] = field(default_factory=dict)
    """The first terminal status that a client read, by request."""
    faults: list[str] = field(default_factory=list)
    """Answers that must never be given."""
    answers: int = 0
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def complain(self, what: str) -> None:
        with self.lock:
            self.faults.append(what)


class Clients:
    """Client threads, which work until they are stopped."""

    def __init__(self, seed: int, servers: list[Server], callback: str, ledger: Ledger) -> None:
        self.servers, self.callback, self.ledger = servers, callback, ledger
        self._stop = threading.Event()
        self._tasks: dict[str, tuple[str, str]] = {}
        """Open tasks as far as the clients know: assignee and request, by task."""
        self._requests: list[str] = []
        self._threads = [
            threading.Thread(target=self._work, args=(n, random.Random(f"{seed} client {n}")), daemon=True)
            for n in range(WORKERS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(4 * WITHIN)
        if any(thread.is_alive() for thread in self._threads):
            self.ledger.complain("a client still waits for its answer")

    def _work(self, number: int, chance: random.Random) -> None:
        made = 0
        while not self._stop.is_set():
            draw = chance.random()
            try:
                if draw < 0.35 and len(self._tasks) < POOL:
                    made += 1
                    self._create(f"key-{number}-{made}", chance)
                elif draw < 0.80:
                    self._decide(chance)
                elif draw < 0.85:
                    self._claim(chance)
                elif draw < 0.89:
                    self._reassign(chance)
                elif draw < 0.92:
                    self._cancel(chance)
                else:
                    self._read(chance)
            except Exception as error:  # any error here must be seen at the end of the run
                self.ledger.complain(f"client {number}: {error!r}")
                return

    def ask(self, chance: random.Random, subject: str, call: Callable[[api.Client], api.Answer], *roles: str):
        """Makes one call to a random server. Returns None if the answer was lost, so that its effect is unknown."""
        server = chance.choice(self.servers)
        client = api.Client(server.port, subject, *roles)
        client.connection.timeout = WITHIN
        begun = time.monotonic()
        with client:
            try:
                answer = call(client)
            except api.LOST:
                self.ledger.unanswered += 1
                # This is not a wait for something: it keeps a caller whose connection is refused from trying without
                # pause.
                self._stop.wait(0.02)
                if time.monotonic() - begun >= WITHIN:
                    at = datetime.now(timezone.utc) - timedelta(seconds=time.monotonic() - begun)
                    what = f"{client.asked} of {subject}, port {server.port}, asked at {at:%H:%M:%S.%f}"
                    self.ledger.complain(f"no answer within {WITHIN:.0f} s: {what}")
                return None
        self.ledger.answers += 1
        if answer.status == 503:
            if not answer.headers.get("Retry-After"):
                self.ledger.complain(f"503 without Retry-After: {answer.raw!r}")
            self._stop.wait(0.05)
            return None
        if answer.status >= 500:
            self.ledger.complain(f"{answer.status}: {answer.raw!r}")
            return None
        return answer

    def _create(self, key: str, chance: random.Random) -> None:
        policy = chance.choice(list(POLICIES))
        body = api.request_body(policy, f"artifact {key}", self.callback)
        if chance.random() < 0.1:
            soon = time.gmtime(time.time() + chance.uniform(3, 12))
            body["expires_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", soon)
        noted = Create(key, body)
        with self.ledger.lock:
            self.ledger.creates[key] = noted
        twice = chance.random() < 0.1
        while noted.answer is None and not self._stop.is_set():
            answer = self.ask(chance, "registry", lambda c: c.post("/requests", body, {"Idempotency-Key": key}))
            if answer is None:
                continue
            if answer.status == 201:
                noted.answer = answer.json
            else:
                noted.refused = answer
                return
        if twice and noted.answer is not None:
            again = self.ask(chance, "registry", lambda c: c.post("/requests", body, {"Idempotency-Key": key}))
            if again is not None and (again.status != 201 or again.json != noted.answer):
                noted.contradictions.append(f"{again.status} {again.raw!r}")
        if noted.answer is not None:
            with self.ledger.lock:
                self._requests.append(noted.answer["request_id"])
                for task in noted.answer["tasks"]:
                    self._tasks[task["id"]] = (task["assignee"], noted.answer["request_id"])

    def _pick(self, chance: random.Random) -> Optional[tuple[str, str, str]]:
        with self.ledger.lock:
            if not self._tasks:
                return None
            task = chance.choice(list(self._tasks))
            return (task, *self._tasks[task])

    def _decide(self, chance: random.Random) -> None:
        picked = self._pick(chance)
        if picked is None:
            return
        task, assignee, request = picked
        action = chance.choices(("approve", "reject", "abstain"), (80, 12, 8))[0]
        answer = self.ask(chance, assignee, lambda c: c.decide(task, action))
        if answer is None:
            return  # it stays in the pool, and some client tries again
        if answer.status == 201:
            with self.ledger.lock:
                before = self.ledger.decisions.setdefault(task, answer.json)
            if before["id"] != answer.json["id"]:
                self.ledger.complain(f"two decisions of task {task}: {before['id']} and {answer.json['id']}")
        elif answer.status != 409:
            self.ledger.complain(f"deciding {task}: {answer.status} {answer.raw!r}")
        if chance.random() < 0.9:  # else some client decides it again, and must be refused
            with self.ledger.lock:
                self._tasks.pop(task, None)
        self._learn(chance, request)

    def _learn(self, chance: random.Random, request: str) -> None:
        """Adds tasks of later stages to the pool, and checks that a terminal status does not change."""
        path = f"/tasks?request_id={request}&assignee=*&status=open&page_size=50"
        answer = self.ask(chance, "reader", lambda c: c.get(path), api.VIEWER)
        if answer is not None and answer.status == 200:
            with self.ledger.lock:
                for task in answer.json["items"]:
                    if task["id"] not in self.ledger.decisions:
                        self._tasks[task["id"]] = (task["assignee"], request)

    def _claim(self, chance: random.Random) -> None:
        picked = self._pick(chance)
        if picked is None:
            return
        task, assignee, _ = picked
        answer = self.ask(chance, assignee, lambda c: c.post(f"/tasks/{task}/claim"))
        if answer is not None and answer.status not in (200, 409):
            self.ledger.complain(f"claiming {task}: {answer.status} {answer.raw!r}")

    def _reassign(self, chance: random.Random) -> None:
        picked = self._pick(chance)
        if picked is None:
            return
        task, _, request = picked
        body = {"new_assignee": chance.choice((*PEOPLE, "erin")), "reason": "holiday"}
        answer = self.ask(chance, "root", lambda c: c.post(f"/tasks/{task}/reassign", body), api.ADMIN)
        if answer is None:
            return
        if answer.status == 200:
            with self.ledger.lock:
                self.ledger.reassigned[task] = answer.json
                self._tasks.pop(task, None)
                self._tasks[answer.json["id"]] = (answer.json["assignee"], request)
        elif answer.status == 409:
            self._learn(chance, request)
        else:
            self.ledger.complain(f"reassigning {task}: {answer.status} {answer.raw!r}")

    def _cancel(self, chance: random.Random) -> None:
        picked = self._pick(chance)
        if picked is None:
            return
        request = picked[2]
        answer = self.ask(chance, "registry", lambda c: c.post(f"/requests/{request}/cancel", {"reason": "undone"}))
        if answer is not None and answer.status == 200:
            with self.ledger.lock:
                self.ledger.cancelled.add(request)
        elif answer is not None and answer.status != 409:
            self.ledger.complain(f"cancelling {request}: {answer.status} {answer.raw!r}")

    def _read(self, chance: random.Random) -> None:
        with self.ledger.lock:
            request = chance.choice(self._requests) if self._requests else None
        if request is None:
            return
        answer = self.ask(chance, "reader", lambda c: c.get(f"/requests/{request}"), api.VIEWER)
        if answer is None:
            return
        if answer.status != 200:
            self.ledger.complain(f"request {request} was acknowledged, and reading it: {answer.status}")
            return
        status = answer.json["status"]
        with self.ledger.lock:
            if status in TERMINAL:
                self.ledger.terminal.setdefault(request, status)
            before = self.ledger.terminal.get(request, status)
        if status != before:
            self.ledger.complain(f"request {request} was {before} and is {status}")
