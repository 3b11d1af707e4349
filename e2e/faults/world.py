"""The processes of one run, and how each fault is done to them."""

from __future__ import annotations

import base64
import random
import secrets
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Callable

from support import api, database, server, services
from support.proxy import TO_CLIENT, TO_SERVER, Proxy
from support.server import Server
from support.services import NatsServer, Postgres, rss_mib
from support.waiting import until
from faults.clients import POLICIES

SERVERS = WORKERS = 2
PREFIX = "faults"
MEASURED_EVERY = 0.5


class World:
    """All processes. A fault that cannot be done at its moment, because its process is down already, is not counted."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(f"{seed} world")
        self.done: Counter = Counter()
        self.postgres = Postgres(folder)
        self.nats = NatsServer(folder)
        self.to_postgres, self.to_nats = Proxy(self.postgres.port), Proxy(self.nats.port)
        settings: dict[str, object] = {
            "database.url": self.postgres.url_of("awe", self.to_postgres.port),
            "database.max_connections": 8,
            "nats.url": f"nats://127.0.0.1:{self.to_nats.port}",
            "nats.prefix": PREFIX,
            "secrets.master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
            "webhook.poll_interval_seconds": 1,
            "webhook.timeout_seconds": 1,
            "webhook.max_attempts": 100,
            "webhook.backoff_seconds": "[1]",
            "webhook.endpoint_open_seconds": 1,
            "sla.check_interval_seconds": 2,
        }
        done = server.run(["migrate"], settings, folder)
        assert done.returncode == 0, done.stdout
        self.clocks = [folder / f"clock-{n}" for n in range(SERVERS)]
        for clock in self.clocks:
            clock.write_text("0")
        self.servers = [
            self._serve(settings, f"server-{n}", "api,resolver,sla,relay", {"AWE_TEST_CLOCK": str(self.clocks[n])})
            for n in range(SERVERS)
        ]
        self.workers = [self._serve(settings, f"worker-{n}", "delivery", {}) for n in range(WORKERS)]
        with self.servers[0].admin() as admin:
            body = {"caller_service": "registry"}
            self.secret: str = admin.post("/admin/callback-secrets", body).expect(201)["secret"]
            for key, stages in POLICIES.items():
                api.create_policy(admin, key, *stages)
        self.peaks: dict[str, float] = {}
        self.lost_at = 0.0
        """When NATS last lost acknowledged events, by the machine's clock."""
        self.disordered: set[str] = set()
        """Requests whose events are out of order in the stream, because it lost some."""
        self._measured = threading.Event()
        self._meter = threading.Thread(target=self._measure, daemon=True)
        self._meter.start()

    def _serve(self, settings: dict[str, object], name: str, roles: str, more: dict[str, str]) -> Server:
        return Server(settings, self.folder / f"{name}.log", "info,actors=debug,sqlx=error", roles, more)

    @property
    def events_stream(self) -> str:
        return f"{PREFIX.upper()}_EVENTS"

    def do(self, kind: str, which: int, amount: float) -> bool:
        """Does one step of the schedule; returns whether it could be done."""
        step: Callable[[int, float], object] = getattr(self, kind)
        happened = step(which, amount) is not False
        self.done[kind] += happened
        return happened

    def heal(self) -> None:
        """Starts what is down, clears the proxies and sets the clocks right."""
        self.to_postgres.heal()
        self.to_nats.heal()
        self.start_postgres(0, 0)
        self.start_nats(0, 0)
        for n in range(SERVERS):
            self.set_clock(n, 0)
            self.start_server(n, 0)
            self.start_worker(n, 0)
        for process in (*self.servers, *self.workers):
            self._await_health(process)

    def close(self) -> None:
        self._measured.set()
        for process in (*self.servers, *self.workers):
            process.kill()
        self.to_postgres.close()
        self.to_nats.close()
        self.nats.stop()
        self.postgres.stop()

    def last_words(self) -> str:
        logs = [process.log for process in (*self.servers, *self.workers)]
        return services.last_words(*logs, self.nats.log, self.postgres.log)

    def _await_health(self, process: Server) -> None:
        try:
            until(lambda: self._ails(process) is None, f"{process.log.name} is well", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._ails(process)}") from None

    def _ails(self, process: Server) -> object:
        """What is wrong with a process by its own words, or `None`."""
        if not process.is_up():
            return "not up"
        with process.client() as anybody:
            health = anybody.get("/health").expect(200)["response"]
        return health if "degraded" in health else None

    def _measure(self) -> None:
        while not self._measured.wait(MEASURED_EVERY):
            for process in (*self.servers, *self.workers):
                name = process.log.stem
                self.peaks[name] = max(self.peaks.get(name, 0.0), rss_mib(process.pid))

    # Steps. The arguments of each are the index of the process and an amount.

    def kill_server(self, which: int, _: float) -> bool:
        return _kill(self.servers[which])

    def start_server(self, which: int, _: float) -> bool:
        return _launch(self.servers[which])

    def kill_worker(self, which: int, _: float) -> bool:
        return _kill(self.workers[which])

    def start_worker(self, which: int, _: float) -> bool:
        return _launch(self.workers[which])

    def kill_nats(self, *_: float) -> bool:
        if self.nats.child is None or self.nats.child.poll() is not None:
            return False
        self.nats.kill()
        return True

    def wipe_nats(self, *_: float) -> None:
        self.nats.kill()
        self.nats.wipe()
        self.lost_at = time.time()

    def remember_nats(self, *_: float) -> None:
        self.nats.kill()
        self.nats.remember()

    def rewind_nats(self, *_: float) -> bool:
        self.nats.kill()
        self.lost_at = time.time()
        return self.nats.go_back()

    def start_nats(self, *_: float) -> None:
        self.nats.start()

    def cut_nats(self, *_: float) -> bool:
        return self.to_nats.cut() > 0

    def tear_nats(self, *_: float) -> None:
        self.to_nats.cut_mid(TO_SERVER)

    def unanswer_nats(self, *_: float) -> None:
        self.to_nats.cut_mid(TO_CLIENT)

    def stall_nats(self, *_: float) -> None:
        self.to_nats.stall(True)

    def flow_nats(self, *_: float) -> None:
        self.to_nats.heal()

    def strand_nats(self, *_: float) -> None:
        self.to_nats.strand()

    def kill_postgres(self, *_: float) -> bool:
        if self.postgres.child is None or self.postgres.child.poll() is not None:
            return False
        self.postgres.kill()
        return True

    def start_postgres(self, *_: float) -> None:
        self.postgres.start()

    def kill_session(self, *_: float) -> bool:
        return self.postgres.is_ready() and self.postgres.kill_session()

    def cut_postgres(self, *_: float) -> bool:
        return self.to_postgres.cut() > 0

    def tear_postgres(self, *_: float) -> None:
        self.to_postgres.cut_mid(TO_SERVER)

    def unanswer_postgres(self, *_: float) -> None:
        self.to_postgres.cut_mid(TO_CLIENT)

    def slow_postgres(self, _: int, amount: float) -> None:
        self.to_postgres.delay = amount

    def stall_postgres(self, *_: float) -> None:
        self.to_postgres.stall(True)

    def refuse_postgres(self, *_: float) -> None:
        self.to_postgres.refuse(True)
        self.to_postgres.cut()

    def strand_postgres(self, *_: float) -> None:
        self.to_postgres.strand()

    def heal_postgres(self, *_: float) -> None:
        self.to_postgres.heal()

    def jump_clock(self, which: int, amount: float) -> None:
        """Sets the clock of a running server wrong."""
        self.clocks[which].write_text(f"{amount:.3f}")

    def set_clock(self, which: int, _: float) -> None:
        self.clocks[which].write_text("0")

    def make_overdue(self, *_: float) -> bool:
        """Moves the deadlines of some open tasks into the past by SQL, as an operator may."""
        if not self.postgres.is_ready():
            return False
        database.run(
            self.postgres.url,
            "update approval_task set due_at = now() - interval '1 s' where id in (select id from approval_task"
            " where due_at is not null and status in ('open', 'claimed') order by random() limit 10)",
        )
        return True


def _kill(process: Server) -> bool:
    if process.child is None or process.child.poll() is not None:
        return False
    process.kill()
    return True


def _launch(process: Server) -> bool:
    if process.child is not None and process.child.poll() is None:
        return False
    process.launch()
    return True
