#!/usr/bin/env python3
"""Measures how much one endpoint suffers from another that answers slowly and is owed ten thousand webhooks.

`./dev bench isolation` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed
from parts.ours import Ours, in_threads
from parts.phases import webhook_latency
from parts.processes import Cpu
from parts.server import AS_CALLER, POLICY_KEY, Client, Server, Sink, apply_policy, sink
from scripts.shell import say
from support import database

MOST_RATIO = 2.0
PER_SECOND = 10
EACH = 2  # webhooks of a request on which nobody decides
HEADROOM = 100  # extra requests, whose webhooks may be delivered before the measurement begins
UNPUBLISHED = "select count(*) from unpublished_event"


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench isolation", description=__doc__.splitlines()[0])
    parser.add_argument("--queued", type=int, default=10_000, help="webhooks that wait for the slow endpoint")
    parser.add_argument("--delay", type=float, default=10.0, help="seconds that the slow endpoint takes")
    parser.add_argument("--timeout", type=int, default=15, help="webhook.timeout_seconds: above the delay, or it fails")
    parser.add_argument("--lifecycles", type=int, default=200, help="of the other endpoint, four webhooks each")
    parser.add_argument("--rounds", type=int, default=3, help="alone and beside, so often; the medians count")
    parser.add_argument("--strict", action="store_true", help=f"end with 1 above {MOST_RATIO:g} times the p95 alone")
    return parser.parse_args(words)


def owe(port: int, slow: Sink, webhooks: int) -> None:
    def create(client: Client, number: int) -> None:
        body = {"policy_key": POLICY_KEY, "artifact_type": "load_artifact", "artifact_id": f"slow-{number}"}
        client.call("POST", "/requests", {**body, "callback_url": slow.url}, AS_CALLER)

    in_threads(create, port, count=webhooks // EACH + HEADROOM)


def beside_others(cpu: Cpu, measurement: Callable[[], dict]) -> dict:
    """Runs a measurement; adds the number of processors that programs other than ours kept busy meanwhile."""
    begun = cpu.mark()
    return {**measurement(), "others": cpu.others_since(begun)}


def measure(chosen: argparse.Namespace, log: Path, stack: ExitStack) -> dict:
    ours = Ours(stack, **{"webhook.timeout_seconds": chosen.timeout})
    slow = stack.enter_context(sink(HERE / "sink.py", dict(os.environ), log, chosen.delay))
    other = stack.enter_context(sink(HERE / "sink.py", dict(os.environ), log))
    running = ours.serve("")
    server = Server(running.pid, running.port)
    client = server.client()
    apply_policy(client)
    client.close()
    open_ = f"status = 'pending' and url = '{slow.url}'"
    found: dict = {"alone": [], "beside": [], "owed": []}
    cpu = Cpu([os.getpid()])

    def latency() -> dict:
        # Every measurement starts right after a checkpoint, so that it does not pay for earlier writes.
        database.run(ours.postgres.url, "checkpoint")
        return beside_others(cpu, lambda: webhook_latency(server, other, chosen.lifecycles, PER_SECOND))

    say("warming up")
    webhook_latency(server, other, 20, PER_SECOND)
    for number in range(chosen.rounds):
        say(f"round {number + 1} of {chosen.rounds}: the endpoint alone")
        found["alone"].append(latency())
        say(f"another endpoint is owed {chosen.queued} webhooks and takes {chosen.delay:g} s for each")
        owe(server.port, slow, chosen.queued)
        while int(database.run(ours.postgres.url, UNPUBLISHED)):
            time.sleep(0.2)
        found["owed"].append(int(database.run(ours.postgres.url, f"select count(*) from webhook_delivery where {open_}")))
        say("the endpoint beside it")
        found["beside"].append(latency())
        # The next round starts with no webhook owed.
        database.run(ours.postgres.url, f"update webhook_delivery set status = 'exhausted' where {open_}")
    return found


def table(found: dict) -> tuple[str, bool]:
    lines, medians = ["", f"  {'':<34}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}   ms from commit to receipt"], {}
    for name in ("alone", "beside"):
        for number, one in enumerate(found[name]):
            numbers = "".join(f"{one.get(key, 0):>9.1f}" for key in ("p50", "p95", "p99", "max"))
            owed = f" ({found['owed'][number]} owed to the other)" if name == "beside" else ""
            lines.append(
                f"  {name + owed:<34}{numbers}   {one['events']} of {one['wanted']} webhooks, "
                f"others kept {one['others']:.1f} processors busy"
            )
        p95 = sorted(one["p95"] for one in found[name])
        medians[name] = p95[len(p95) // 2]
    ratio = medians["beside"] / medians["alone"]
    came = all(one["events"] == one["wanted"] for name in ("alone", "beside") for one in found[name])
    lines += [
        "",
        f"  {'yes' if ratio < MOST_RATIO else 'NO ':<4} p95 beside it is under {MOST_RATIO:g} times its value alone: {ratio:.2f}",
        f"  {'yes' if came else 'NO ':<4} every webhook of the endpoint arrived",
    ]
    return "\n".join(lines), came and ratio < MOST_RATIO


def main(words: list) -> int:
    chosen = options(words)
    log = HERE.parent / ".dev" / "isolation.log"
    log.parent.mkdir(exist_ok=True)
    try:
        with ExitStack() as stack:
            found = measure(chosen, log, stack)
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    text, good = table(found)
    print(text)
    return 1 if chosen.strict and not good else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
