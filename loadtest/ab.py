#!/usr/bin/env python3
"""Compares two builds on this machine: the same load in turns, pair by pair.

`./dev bench ab BINARY` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed, phases, stand
from parts.postgres import Postgres
from parts.processes import busy_with_others
from parts.server import Server, apply_policy, serve, sink
from parts.stand import FOLDER
from scripts import shell
from scripts.shell import Interrupted, interrupt, say

DISTURBED = 0.2
MEASURED = {
    "lifecycles/s": lambda load: load["per_second"],
    "create p50 ms": lambda load: load["create_ms"]["med"],
    "decide p50 ms": lambda load: load["decide_ms"]["med"],
    "decide p99 ms": lambda load: load["decide_ms"]["p(99)"],
}
WEBHOOKS = {
    "delivered/s": lambda load: load["loaded"]["delivered_lifecycles_per_second"],
    "webhook p50 ms": lambda load: load["webhooks"]["p50"],
    "webhook p95 ms": lambda load: load["webhooks"]["p95"],
    "webhook p99 ms": lambda load: load["webhooks"]["p99"],
}
LIFECYCLES, EACH_SECOND = 60, 20
"""Of one measurement of webhooks on a machine that has nothing else to do."""


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench ab", description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path, help="the build to compare with, for example of the commit before")
    parser.add_argument("--pairs", type=int, default=8, help="how often both are measured, in turns (8)")
    parser.add_argument("--users", type=int, default=64, help="callers at once (64)")
    parser.add_argument("--duration", default="6s", help="of one measurement (6s)")
    parser.add_argument("--webhooks", action="store_true", help="also webhooks: their time when nothing else goes on, and the rate with four for each lifecycle")
    found = parser.parse_args(words)
    if not found.binary.is_file():
        parser.error(f"{found.binary} is no program")
    if found.pairs < 2:
        parser.error("--pairs: at least 2, or there is no spread")
    return found


class Side:
    """One build with a database and a bus prefix of its own, since their schemas may differ."""

    def __init__(self, name: str, binary: Path, postgres: Postgres, urls: dict, env: dict, stack: ExitStack) -> None:
        self.name = name
        database = f"awe_{name}"
        postgres.create(database)
        urls = {**urls, "DATABASE_URL": postgres.url(database)}
        log = FOLDER / f"ab-{name}.log"
        self.server: Server = stack.enter_context(serve(binary, env, urls, log, nats__prefix=database))
        client = self.server.client()
        apply_policy(client)
        client.close()


def measure(words: argparse.Namespace, stack: ExitStack) -> list:
    """Pairs of loads, of this build and of the other; who goes first changes from pair to pair."""
    ours = Path(os.environ["AWE_BIN"])
    bench, postgres, urls = stand.start(ours, "ab.log", stack)
    postgres.settings()
    builds = (("this", ours), ("other", words.binary))
    sides = [Side(name, binary, postgres, urls, bench.env, stack) for name, binary in builds]
    others = busy_with_others()
    if others > DISTURBED:
        say(f"other programs keep {others:.1f} processors busy: the spread will be large")
    receiver = stack.enter_context(sink(HERE / "sink.py", bench.env, FOLDER / "ab-sink.log")) if words.webhooks else None
    say("warming up")
    for side in sides:
        phases.load(bench, side.server, 16, duration="3s")
    pairs = []
    for number in range(words.pairs):
        found = {}
        for side in sides if number % 2 == 0 else reversed(sides):
            postgres.settle()
            found[side.name] = phases.load(bench, side.server, words.users, duration=words.duration)
            if receiver:
                came = phases.webhook_latency(side.server, receiver, LIFECYCLES, EACH_SECOND)
                if came["events"] < came["wanted"]:
                    raise Failed(f"{came['wanted'] - came['events']} webhooks of `{side.name}` did not come")
                loaded = phases.load_with_webhooks(bench, side.server, receiver, words.users, words.duration)
                if loaded["deliveries"] < loaded["deliveries_wanted"]:
                    raise Failed(f"webhooks of `{side.name}` did not come under load")
                found[side.name].update(webhooks=came, loaded=loaded)
        pairs.append(found)
        this, other = (found[name]["per_second"] for name in ("this", "other"))
        say(f"pair {number + 1}: {this:.0f} and {other:.0f} lifecycles/s, ratio {this / other:.3f}")
    return pairs


def table(pairs: list) -> str:
    lines = [f"  {'':<16}{'this':>10}{'other':>10}   ratio this/other: median (lowest to highest of {len(pairs)} pairs)"]
    measured = MEASURED | (WEBHOOKS if "webhooks" in pairs[0]["this"] else {})
    for name, value in measured.items():
        values = [[value(pair[side]) for pair in pairs] for side in ("this", "other")]
        ratios = sorted(this / other for this, other in zip(*values) if other)
        if not ratios:
            continue
        this, other = map(statistics.median, values)
        spread = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        lines.append(f"  {name:<16}{this:>10.1f}{other:>10.1f}   {spread}")
    wrong = sum(pair[side]["wrong_answers"] for pair in pairs for side in pair)
    return "\n".join(lines + ([f"  {wrong} answers were wrong: these numbers do not count"] if wrong else []))


def main(words: list) -> int:
    chosen = options(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            pairs = measure(chosen, stack)
    except (Failed, shell.Failed) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Interrupted as stop:
        return 128 + stop.number
    print(table(pairs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
