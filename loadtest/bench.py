#!/usr/bin/env python3
"""Measures AWE on this machine, beside what the same machine can do with hand-made batched SQL.

`./dev bench` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True

import argparse
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from parts import Failed, limit, phases, report, stand
from parts.postgres import Postgres, per_lifecycle
from parts.processes import busy_with_others
from parts.server import apply_policy, lifecycle, serve, sink
from parts.stand import FOLDER
from scripts import shell
from scripts.shell import DEV, TARGET, Interrupted, interrupt, say

LIMIT_DATABASE = "awe_limit"
COUNTED = 200  # lifecycles that the rows are counted for
USERS = (16, 64)
OTHERS = """Single properties, each with --help: ./dev bench ab BINARY (this build beside another), writes, lists,
scaling, isolation, degraded (NATS away), sla (a storm of deadlines), recovery (what was owed is caught up), idle, soak
(half an hour of steady load). loadtest/README.md says what each measures."""


class Plan:
    """How long everything takes."""

    def __init__(self, quick: bool) -> None:
        self.limit_clients = [2, 4, 8] if quick else [1, 2, 4, 8]
        self.limit_seconds = 3 if quick else 8
        self.warmup, self.load = ("2s", "5s") if quick else ("5s", "20s")
        self.webhooks = 60 if quick else 200
        self.settle = 1.0 if quick else 5.0
        self.requests = 5_000 if quick else 100_000


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Measures the release build on this machine.", epilog=OTHERS
    )
    parser.add_argument("--quick", action="store_true", help="two minutes: rough numbers")
    parser.add_argument("--requests", type=int, help="finished requests before memory is read (100000; quick: 5000)")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a target is missed")
    found = parser.parse_args(words)
    if found.requests is not None and found.requests < 1000:
        parser.error("--requests: at least 1000, or there is nothing to see")
    return found


class Limits:
    """The limit of the machine: for each number of users around their load, for any number around everything."""

    def __init__(self, postgres: Postgres, plan: Plan) -> None:
        self.postgres, self.seconds = postgres, plan.limit_seconds
        self.batches = {f"vus_{users}": limit.for_users(users) for users in USERS}
        self.batches["any"] = limit.for_any(plan.limit_clients)
        self.found: dict = {name: [] for name in self.batches}
        limit.prepare(postgres, LIMIT_DATABASE)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        self.measure(name)
        yield
        self.measure(name)

    def measure(self, name: str) -> None:
        say(f"the machine's own limit ({name}): hand-made batched SQL")
        self.found[name].append(limit.measure(self.postgres, LIMIT_DATABASE, self.batches[name], self.seconds))

    def described(self) -> dict:
        return {
            name: {
                "per_second": sum(measured.best for measured in tries) / len(tries),
                "tries": [measured.described() for measured in tries],
            }
            for name, tries in self.found.items()
        }


def rows_of_both(postgres: Postgres, client) -> dict:
    """The rows of one lifecycle, as the server writes them and as the limit does."""
    postgres.wait_until_published()
    before = postgres.written()
    for number in range(COUNTED):
        lifecycle(client, f"counted-{number}")
    postgres.wait_until_published()
    by_server = per_lifecycle(before, postgres.written(), COUNTED)
    done = int(postgres.ask("select count(*) from approval_request", LIMIT_DATABASE))
    by_limit = per_lifecycle({}, postgres.written(LIMIT_DATABASE), done)
    sizes = {"server": postgres.row_sizes(), "limit": postgres.row_sizes(LIMIT_DATABASE)}
    return {"server": by_server, "limit": by_limit, "bytes_per_row": sizes, "counted": COUNTED}


def counted(postgres: Postgres, bench: phases.Bench, server, users: int, duration: str) -> dict:
    """Runs a load and counts the requests approved meanwhile in the database: k6 looks only at status codes."""
    approved = "select count(*) from approval_request where status = 'approved'"
    postgres.settle()
    before = int(postgres.ask(approved))
    load = phases.load(bench, server, users, duration=duration)
    return {**load, "approved": int(postgres.ask(approved)) - before}


def measure(words: argparse.Namespace, plan: Plan, found: dict, stack: ExitStack) -> None:
    binary = Path(os.environ.get("AWE_BIN") or TARGET / "release" / "awe")
    if not binary.is_file():
        raise Failed("there is no release build: `./dev bench` makes it")
    bench, postgres, urls = stand.start(binary, "bench.log", stack)
    env, log = bench.env, bench.log
    found["postgres"] = {"version": postgres.version(), **postgres.settings()}
    others = busy_with_others()
    if others > 0.2:
        found["notes"].append(f"other programs kept {others:.1f} processors busy at the start: expect lower numbers")

    limits = Limits(postgres, plan)
    limits.measure("any")

    receiver = stack.enter_context(sink(HERE / "sink.py", env, log))
    with serve(binary, env, urls, FOLDER / "awe.log") as server:
        client = server.client()
        apply_policy(client)
        say("warming up")
        phases.load(bench, server, 16, duration=plan.warmup)
        found["rows"] = rows_of_both(postgres, client)
        client.close()
        say("webhooks on an idle machine")
        found["webhook_idle_ms"] = phases.webhook_latency(server, receiver, plan.webhooks, 20)
        for users in USERS:
            with limits.around(f"vus_{users}"):
                say(f"{users} users")
                found[f"vus_{users}"] = counted(postgres, bench, server, users, plan.load)
        say("64 users with webhooks")
        postgres.settle()
        found["vus_64_webhooks"] = phases.load_with_webhooks(bench, server, receiver, 64, plan.load)
    requests = words.requests or plan.requests
    say(f"memory over {requests} finished requests")
    with serve(binary, env, urls, FOLDER / "awe.log") as server:
        found["memory"] = phases.memory(bench, server, requests, plan.settle)

    limits.measure("any")
    found["limit"] = limits.described()
    for users in USERS:
        load = found[f"vus_{users}"]
        load["ratio"] = load["per_second"] / found["limit"][f"vus_{users}"]["per_second"]
        load["ratio_to_any"] = load["per_second"] / found["limit"]["any"]["per_second"]
    found["verdicts"] = report.verdicts(found)


def main(words: list) -> int:
    chosen = options(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict = {"machine": report.machine(), "quick": chosen.quick, "notes": []}
    try:
        with ExitStack() as stack:
            measure(chosen, Plan(chosen.quick), found, stack)
    except (Failed, shell.Failed) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Interrupted as stop:
        return 128 + stop.number
    report.write(found, FOLDER / "report.json")
    print(report.table(found))
    print(f"\n  all numbers: {(FOLDER / 'report.json').relative_to(DEV.parent)}")
    return 1 if chosen.strict and not all(found["verdicts"].values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
