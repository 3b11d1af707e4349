#!/usr/bin/env python3
"""Webhooks per second with 1, 2 and 4 delivery processes, and what is sent twice after a kill -9 of one of them."""

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
from parts.ours import Ours, in_threads
from parts.server import Client, Sink, apply_policy, lifecycle, sink
from scripts.shell import say

CALL_SECONDS = 0.05
WEBHOOKS_EACH = 4
PROCESSES = (1, 2, 4)
CONCURRENCY = 8
"""webhook.endpoint_concurrency: most webhooks of a process that are under way to one endpoint. It is low, so that the
number of processes is the limit, and not the processors of the machine that all of them share."""
UNRECORDED = 2 * CONCURRENCY
"""webhook.concurrency: webhooks of a process that are under way, or answered and not recorded. After a kill, at most
these are sent twice."""
WITHIN = 300.0


def measure(requests: int, processes: int, kill: bool, log: Path) -> dict:
    """Queues webhooks, then delivers them; with `kill`, one process is killed when half of them have arrived."""
    with ExitStack() as stack:
        # A lease lasts six seconds longer than this; then the webhooks of a killed process are sent again.
        settings = {
            "webhook.timeout_seconds": 2,
            "webhook.endpoint_concurrency": CONCURRENCY,
            "webhook.concurrency": UNRECORDED,
        }
        ours = Ours(stack, **settings)
        receiver = stack.enter_context(sink(HERE / "sink.py", dict(os.environ), log, CALL_SECONDS))
        api = ours.serve("api,relay,sla,resolver")
        first = Client(api.port)
        apply_policy(first)
        first.close()
        in_threads(lambda client, n: lifecycle(client, n, receiver.url) and None, api.port, count=requests)
        wanted = requests * WEBHOOKS_EACH
        workers = [ours.serve("delivery") for _ in range(processes)]
        if kill:
            receiver.wait_for(wanted // 2, WITHIN)
            workers[0].kill()
        found = wait_for_different(receiver, wanted)
        seconds = found["last"] - found["first"]
        return {
            "wanted": wanted,
            "different": found["different"],
            "repeated": found["events"] - found["different"],
            "per_second": found["events"] / seconds,
            "seconds": seconds,
        }


def wait_for_different(receiver: Sink, wanted: int) -> dict:
    deadline = time.monotonic() + WITHIN
    while True:
        found = receiver.received()
        if found["different"] >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def main(words: list) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench scaling", description=__doc__)
    parser.add_argument("--requests", type=int, default=2000, help="each makes four webhooks (default 2000)")
    chosen = parser.parse_args(words)
    log = HERE.parent / ".dev" / "scaling.log"
    log.parent.mkdir(exist_ok=True)
    missing = False
    try:
        for processes, kill in [(n, False) for n in PROCESSES] + [(2, True)]:
            found = measure(chosen.requests, processes, kill, log)
            what = f"{processes} processes" + (", one killed half-way" if kill else "")
            say(
                f"{what}: {found['per_second']:.0f} webhooks/s, {found['different']} of {found['wanted']} came"
                f" in {found['seconds']:.1f} s, {found['repeated']} twice"
            )
            most = UNRECORDED if kill else 0
            missing |= found["different"] < found["wanted"] or found["repeated"] > most
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
