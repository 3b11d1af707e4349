#!/usr/bin/env python3
"""What telemetry costs: the same load in turns on servers without it, with metrics, and with traces.

`./dev bench telemetry [BINARY]` builds the release and runs this; with BINARY, a build from before telemetry takes turns
with the others. README.md here says how it is measured.
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
from parts.server import apply_policy, free_port, serve, sink
from parts.stand import FOLDER
from scripts import shell
from scripts.shell import Interrupted, interrupt, say

OFF = "off"
LIMITS = {"before": 0.99, "traces 1 %": 0.97, "traces 100 %": 0.85}
"""The lowest good ratio of each to `off`; of `before`, of `off` to it."""


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench telemetry", description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path, nargs="?", help="a build without telemetry to compare with")
    parser.add_argument("--rounds", type=int, default=8, help="how often each is measured, in turns (8)")
    parser.add_argument("--users", type=int, default=64, help="callers at once (64)")
    parser.add_argument("--duration", default="6s", help="of one measurement (6s)")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a target is missed")
    found = parser.parse_args(words)
    if found.binary and not found.binary.is_file():
        parser.error(f"{found.binary} is no program")
    if found.rounds < 2:
        parser.error("--rounds: at least 2, or there is no spread")
    return found


def variants(words: argparse.Namespace, collector: str) -> dict[str, tuple[Path, dict]]:
    ours = Path(os.environ["AWE_BIN"])
    traces = {"telemetry__otlp_endpoint": collector, "telemetry__metrics_port": 0}
    found = {
        OFF: (ours, {"telemetry__metrics_port": 0}),
        "metrics": (ours, {"telemetry__metrics_port": free_port()}),
        "traces 1 %": (ours, {**traces, "telemetry__sample_ratio": 0.01}),
        "traces 100 %": (ours, {**traces, "telemetry__sample_ratio": 1}),
    }
    return {**found, "before": (words.binary, {})} if words.binary else found


def measure(words: argparse.Namespace, stack: ExitStack) -> list[dict[str, float]]:
    """Lifecycles per second of every variant, round by round; who goes first changes."""
    bench, postgres, urls = stand.start(Path(os.environ["AWE_BIN"]), "telemetry.log", stack)
    postgres.settings()
    program = HERE / "sink.py"
    collector = stack.enter_context(sink(program, bench.env, FOLDER / "telemetry-collector.log"))
    servers = {
        name: side(number, binary, settings, (bench, postgres, urls, stack))
        for number, (name, (binary, settings)) in enumerate(variants(words, f"http://127.0.0.1:{collector.port}").items())
    }
    say("warming up")
    for server in servers.values():
        phases.load(bench, server, 16, duration="3s")
    rounds = []
    for number in range(words.rounds):
        order = list(servers) if number % 2 == 0 else list(reversed(servers))
        found = {}
        for name in order:
            postgres.settle()
            load = phases.load(bench, servers[name], words.users, duration=words.duration)
            if load["wrong_answers"]:
                raise Failed(f"{load['wrong_answers']} answers of `{name}` were wrong")
            found[name] = load["per_second"]
        rounds.append(found)
        say(f"round {number + 1}: " + ", ".join(f"{name} {found[name]:.0f}/s" for name in servers))
    return rounds


def side(number: int, binary: Path, settings: dict, world: tuple):
    """One server with a database of its own."""
    bench, postgres, urls, stack = world
    assert isinstance(postgres, Postgres)
    database = f"awe_telemetry_{number}"
    postgres.create(database)
    urls = {**urls, "DATABASE_URL": postgres.url(database)}
    log = FOLDER / f"telemetry-{number}.log"
    server = stack.enter_context(serve(binary, bench.env, urls, log, nats__prefix=database, **settings))
    client = server.client()
    apply_policy(client)
    client.close()
    return server


def table(rounds: list[dict[str, float]]) -> tuple[str, bool]:
    lines = [f"  {'':<14}{'lifecycles/s':>14}   ratio to `{OFF}`: median (lowest to highest of {len(rounds)})   target"]
    good = True
    for name in rounds[0]:
        here = [found[name] for found in rounds]
        ratios = sorted(found[name] / found[OFF] for found in rounds)
        if name == "before":
            ratios = sorted(1 / ratio for ratio in ratios)
        middle, limit = statistics.median(ratios), LIMITS.get(name)
        good = good and (limit is None or middle >= limit)
        target = "" if limit is None else f">= {limit:.2f}" + ("" if middle >= limit else "  MISSED")
        what = f"{name} (off / before)" if name == "before" else name
        lines.append(f"  {what:<22}{statistics.median(here):>8.0f}   {middle:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})   {target}")
    return "\n".join(lines), good


def main(words: list) -> int:
    chosen = options(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            rounds = measure(chosen, stack)
    except (Failed, shell.Failed) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Interrupted as stop:
        return 128 + stop.number
    text, good = table(rounds)
    print(text)
    return 1 if chosen.strict and not good else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
