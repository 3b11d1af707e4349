#!/usr/bin/env python3
"""Runs a steady load for half an hour and prints each minute what it costs; what grows slowly shows in the last third.

`./dev bench soak` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import stand, targets
from parts.phases import Bench, load
from parts.postgres import Postgres
from parts.processes import memory_mib, rss_mib
from parts.server import Server, apply_policy, serve
from parts.stand import FOLDER
from parts.targets import Target
from scripts.shell import say

MOST_GROWN = 1.5
USERS = 64
WARM_UP = "10s"
DEAD = """
    select json_build_object('dead', coalesce(sum(n_dead_tup), 0), 'live', coalesce(sum(n_live_tup), 0),
        'vacuums', coalesce(sum(autovacuum_count), 0)) from pg_stat_user_tables
"""
HEAD = """
                         create ms        decide ms              memory MiB          dead tuples
  minute  per second    p50     p99     p50     p99      awe  postgres  nats    number  of live  autovacuums"""


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=30, help="(30)")
    parser.add_argument("--rate", type=int, default=300, help="lifecycles begun each second (300)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if not 3 <= found.minutes <= 24 * 60 or not 1 <= found.rate <= 10_000:
        parser.error("--minutes: 3 to 1440, one for each third at least; --rate: 1 to 10000")
    return found


def minute(bench: Bench, server: Server, postgres: Postgres, rate: int) -> dict:
    """Loads for a minute; returns what that cost."""
    found = load(bench, server, USERS, rate=rate, duration="60s")
    beside = memory_mib([bench.services_pid])
    memory = {"awe": rss_mib(server.pid), "postgres": beside.get("postgres", 0), "nats": beside.get("nats-server", 0)}
    return {**found, "memory_mib": memory, **json.loads(postgres.ask(DEAD))}


def line(number: int, one: dict) -> str:
    create, decide, memory = one["create_ms"], one["decide_ms"], one["memory_mib"]
    times = "".join(f"{trend[key]:>8.1f}" for trend in (create, decide) for key in ("med", "p(99)"))
    sizes = f"{memory['awe']:>9.0f}{memory['postgres']:>10.0f}{memory['nats']:>6.0f}"
    dead = f"{one['dead']:>10,}{one['dead'] / max(1, one['live']):>10.0%}{one['vacuums']:>13}"
    late = f"   {one['dropped']} not begun in time" if one["dropped"] else ""
    return f"  {number:>6}{one['per_second']:>12.0f}{times}{sizes}{dead}{late}"


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    binary = Path(os.environ["AWE_BIN"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    bench, postgres, urls = stand.start(binary, "soak.log", stack)
    postgres.settings()
    server = stack.enter_context(serve(binary, bench.env, urls, FOLDER / "awe.log"))
    client = server.client()
    apply_policy(client)
    client.close()
    say("warming up")
    load(bench, server, USERS, rate=chosen.rate, duration=WARM_UP)
    print(HEAD)
    found = []
    for number in range(1, chosen.minutes + 1):
        found.append(minute(bench, server, postgres, chosen.rate))
        print(line(number, found[-1]), flush=True)
    print()
    return judged(found)


def judged(found: list) -> list:
    """The last third beside the first; the median of the minutes, because one stall of the machine says nothing."""
    size = len(found) // 3
    first, last = found[:size], found[-size:]

    def p99(third: list, what: str) -> float:
        return statistics.median(one[f"{what}_ms"]["p(99)"] for one in third)

    def grown(name: str) -> str:
        begin, end = (statistics.median(one["memory_mib"][name] for one in third) for third in (first, last))
        return f"{end - begin:+.0f} MiB"

    wrong, dropped = (sum(one[name] for one in found) for name in ("wrong_answers", "dropped"))
    return [
        *(
            targets.at_most(f"p99 of {what}, last third over first", p99(last, what) / p99(first, what), MOST_GROWN)
            for what in ("create", "decide")
        ),
        Target("wrong answers", f"{wrong}", "0", wrong == 0),
        Target("lifecycles not begun in time", f"{dropped}"),
        *(Target(f"memory of {name}, last third over first", grown(name)) for name in ("awe", "postgres", "nats")),
    ]


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
