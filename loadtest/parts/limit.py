"""The machine's own limit: the rows of a lifecycle written by hand-made batched SQL, with nothing around it."""

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
BATCH = 50
# Without these a plan made for an empty table would read whole tables until the next analyze.
PLANS = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"


@dataclass
class Limit:
    """Lifecycles per second for each number of clients."""

    by_clients: dict

    @property
    def clients(self) -> int:
        return max(self.by_clients, key=self.by_clients.__getitem__)

    @property
    def best(self) -> float:
        return self.by_clients[self.clients]


def prepare(postgres: Postgres, database: str) -> None:
    """A database of its own with the same tables, indexes, triggers and foreign keys."""
    postgres.create(database)
    for file in [*sorted((ROOT / "migrations").glob("*.sql")), HERE / "prepare.sql"]:
        postgres.run_file(database, file)


def measure(postgres: Postgres, database: str, clients: list, seconds: int) -> Limit:
    """Tries each number of clients for so many seconds."""
    found = {}
    for count in clients:
        postgres.checkpoint()
        found[count] = pgbench(postgres, database, count, seconds)
    return Limit(found)


def pgbench(postgres: Postgres, database: str, clients: int, seconds: int) -> float:
    """Lifecycles per second with this many clients at once."""
    command = [postgres.program("pgbench"), "-n", "-M", "prepared", "-f", HERE / "lifecycles.sql"]
    command += ["-D", f"batch={BATCH}", "-c", clients, "-j", min(clients, os.cpu_count() or 1), "-T", seconds]
    done = subprocess.run(
        [str(word) for word in [*command, postgres.url(database)]],
        capture_output=True,
        text=True,
        env={**os.environ, "PGOPTIONS": PLANS},
        timeout=seconds + 60,
    )
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or rate is None:
        raise Failed(f"pgbench failed: {done.stderr or done.stdout}")
    return float(rate.group(1)) * BATCH
