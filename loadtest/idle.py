#!/usr/bin/env python3
"""Measures what a server costs that nobody calls, on an empty database and beside a million finished requests.

`./dev bench idle` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from lists import fill
from parts import targets
from parts.ours import Ours
from parts.postgres import Postgres
from parts.processes import seconds_of
from parts.server import Client, apply_policy
from parts.targets import Target
from scripts.shell import say
from support import database

MOST_SHARE, MOST_STATEMENTS = 0.5, 2.0
SETTLE = 15.0
MOST_SHOWN = 3
# Each statement that a client sends is one such entry in the log, whichever protocol it uses.
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)")
TRANSACTIONS = "select xact_commit + xact_rollback from pg_stat_database where datname = 'awe'"


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench idle", description=__doc__.splitlines()[0])
    parser.add_argument("--finished", type=int, default=1_000_000, help="finished requests later (1000000)")
    parser.add_argument("--seconds", type=float, default=60, help="of each measurement (60)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if found.finished < 1 or found.seconds < 10:
        parser.error("--finished: at least 1; --seconds: at least 10, since much happens only every few seconds")
    return found


def log_statements(url: str, on: bool) -> None:
    """Lets PostgreSQL write every statement into its log: its statistics count transactions only."""
    database.run(url, f"alter system set log_statement = '{'all' if on else 'none'}'")
    database.run(url, "select pg_reload_conf()")
    time.sleep(1.0)


def statements(log: Path, start: int) -> Counter:
    """How often each statement was sent since this place of the log, by its first words."""
    with log.open(errors="replace") as lines:
        lines.seek(start)
        found = (STATEMENT.search(line) for line in lines)
        return Counter(" ".join(one.group(1).split())[:70] for one in found if one)


def idle(ours: Ours, what: str, seconds: float) -> list:
    """Starts a server, waits until what follows from its start is over, and watches it."""
    server, url = ours.serve(""), ours.postgres.url
    log_statements(url, True)
    time.sleep(SETTLE)
    place, spent, begun = ours.postgres.log.stat().st_size, seconds_of(server.pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begun
    share = (seconds_of(server.pid) - spent) / passed * 100
    sent = statements(ours.postgres.log, place)
    log_statements(url, False)
    done = transactions(url, seconds)
    server.stop()
    for statement, times in sent.most_common(MOST_SHOWN):
        say(f"{what}: {times} times in {passed:.0f} s: {statement}")
    return [
        targets.under(f"{what}: share of a core", share, MOST_SHARE, "%"),
        targets.under(f"{what}: statements", sum(sent.values()) / passed, MOST_STATEMENTS, "/s"),
        Target(f"{what}: transactions by pg_stat_database", f"{done:.2f} /s"),
    ]


def transactions(url: str, seconds: float) -> float:
    """Transactions a second by PostgreSQL's own count, those of reading it left out."""
    before, begun = int(database.run(url, TRANSACTIONS)), time.monotonic()
    time.sleep(min(seconds, 30.0))
    return max(0, int(database.run(url, TRANSACTIONS)) - before - 1) / (time.monotonic() - begun)


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    ours = Ours(stack)
    say(f"an empty database, {chosen.seconds:.0f} s")
    found = idle(ours, "empty", chosen.seconds)
    first = ours.serve("")
    client = Client(first.port)
    apply_policy(client)
    client.close()
    first.stop()
    say(f"writing {chosen.finished} finished requests")
    programs = os.environ.get("AWE_POSTGRES_BIN")
    fill(Postgres(ours.postgres.url, Path(programs) if programs else None), chosen.finished, 0)
    say(f"beside them, {chosen.seconds:.0f} s")
    return found + idle(ours, f"{chosen.finished:,} finished", chosen.seconds)


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
