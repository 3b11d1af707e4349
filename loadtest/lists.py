#!/usr/bin/env python3
"""Measures lists beside many finished requests: the first page must not cost more because more is finished.

`./dev bench lists` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed, targets
from parts.ours import Ours
from parts.postgres import Postgres
from parts.server import Client, apply_policy, lifecycle, token
from parts.targets import Target
from scripts.shell import say

FILL = HERE / "lists" / "fill.sql"
# Requests in one step of filling, so that what it keeps in memory has a bound.
STEP = 250_000
AMY, ADMIN = token("amy"), token("load-admin", ("AWE_ADMIN",))
# What is beside many finished requests may cost so many times as beside few; less than so many milliseconds more is nothing.
MOST_GROWN, NOTHING_MS = 1.5, 2.0
# Who asks, for what, and within how many milliseconds the slowest but one in twenty should be answered.
LISTS = [
    (AMY, "/tasks?status=open", 20),
    (AMY, "/tasks?status=actionable&sort=due", 50),
    (AMY, "/tasks?overdue=true", 50),
    (AMY, "/tasks", 20),
    (AMY, "/tasks?page=5000", 50),
    (AMY, "/tasks/stats", 20),
    (AMY, "/tasks/stats?status=open", 20),
    (AMY, "/tasks?status=open&search_text=north", 50),
    (ADMIN, "/tasks?assignee=*", 50),
    (ADMIN, "/tasks?assignee=*&status=open", 50),
    (ADMIN, "/tasks?assignee=*&status=open&search_text=nowhere", 50),
    (ADMIN, "/requests", 50),
    (ADMIN, "/requests?status=in_review", 20),
    (ADMIN, "/requests?status=rejected", 50),
    (ADMIN, "/requests?status=expired", 50),
    (ADMIN, "/requests?requester=nobody", 20),
    (ADMIN, "/requests?requester=maker-7&status=approved", 50),
    (ADMIN, "/requests?policy_key=none", 20),
    (ADMIN, "/requests?assignee=amy", 50),
    (ADMIN, "/requests?overdue=true", 50),
    (ADMIN, "/requests?status=in_review&search_text=nowhere", 50),
    (ADMIN, "/requests?artifact_id=artifact-77", 50),
    (ADMIN, "/requests?created_since=2000-01-01T00:00:00Z&search_text=nowhere", 50),
    (ADMIN, "/requests?updated_since=2000-01-01T00:00:00Z", 50),
    (ADMIN, "/admin/deliveries", 50),
    (ADMIN, "/admin/deliveries?status=exhausted", 50),
    (ADMIN, "/admin/deliveries?status=pending", 50),
    (ADMIN, "/admin/deliveries?endpoint=https://nowhere.example", 50),
    (ADMIN, "/admin/deliveries?event_type=request_rejected", 50),
    (ADMIN, "/admin/deliveries?artifact_id=artifact-77", 50),
    (ADMIN, "/admin/endpoints", 50),
    (ADMIN, "/admin/audit", 50),
    (ADMIN, "/admin/audit?actor=nobody", 50),
    (ADMIN, "/admin/audit?search_text=load", 50),
    (ADMIN, "/admin/audit?search_text=nowhere", 50),
    (ADMIN, "/stats/overview", 50),
    (ADMIN, "/events", 50),
    (ADMIN, "/events?types=request_cancelled", 50),
    (AMY, "/events?assignee=me", 50),
    (AMY, "/tasks?search_text=nowhere", 50),
    (AMY, "/tasks?status=skipped", 50),
    (ADMIN, "/requests?search_text=nowhere", 50),
    (ADMIN, "/requests?source_service=nobody", 50),
]


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench lists", description=__doc__.splitlines()[0])
    parser.add_argument("--finished", type=int, default=2_000_000, help="finished requests (2000000)")
    parser.add_argument("--few", type=int, default=100_000, help="finished requests of the first measurement (100000)")
    parser.add_argument("--open", type=int, default=10_000, help="requests in review (10000)")
    parser.add_argument("--calls", type=int, default=40, help="of each list (40)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if min(found.few, found.open) < 1 or found.finished <= found.few or found.calls < 20:
        parser.error("at least one request of each kind, --finished more than --few, and 20 calls: the p95 of fewer says nothing")
    return found


def fill(postgres: Postgres, finished: int, still_open: int) -> None:
    """Writes the requests by SQL, the open ones last."""
    policy = postgres.ask("select id from approval_policy limit 1")
    begun = time.monotonic()
    for done in range(0, finished, STEP):
        step = min(STEP, finished - done)
        last = done + step == finished
        variables = {"policy": policy, "finished": step, "open": still_open if last else 0}
        words = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
        postgres.psql(*words, "-f", FILL, seconds=900)
    say(f"{finished} finished and {still_open} open requests were written in {time.monotonic() - begun:.0f} s")


def p95(call: Callable[[], object], calls: int) -> tuple:
    """Milliseconds at the 50th and 95th percentile, after one call that is not counted."""
    call()
    took = []
    for _ in range(calls):
        begun = time.perf_counter()
        call()
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.95)]


def each_list(port: int, calls: int) -> list:
    """The percentiles of each list, in the order of LISTS."""
    client, found = Client(port), []
    for bearer, path, _ in LISTS:
        try:
            found.append(p95(lambda: client.call("GET", path, None, bearer), calls))
        except Failed as failure:
            # A statement that takes too long is answered 503: slower than anything that could be printed.
            say(f"{path}: {failure}")
            client = Client(port)
            found.append((float("inf"), float("inf")))
    client.close()
    return found


def each_write(port: int, calls: int) -> tuple:
    """The percentiles of one create with its decision."""
    client, numbers = Client(port), itertools.count()
    found = p95(lambda: lifecycle(client, f"beside-{next(numbers)}"), calls)
    client.close()
    return found


def row_of(name: str, few: tuple, many: tuple, most: float | None) -> Target:
    """One row of the table: it is met when many finished requests leave it under its bound, and as fast as few did."""
    grown = many[1] > max(MOST_GROWN * few[1], few[1] + NOTHING_MS)
    found = f"{few[0]:.1f} {few[1]:.1f}   {many[0]:.1f} {many[1]:.1f}"
    return Target(name, found, f"<= {most}" if most else "", (most is None or many[1] <= most) and not grown)


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    ours = Ours(stack)
    programs = os.environ.get("AWE_POSTGRES_BIN")
    postgres = Postgres(ours.postgres.url, Path(programs) if programs else None)
    server = ours.serve("")
    author = Client(server.port)
    apply_policy(author)
    author.close()
    found = []
    for finished, still_open in ((chosen.few, chosen.open), (chosen.finished - chosen.few, 0)):
        fill(postgres, finished, still_open)
        found.append([*each_list(server.port, chosen.calls), each_write(server.port, chosen.calls)])
    few, many = found
    names = [(f"{'amy' if bearer == AMY else 'admin'}: {path}", most) for bearer, path, most in LISTS]
    head = Target(f"milliseconds (p50 p95), beside {chosen.few:,} and {chosen.finished:,}", "")
    rows = zip([*names, ("create and decide", None)], few, many)
    return [head, *(row_of(name, before, after, most) for (name, most), before, after in rows)]


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
