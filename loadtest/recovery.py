#!/usr/bin/env python3
"""Measures how fast what was owed is caught up, after a time without NATS and without the receiver of webhooks.

`./dev bench recovery` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed, targets
from parts.ours import Ours
from parts.paced import Paced
from parts.phases import EVENTS_WITH_WEBHOOK, Bench, load
from parts.server import Client, Server, Sink, apply_policy, free_port, sink
from parts.stand import FOLDER
from parts.targets import Target
from scripts import tools
from scripts.shell import say
from support import database

EVENTS_PER_SECOND, WEBHOOKS_PER_SECOND = 10_000, 3_000
USERS = 32
QUIET = 10.0
# A webhook that was tried while the receiver was away waits for its next attempt, so the last ones say nothing about
# the rate.
CAUGHT_UP = 0.99
# The circuit of an endpoint is open for up to 30 s after its receiver is back; the rest is for a slow machine.
FIRST_WITHIN, ALL_WITHIN = 60.0, 600.0
UNPUBLISHED = "select count(*) from approval_event where published_at is null"
OWED = "select count(*) from webhook_delivery where status = 'pending'"


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench recovery", description=__doc__.splitlines()[0])
    parser.add_argument("--owed", type=int, help="webhooks, and at least as many events (100000)")
    parser.add_argument("--quick", action="store_true", help="10000 of each")
    parser.add_argument("--rate", type=float, default=50, help="lifecycles a second beside it (50)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    found.owed = found.owed or (10_000 if found.quick else 100_000)
    if not 1000 <= found.owed <= 1_000_000:
        parser.error("--owed: 1000 to 1000000")
    return found


@dataclass
class Drain:
    """How something owed was caught up; `first` seconds passed until it began."""

    owed: int
    first: float
    begin: float
    end: float
    done: float

    @property
    def per_second(self) -> float:
        return self.owed * self.done / max(self.end - self.begin, 0.001)


def count(ours: Ours, sql: str) -> int:
    return int(database.run(ours.postgres.url, sql))


def drain_events(ours: Ours) -> Drain:
    """Starts NATS and waits until everything is published; when that was stands in the rows."""
    owed = count(ours, UNPUBLISHED)
    ours.nats.start()
    back = time.time()
    while count(ours, UNPUBLISHED) > owed * (1 - CAUGHT_UP):
        if time.time() > back + ALL_WITHIN:
            raise Failed(f"events were still not published {ALL_WITHIN:.0f} s after NATS was back")
        time.sleep(0.25)
    place = round(owed * CAUGHT_UP) - 1
    since = f"extract(epoch from published_at) from approval_event where published_at >= to_timestamp({back}) order by 1"
    found = database.run(ours.postgres.url, f"select {since} limit 1; select {since} offset {place} limit 1")
    begin, end = map(float, found.split())
    return Drain(owed, begin - back, begin, end, CAUGHT_UP)


def drain_webhooks(ours: Ours, log: Path, port: int, stack: ExitStack) -> tuple[Drain, Sink]:
    """Starts the receiver and waits until nearly everything has come."""
    owed = count(ours, OWED)
    receiver = stack.enter_context(sink(HERE / "sink.py", dict(os.environ), log, port=port))
    back, wanted = time.time(), round(owed * CAUGHT_UP)
    while (found := receiver.count())["different"] < wanted:
        waited = time.time() - back
        if waited > ALL_WITHIN or (waited > FIRST_WITHIN and not found["events"]):
            raise Failed(f"{found['different']} of {owed} webhooks had come {waited:.0f} s after the receiver was back")
        time.sleep(0.1)
    return Drain(owed, found["first"] - back, found["first"], found["last"], found["different"] / owed), receiver


def owe(ours: Ours, server: Server, log: Path, port: int, webhooks: int) -> None:
    """Runs lifecycles whose webhooks go to a port on which nobody listens."""
    k6 = Path(os.environ.get("K6_BIN") or tools.k6())
    bench = Bench(k6, dict(os.environ), FOLDER, log, ours.postgres.child.pid)
    lifecycles = -(-webhooks // EVENTS_WITH_WEBHOOK)
    made = load(bench, server, USERS, f"http://127.0.0.1:{port}/hook", iterations=lifecycles)
    if made["lifecycles"] != lifecycles:
        raise Failed(f"{made['lifecycles']} of {lifecycles} lifecycles were done: see {log}")


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = FOLDER / "recovery.log"
    log.write_text("")
    ours = Ours(stack)
    running = ours.serve("")
    server, port = Server(running.pid, running.port), free_port()
    client = Client(server.port)
    apply_policy(client)
    client.close()
    say("create and decide undisturbed")
    with Paced(server.port, chosen.rate) as calls:
        before = undisturbed(calls)
    say(f"NATS and the receiver are away while {chosen.owed} webhooks come to be owed")
    ours.nats.kill()
    owe(ours, server, log, port, chosen.owed)
    database.run(ours.postgres.url, "checkpoint")
    with Paced(server.port, chosen.rate) as calls:
        say("NATS is back")
        events = drain_events(ours)
        # At least a second, because there are too few calls for a percentile in less.
        time.sleep(max(0.0, events.begin + 1.0 - time.time()))
        beside_events = latencies(calls, events.begin, max(events.end, events.begin + 1.0))
        say("the receiver is back")
        webhooks, receiver = drain_webhooks(ours, log, port, stack)
        beside_webhooks = latencies(calls, webhooks.begin, max(webhooks.end, webhooks.begin + 1.0))
        say("create and decide undisturbed again")
        after = undisturbed(calls)
    # Both sides of the measurement, because what else the machine does changes within minutes.
    alone = {what: (before[what] + after[what]) / 2 for what in before}
    waiting = count(ours, OWED)
    lost = webhooks.owed - receiver.count()["different"] - waiting
    return [
        *lines("events", events, EVENTS_PER_SECOND, alone, beside_events),
        *lines("webhooks", webhooks, WEBHOOKS_PER_SECOND, alone, beside_webhooks),
        Target("webhooks that wait for their next attempt", f"{waiting:,}"),
        Target("webhooks that neither came nor are owed", f"{max(0, lost):,}", "0", lost <= 0),
    ]


def undisturbed(calls: Paced) -> dict:
    time.sleep(2.0)
    begin = time.time()
    time.sleep(QUIET)
    return latencies(calls, begin, time.time())


def latencies(calls: Paced, begin: float, end: float) -> dict:
    return {what: calls.p95(what, begin, end) for what in ("create", "decide")}


def lines(name: str, drain: Drain, wanted: float, alone: dict, beside: dict) -> list:
    found = [
        targets.at_least(f"{drain.owed:,} {name}", drain.per_second, wanted, "/s"),
        Target("  began after, took", f"{drain.first:.1f} s, {drain.end - drain.begin:.1f} s"),
    ]
    for what, ms in beside.items():
        figures = f"{ms:.1f}, {alone[what]:.1f} ms, x {ms / alone[what]:.2f}"
        found.append(Target(f"  p95 of {what} meanwhile, undisturbed", figures))
    return found


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
