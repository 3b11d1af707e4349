#!/usr/bin/env python3
"""How long create and decide take with NATS, and with NATS killed."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts.ours import Ours, in_threads
from parts.server import Client, apply_policy, lifecycle
from scripts.shell import say

WARM_UP = 2.0


def p95(port: int, seconds: float) -> float:
    """Milliseconds of a create and of a decision, at the 95th percentile."""
    took: list = []

    def one(client: Client, number: int) -> None:
        begun = time.perf_counter()
        lifecycle(client, number)
        took.append((time.perf_counter() - begun) * 1000)

    in_threads(one, port, seconds=seconds)
    return sorted(took)[int(len(took) * 0.95)]


def main(words: list) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench degraded", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement (default 8)")
    seconds = parser.parse_args(words).seconds
    with ExitStack() as stack:
        ours = Ours(stack)
        server = ours.serve("")
        client = Client(server.port)
        apply_policy(client)
        client.close()
        p95(server.port, WARM_UP)
        before = p95(server.port, seconds)
        ours.nats.kill()
        without = p95(server.port, seconds)
        ours.nats.start()
        after = p95(server.port, seconds)
    say(f"create and decide, p95: {before:.1f} ms with NATS, {without:.1f} ms without, {after:.1f} ms when it is back")
    say(f"ratio without NATS: {without / before:.2f} (promised: at most 2)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
