"""The limit of the machine: the rows of a lifecycle written by hand-made batched SQL, with nothing around it.

Each number of users has a limit of its own: as many lifecycles are under way at once, in the batches that give the best
result. A further limit says what the machine can do when any number of lifecycles may be under way.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from parts import Failed
from parts.postgres import Postgres
from scripts.shell import ROOT

HERE = Path(__file__).resolve().parent.parent / "limit"
# Lifecycles in one statement when any number may be under way.
BATCH = 50
# Without these settings, a plan made for an empty table would read whole tables until the next analyze.
PLANS = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
# As the server, it keeps the tables of open work itself.
OWN = "-c awe.open_work=kept"


@dataclass
class Limit:
    """Lifecycles per second for each number of clients that was tried."""

    batches: dict
    by_clients: dict

    @property
    def clients(self) -> int:
        return max(self.by_clients, key=self.by_clients.__getitem__)

    @property
    def best(self) -> float:
        return self.by_clients[self.clients]

    def described(self) -> dict:
        return {"clients": self.clients, "by_clients": self.by_clients, "batches": self.batches}


def for_users(users: int) -> dict:
    """Batch sizes by number of clients; the batches of all clients hold as many lifecycles as there are users."""
    return {clients: users // clients for clients in (1, 2, 4)}


def for_any(clients: list) -> dict:
    return dict.fromkeys(clients, BATCH)


def prepare(postgres: Postgres, database: str) -> None:
    """Makes a database with the same tables, indexes, triggers and foreign keys as the server's."""
    postgres.create(database)
    for file in [*sorted((ROOT / "migrations").glob("*.sql")), HERE / "prepare.sql"]:
        postgres.run_file(database, file)


def measure(postgres: Postgres, database: str, batches: dict, seconds: int) -> Limit:
    """Tries each number of clients with its batch size, for `seconds` each."""
    found = {}
    for clients, batch in batches.items():
        postgres.settle()
        found[clients] = pgbench(postgres, database, clients, batch, seconds)
    return Limit(batches, found)


def pgbench(postgres: Postgres, database: str, clients: int, batch: int, seconds: int) -> float:
    """Lifecycles per second with `clients` clients at once and `batch` lifecycles in a statement."""
    command = [postgres.program("pgbench"), "-n", "-M", "prepared", "-f", HERE / "lifecycles.sql"]
    command += ["-D", f"batch={batch}", "-c", clients, "-j", min(clients, os.cpu_count() or 1), "-T", seconds]
    done = subprocess.run(
        [str(word) for word in [*command, postgres.url(database)]],
        capture_output=True,
        text=True,
        env={**os.environ, "PGOPTIONS": f"{PLANS} {OWN}"},
        timeout=seconds + 60,
    )
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or rate is None:
        raise Failed(f"pgbench failed: {done.stderr or done.stdout}")
    return float(rate.group(1)) * batch
