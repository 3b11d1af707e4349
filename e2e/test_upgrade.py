"""Upgrade and rollback under load: the schema first, then process by process, there and back. The build before is
AWE_OLD_BIN (`./dev upgrade-test --old BIN`); without it this build is both, and the test is one of rolling restarts."""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import Any, Optional

from support import api, server
from support.case import EngineCase
from support.database import APP_ROLE
from support.server import Server
from support.waiting import until

CALLERS = 6
# A balancer needs several looks to see that a process is not ready any more.
UNREADY_SECONDS, LOOK_EVERY, BETWEEN = 3, 0.1, 15
POLICY, CALLER, APPROVER = "rolling.v1", "registry", "alice"


class Balancer:
    """Knows which processes are ready, as a load balancer does: it asks each again and again."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}
        self._next = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def add(self, port: int) -> None:
        with self._lock:
            self._known[port] = False

    def ready(self) -> list[int]:
        with self._lock:
            return [port for port, is_ready in self._known.items() if is_ready]

    def pick(self) -> int:
        ready = self.ready()
        self._next += 1
        return ready[self._next % len(ready)]

    def _look(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            with self._lock:
                ports = list(self._known)
            seen = {port: self._is_ready(port) for port in ports}
            with self._lock:
                self._known.update(seen)

    def _is_ready(self, port: int) -> bool:
        try:
            with api.Client(port) as anybody:
                return anybody.get("/health/ready").status == 200
        except api.LOST:
            return False


class Load:
    """Callers that make requests and have them approved, each over a connection of its own for each call."""

    def __init__(self, balancer: Balancer, callback_url: str) -> None:
        self.balancer, self.callback_url = balancer, callback_url
        self.approved: list[str] = []
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _call(self) -> None:
        while not self._stop.is_set():
            key = str(uuid.uuid4())
            body = api.request_body(POLICY, key, self.callback_url)
            made = self._send(CALLER, "POST", "/requests", 201, body, {"Idempotency-Key": key})
            if made is None:
                continue
            tasks = self._send(APPROVER, "GET", f"/tasks?request_id={made['request_id']}", 200)
            for task in (tasks or {"items": []})["items"]:
                if self._send(APPROVER, "POST", f"/tasks/{task['id']}/decision", 201, {"action": "approve"}) is not None:
                    self.approved.append(made["request_id"])

    def _send(
        self, who: str, method: str, path: str, wanted: int, body: object = None, headers: Optional[dict[str, str]] = None
    ) -> Any:
        """The body of the wanted answer; None, and noted, for any other. What was shed is sent again."""
        while True:
            try:
                with api.Client(self.balancer.pick(), who) as caller:
                    answer = caller.send(method, path, body, headers)
            except api.LOST as lost:
                self.failed.append(f"{method} {path}: {lost!r}")
                return None
            if answer.status == 503 and answer.headers.get("Retry-After"):
                time.sleep(0.1)  # the pause that a caller makes who was told to come again
            elif answer.status == wanted:
                return answer.json
            else:
                self.failed.append(f"{method} {path}: {answer.status} {answer.raw[:300]!r}")
                return None


class Upgrade(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.old, self.new = os.environ.get("AWE_OLD_BIN") or server.program(), server.program()
        self.settings["server.unready_seconds"] = UNREADY_SECONDS
        self.receiver = self.sink()
        self.balancer = Balancer()
        self.addCleanup(self.balancer.close)

    def bring_up(self, binary: str) -> Server:
        log = self.folder / f"server-{len(list(self.folder.glob('server-*.log'))) + 1}.log"
        self.addCleanup(lambda: self._logs.append((log.name, server.tail(log))))
        started = Server(self.settings, log, binary=binary)
        self.addCleanup(started.stop)
        self.balancer.add(started.port)
        until(lambda: started.port in self.balancer.ready(), "the balancer sends calls to it")
        return started

    def brought_to(self, binary: str) -> None:
        """Makes the schema what this build wants; one that is newer is left alone."""
        done = server.run(["migrate", "--app-role", APP_ROLE], self.owner_settings(), self.folder, binary)
        self.assertEqual(done.returncode, 0, done.stdout)

    def rolled(self, running: list[Server], binary: str) -> list[Server]:
        """Replaces each process while the load goes on."""
        replaced = []
        for one in running:
            replaced.append(self.bring_up(binary))
            one.terminate()
            self.assertEqual(one.exit_code(), 0)
            self.goes_on()
        return replaced

    def goes_on(self) -> None:
        seen = len(self.load.approved)
        until(lambda: len(self.load.approved) >= seen + BETWEEN or self.load.failed, "calls are answered", within=60)

    def test_no_call_fails_and_nothing_is_lost_there_and_back(self) -> None:
        self.brought_to(self.old)
        running = [self.bring_up(self.old), self.bring_up(self.old)]
        with running[0].admin() as admin:
            api.create_policy(admin, POLICY, api.stage(1, APPROVER))
            admin.post("/admin/callback-secrets", {"caller_service": CALLER}).expect(201)
        self.load = Load(self.balancer, self.receiver.url)
        self.addCleanup(self.load.close)
        self.goes_on()
        self.brought_to(self.new)
        # The build before, on the schema that comes after it.
        self.goes_on()
        running = self.rolled(running, self.new)
        # A rollback runs its own migrations, too, beside what is still new.
        self.brought_to(self.old)
        self.goes_on()
        running = self.rolled(running, self.old)
        self.goes_on()
        self.load.close()
        self.assertEqual(self.load.failed, [])
        approved = set(self.load.approved)
        self.assertEqual(len(approved), len(self.load.approved), "no request is approved twice")
        histories = self.database.histories()
        for id_ in approved:
            self.assert_gapless(histories[id_])
            self.assertEqual(self.types(histories[id_])[-1], "request_approved")

        def told(received: list) -> bool:
            good = (one.event for one in received if one.answered < 300)
            return approved <= {event["request_id"] for event in good if event["event_type"] == "request_approved"}

        self.receiver.wait_for(told, "every approval is told by webhook", within=60)
