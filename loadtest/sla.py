#!/usr/bin/env python3
"""Measures how long it takes to act on ten thousand deadlines of the same moment, and what decisions notice of it.

`./dev bench sla` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed, targets
from parts.ours import Ours, in_threads
from parts.paced import Paced
from parts.server import AS_CALLER, POLICY, Client, apply_policy, token
from parts.targets import Target
from scripts.shell import say
from support import database

MOST_SECONDS, MOST_RATIO = 5.0, 2.0
BREACH_KEY = "load.breach"
ADMIN = token("load-admin", ("AWE_ADMIN",))
SETTLE, QUIET = 5.0, 10.0
WITHIN = 120.0
# What each way of acting writes differs: `auto_approve` ends the request too.
BREACHES = ("notify", "auto_approve", "auto_reject", "escalate")


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench sla", description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=10_000, help="with the same deadline (10000)")
    parser.add_argument("--on-breach", choices=BREACHES, default="auto_approve", help="(auto_approve)")
    parser.add_argument("--rate", type=float, default=50, help="lifecycles a second beside it (50)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if not 100 <= found.tasks <= 100_000:
        parser.error("--tasks: 100 to 100000")
    return found


def make(port: int, tasks: int, on_breach: str) -> None:
    """Creates requests of one task each, whose deadline is an hour away."""
    stage = {**POLICY["stages"][0], "sla_hours": 1, "on_breach": on_breach}
    if on_breach == "escalate":
        stage["escalation_rules"] = [{"rule_type": "user", "rule_value": {"user_id": "load-head"}}]
    client = Client(port)
    client.call("POST", "/policies", {**POLICY, "policy_key": BREACH_KEY, "stages": [stage]}, ADMIN)
    client.call("POST", f"/policies/{BREACH_KEY}/versions/1/activate", None, ADMIN)
    client.close()

    def create(mine: Client, number: int) -> None:
        body = {"policy_key": BREACH_KEY, "artifact_type": "load_artifact", "artifact_id": f"breach-{number}"}
        mine.call("POST", "/requests", body, AS_CALLER)

    in_threads(create, port, count=tasks)


def move_deadlines(url: str, due: float) -> None:
    """Lets all deadlines pass at the same moment, as an operator may; hours are too long to wait for."""
    moved = f"update approval_task set due_at = to_timestamp({due}) where due_at is not null"
    database.run(url, f"{moved}; checkpoint")


def wait_until_acted_on(url: str, due: float) -> None:
    waiting = f"select exists (select from approval_task where status = 'open' and due_at = to_timestamp({due}))"
    time.sleep(max(0.0, due - time.time()))
    while database.run(url, waiting) == "t":
        if time.time() > due + WITHIN:
            raise Failed(f"deadlines were still not acted on after {WITHIN:.0f} s")
        time.sleep(0.25)


def acted_on(url: str, due: float) -> tuple:
    """How many were acted on, and how many seconds after the deadline the first, the median and the last one was."""
    late = f"extract(epoch from created_at) - {due}"
    order = f"percentile_disc(array[0, 0.5, 1]) within group (order by {late})"
    expired = "from approval_event where event_type = 'task_expired'"
    told = database.run(url, f"select count(*), array_to_string({order}, '|') {expired}")
    count, *seconds = told.split("|")
    return int(count), *map(float, seconds)


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    ours = Ours(stack)
    server, url = ours.serve(""), ours.postgres.url
    client = Client(server.port)
    apply_policy(client)
    client.close()
    say(f"making {chosen.tasks} tasks")
    make(server.port, chosen.tasks, chosen.on_breach)
    due = float(int(time.time() + SETTLE + QUIET) + 1)
    move_deadlines(url, due)
    say("decisions undisturbed, then the deadlines pass")
    with Paced(server.port, chosen.rate) as load:
        wait_until_acted_on(url, due)
        count, first, middle, last = acted_on(url, due)
        # A storm of less than a second has too few decisions beside it for a percentile.
        seen = max(1.0, last)
        time.sleep(max(0.0, due + seen - time.time()))
        quiet, beside = load.p95("decide", due - QUIET, due), load.p95("decide", due, due + seen)
    return [
        Target(f"tasks acted on ({chosen.on_breach})", f"{count:,}", f"{chosen.tasks:,}", count == chosen.tasks),
        Target("none before its time; first, median after", f"{first:.2f}, {middle:.2f} s", ">= 0", first >= 0),
        targets.at_most("until the last was acted on", last, MOST_SECONDS, "s"),
        Target("decisions' p95 undisturbed", f"{quiet:.1f} ms"),
        Target("decisions' p95 meanwhile", f"{beside:.1f} ms"),
        targets.at_most("ratio", beside / quiet, MOST_RATIO),
    ]


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
