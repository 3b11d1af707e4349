"""Scenarios: one server and one database for all tests of a class; each test has its own policies and requests."""

from __future__ import annotations

import itertools
import sys
import unittest
from typing import Any, Optional

from support import server
from support.api import ADMIN, VIEWER, Answer, Client
from support.case import EngineCase
from support.database import Database
from support.sink import Sink
from support.waiting import until

NOT_SENT = {"decision_recorded", "task_claimed", "stage_skipped"}
"""Types of events that no webhook carries."""

_numbers = itertools.count(1)


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"rule_type": "user", "rule_value": {"user_id": name}, **more}


def users(*names: str) -> list[dict[str, Any]]:
    return [user(name) for name in names]


def observer(name: str) -> dict[str, Any]:
    return user(name, kind="observer")


def expression(logic: object) -> dict[str, Any]:
    return {"rule_type": "expression", "rule_value": {"logic": logic}}


def stage(order: int, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A stage that all must approve, unless `mode` says otherwise."""
    return {"name": f"stage {order}", "stage_order": order, "mode": "all", "rules": list(rules), **more}


def due(on_breach: str, **more: Any) -> dict[str, Any]:
    return {"sla_hours": 4, "on_breach": on_breach, **more}


class Scenarios(unittest.TestCase):
    """The base of the scenarios: a server with all roles in development mode, whose webhooks arrive at `sink`."""

    maxDiff = 4000
    settings: dict[str, object] = {}
    """Settings of the server, in addition to those of every test."""

    world: EngineCase
    server: server.Server
    database: Database
    sink: Sink

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = EngineCase("run")
        cls.world._logs = []
        cls.addClassCleanup(cls.world.doCleanups)
        cls.world.setUp()
        cls.world.migrate()
        cls.database, cls.sink = cls.world.database, cls.world.sink()
        cls.server = cls.world.serve(**cls.settings)
        cls.clients: dict[tuple[str, ...], Client] = {}
        cls.addClassCleanup(lambda: [client.close() for client in cls.clients.values()])

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Runs a test as usual; also prints the last log lines of the server if it fails."""
        before = len(result.failures) + len(result.errors) if result else 0
        ran = super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            print(f"\n--- {self.id()}: {self.server.log.name}\n{server.tail(self.server.log)}", file=sys.stderr)
        return ran

    def client(self, subject: str, *roles: str) -> Client:
        """The connection of this subject with these roles."""
        key = (subject, *roles)
        if key not in self.clients:
            self.clients[key] = self.server.client(subject, *roles)
        return self.clients[key]

    @property
    def admin(self) -> Client:
        return self.client("admin", ADMIN)

    @property
    def viewer(self) -> Client:
        return self.client("viewer", VIEWER)

    def policy(self, *stages: dict[str, Any], **more: Any) -> str:
        """Makes a policy and activates its version 1; returns its key."""
        key = f"scenario.{next(_numbers)}"
        self.admin.post("/policies", self.policy_body(key, *stages, **more)).expect(201)
        self.admin.post(f"/policies/{key}/versions/1/activate").expect(200)
        return key

    def policy_body(self, key: str, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"policy_key": key, "name": key, "artifact_type": "change_request", "stages": list(stages), **more}

    def request(self, key: str, context: Optional[dict[str, Any]] = None, **more: Any) -> "Request":
        """Creates a request of the service `registry`, with webhooks."""
        body = self.request_body(key, context, **more)
        return Request(self, self.client("registry").post("/requests", body).expect(201))

    def request_body(self, key: str, context: Optional[dict[str, Any]] = None, **more: Any) -> dict[str, Any]:
        return {
            "policy_key": key,
            "artifact_type": "change_request",
            "artifact_id": f"CR-{next(_numbers)}",
            "context": context or {},
            "requester": "clara",
            "callback_url": self.sink.url,
            **more,
        }

    def simulate(self, key: str, context: Optional[dict[str, Any]] = None, **more: Any) -> list[dict[str, Any]]:
        """The stages that version 1 of the policy would run for this context."""
        body = {"context": context or {}, **more}
        return self.viewer.post(f"/policies/{key}/versions/1/simulate", body).expect(200)["stages"]

    def assert_refused(self, answer: Answer, status: int, code: str) -> None:
        self.assertEqual((answer.status, answer.code), (status, code), answer.raw)

    def refused(self, answer: Answer) -> None:
        """Asserts that a call is refused because of the state."""
        self.assert_refused(answer, 409, "AWE-007")

    def forbidden(self, answer: Answer) -> None:
        """Asserts that a call is refused because of the caller."""
        self.assert_refused(answer, 403, "AWE-008")


class Request:
    """One request, as its people and its caller see it."""

    def __init__(self, case: Scenarios, created: dict[str, Any]) -> None:
        self.case, self.created, self.id = case, created, created["request_id"]

    @property
    def row(self) -> dict[str, Any]:
        return self.case.client("registry").get(f"/requests/{self.id}").expect(200)

    @property
    def status(self) -> str:
        return self.row["status"]

    def tasks(self, **only: Any) -> list[dict[str, Any]]:
        """The tasks with these fields, oldest first."""
        path = f"/tasks?assignee=*&page_size=100&request_id={self.id}"
        found = self.case.client("registry").get(path).expect(200)["items"][::-1]
        return [task for task in found if all(task[name] == value for name, value in only.items())]

    def task(self, assignee: str, **only: Any) -> dict[str, Any]:
        """The newest task of this person."""
        found = self.tasks(assignee=assignee, **only)
        self.case.assertTrue(found, f"{assignee} has no such task: {self.tasks()}")
        return found[-1]

    def open(self) -> list[str]:
        """The assignees of open tasks, in order of seats."""
        return [task["assignee"] for task in self.tasks() if task["status"] in ("open", "claimed")]

    def statuses(self) -> dict[str, str]:
        """The status of each person's newest task."""
        return {task["assignee"]: task["status"] for task in self.tasks()}

    def decide(self, who: str, action: str = "approve", **of: Any) -> Answer:
        """Decides the person's own task."""
        return self.case.client(who).decide(self.task(who, **of)["id"], action)

    def approve(self, *people: str) -> None:
        for who in people:
            self.decide(who).expect(201)

    def reject(self, who: str) -> None:
        self.decide(who, "reject").expect(201)

    def abstain(self, *people: str) -> None:
        for who in people:
            self.decide(who, "abstain").expect(201)

    def reassign(self, old: str, new: str) -> Answer:
        return self.case.admin.post(f"/tasks/{self.task(old)['id']}/reassign", {"new_assignee": new})

    def overdue(self) -> None:
        """Moves every open deadline into the past. The server then acts on them by itself."""
        self.case.database.value(
            f"update approval_task set due_at = now() - interval '1 s'"
            f" where request_id = '{self.id}' and status in ('open', 'claimed')"
        )

    def events(self, event_type: Optional[str] = None) -> list[dict[str, Any]]:
        events = self.case.client("registry").get(f"/requests/{self.id}/events").expect(200)
        self.case.assertEqual([event["sequence"] for event in events], list(range(1, len(events) + 1)))
        return [event for event in events if event_type in (None, event["event_type"])]

    def types(self) -> list[str]:
        return [event["event_type"] for event in self.events()]

    def event(self, event_type: str) -> dict[str, Any]:
        """The only event of its type."""
        found = self.events(event_type)
        self.case.assertEqual(len(found), 1, f"{event_type} in {self.types()}")
        return found[0]

    def wait_for(self, event_type: str) -> dict[str, Any]:
        return until(lambda: self.events(event_type), f"the event {event_type}")[-1]

    def wait_for_status(self, status: str) -> None:
        until(lambda: self.status == status, f"the request is {status}")

    def wait_for_people(self, *people: str) -> None:
        until(lambda: self.open() == list(people), f"{people} are asked")

    def assert_ended(self, status: str, reason: Optional[str] = None) -> dict[str, Any]:
        """Asserts that it has ended for good with nothing open, and that its caller got every event in order."""
        event_type = f"request_{status}"
        self.case.assertEqual(self.status, status, self.types())
        self.case.assertEqual(self.open(), [])
        last = self.events()[-1]
        self.case.assertEqual((last["event_type"], last["reason"]), (event_type, reason))
        ends = [one for one in self.types() if one in ENDS]
        self.case.assertEqual(ends, [event_type])
        self.case.sink.wait_for_type(event_type, self.id)
        told = [(one.event["sequence"], one.event["event_type"]) for one in self.case.sink.received(self.id)]
        wanted = [(e["sequence"], e["event_type"]) for e in self.events() if e["event_type"] not in NOT_SENT]
        self.case.assertEqual(told, wanted)
        return last


ENDS = {"request_approved", "request_rejected", "request_cancelled", "request_expired"}
