#!/usr/bin/env python3
"""Measures lists beside many finished requests: the first page must not cost more because more is finished.

`./dev bench lists` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed
from parts.ours import Ours
from parts.postgres import Postgres
from parts.server import Client, apply_policy, token
from scripts.shell import say

FILL = HERE / "lists" / "fill.sql"
# Requests in one step of filling, so that what it keeps in memory has a bound.
STEP = 250_000
AMY, ADMIN = token("amy"), token("load-admin", ("AWE_ADMIN",))
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
    (ADMIN, "/admin/deliveries?status=exhausted", 50),
    (ADMIN, "/admin/audit?search_text=load", 50),
    (AMY, "/tasks?search_text=nowhere", 50),
    (AMY, "/tasks?status=skipped", 50),
    (ADMIN, "/requests?search_text=nowhere", 50),
    (ADMIN, "/requests?source_service=nobody", 50),
]


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench lists", description=__doc__.splitlines()[0])
    parser.add_argument("--finished", type=int, default=2_000_000, help="finished requests (2000000)")
    parser.add_argument("--open", type=int, default=10_000, help="requests in review (10000)")
    parser.add_argument("--calls", type=int, default=40, help="of each list (40)")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a list is slower than its target")
    found = parser.parse_args(words)
    if min(found.finished, found.open) < 1 or found.calls < 20:
        parser.error("at least one request of each kind and 20 calls: the p95 of fewer says nothing")
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


def p95(client: Client, path: str, bearer: str, calls: int) -> tuple:
    """Milliseconds at the 50th and 95th percentile, after one call that is not counted."""
    client.call("GET", path, None, bearer)
    took = []
    for _ in range(calls):
        begun = time.perf_counter()
        client.call("GET", path, None, bearer)
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.95)]


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    ours = Ours(stack)
    programs = os.environ.get("AWE_POSTGRES_BIN")
    postgres = Postgres(ours.postgres.url, Path(programs) if programs else None)
    server = ours.serve("")
    author = Client(server.port)
    apply_policy(author)
    author.close()
    fill(postgres, chosen.finished, chosen.open)
    # A connection that had rested while the tables were filled would be closed by now.
    client = Client(server.port)
    found = []
    for bearer, path, most in LISTS:
        try:
            found.append((bearer, path, most, *p95(client, path, bearer, chosen.calls)))
        except Failed as failure:
            # A statement that takes too long is answered 503: slower than anything that could be printed.
            say(f"{path}: {failure}")
            client = Client(server.port)
            found.append((bearer, path, most, float("inf"), float("inf")))
    client.close()
    return found


def table(found: list) -> str:
    lines = [f"  {'list':<52}{'p50 ms':>10}{'p95 ms':>10}{'target':>9}"]
    for bearer, path, most, middle, slow in found:
        name = f"{'amy' if bearer == AMY else 'admin'}: {path}"
        lines.append(f"  {name:<52}{middle:>10.1f}{slow:>10.1f}{most:>9}{'' if slow <= most else '   missed'}")
    return "\n".join(lines)


def main(words: list) -> int:
    chosen = options(words)
    try:
        with ExitStack() as stack:
            found = measure(chosen, stack)
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print(table(found))
    return 1 if chosen.strict and any(slow > most for _, _, most, _, slow in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
