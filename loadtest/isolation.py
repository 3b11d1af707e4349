#!/usr/bin/env python3
"""Measures what one endpoint notices of another that answers slowly and is owed ten thousand webhooks.

`./dev bench isolation` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True

import argparse
import os
import signal
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from parts import Failed, report
from parts.phases import webhook_latency
from parts.postgres import Postgres
from parts.processes import busy_with_others
from parts.server import AS_CALLER, POLICY_KEY, Server, Sink, apply_policy, serve, sink
from scripts import servers, shell, tools
from scripts.shell import DEV, TARGET, Interrupted, interrupt, remove_data, say

FOLDER = DEV / "bench"
SERVICES = DEV / "bench-services"
MOST_RATIO = 2.0
PER_SECOND = 10
EACH = 2  # webhooks of a request that nobody decides


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench isolation", description=__doc__.splitlines()[0])
    parser.add_argument("--queued", type=int, default=10_000, help="webhooks that wait for the slow endpoint")
    parser.add_argument("--delay", type=float, default=10.0, help="seconds that the slow endpoint takes")
    parser.add_argument("--timeout", type=int, default=15, help="webhook.timeout_seconds: above the delay, or it fails")
    parser.add_argument("--lifecycles", type=int, default=200, help="of the other endpoint, four webhooks each")
    parser.add_argument("--rounds", type=int, default=3, help="alone and beside, so often; the medians count")
    parser.add_argument("--strict", action="store_true", help=f"end with 1 above {MOST_RATIO:g} times the p95 alone")
    return parser.parse_args(words)


def owe(server: Server, slow: Sink, webhooks: int) -> None:
    client = server.client()
    for number in range(webhooks // EACH + 1):
        body = {"policy_key": POLICY_KEY, "artifact_type": "load_artifact", "artifact_id": f"slow-{number}"}
        client.call("POST", "/requests", {**body, "callback_url": slow.url}, AS_CALLER)
    client.close()


def waiting(postgres: Postgres, slow: Sink) -> int:
    return int(postgres.ask(f"select count(*) from webhook_delivery where status = 'pending' and url = '{slow.url}'"))


def measure(chosen: argparse.Namespace, stack: ExitStack) -> dict:
    programs = {**tools.servers(own=True)}
    binary = Path(os.environ.get("AWE_BIN") or TARGET / "release" / "awe")
    env = {**servers.without_settings(dict(os.environ)), **programs}
    log = FOLDER / "isolation.log"
    log.write_text("")
    stack.enter_context(servers.only_one("bench"))
    servers.stop_left_over(SERVICES)
    remove_data(SERVICES)
    stack.callback(remove_data, SERVICES)
    wanted = ("DATABASE_URL", "NATS_URL")
    urls = stack.enter_context(servers.awe_dev(SERVICES.name, ["--services-only"], wanted, env, binary))
    bin_dir = env.get("AWE_POSTGRES_BIN")
    postgres = Postgres(urls["DATABASE_URL"], Path(bin_dir) if bin_dir else None)
    slow = stack.enter_context(sink(HERE / "sink.py", env, log, chosen.delay))
    other = stack.enter_context(sink(HERE / "sink.py", env, log))
    settings = {"webhook__timeout_seconds": chosen.timeout}
    found: dict = {"alone": [], "beside": [], "owed": [], "busy_with_others": []}
    server = stack.enter_context(serve(binary, env, urls, FOLDER / "isolation-awe.log", **settings))
    client = server.client()
    apply_policy(client)
    client.close()
    say("warming up")
    webhook_latency(server, other, 20, PER_SECOND)
    for number in range(chosen.rounds):
        found["busy_with_others"].append(busy_with_others())
        say(f"round {number + 1} of {chosen.rounds}: the endpoint alone")
        found["alone"].append(webhook_latency(server, other, chosen.lifecycles, PER_SECOND))
        say(f"another endpoint is owed {chosen.queued} webhooks and takes {chosen.delay:g} s for each")
        owe(server, slow, chosen.queued)
        postgres.wait_until_published()
        found["owed"].append(waiting(postgres, slow))
        say("the endpoint beside it")
        found["beside"].append(webhook_latency(server, other, chosen.lifecycles, PER_SECOND))
        # The next round starts without a debt.
        postgres.ask(f"update webhook_delivery set status = 'exhausted' where status = 'pending' and url = '{slow.url}'")
    return found


def table(found: dict) -> tuple[str, bool]:
    lines, medians = ["", f"  {'':<34}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}   webhooks, ms from commit to receipt"], {}
    for name in ("alone", "beside"):
        for number, one in enumerate(found[name]):
            numbers = "".join(f"{one.get(key, 0):>9.1f}" for key in ("p50", "p95", "p99", "max"))
            owed = f" ({found['owed'][number]} owed to the other)" if name == "beside" else ""
            lines.append(f"  {name + owed:<34}{numbers}   {one['events']} of {one['wanted']}")
        p95 = sorted(one["p95"] for one in found[name])
        medians[name] = p95[len(p95) // 2]
    ratio = medians["beside"] / medians["alone"]
    came = all(one["events"] == one["wanted"] for name in ("alone", "beside") for one in found[name])
    others = ", ".join(f"{busy:.1f}" for busy in found["busy_with_others"])
    lines += [
        "",
        f"  {'yes' if ratio < MOST_RATIO else 'NO ':<4} p95 beside it is under {MOST_RATIO:g} times its value alone: {ratio:.2f}",
        f"  {'yes' if came else 'NO ':<4} every webhook of the endpoint arrived",
        f"  processors that other programs kept busy before each round: {others}",
    ]
    return "\n".join(lines), came and ratio < MOST_RATIO


def main(words: list) -> int:
    chosen = options(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            found = measure(chosen, stack)
    except (Failed, shell.Failed) as failure:
        print(f"bench isolation: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Interrupted as stop:
        return 128 + stop.number
    report.write(found, FOLDER / "isolation.json")
    text, good = table(found)
    print(text)
    return 1 if chosen.strict and not good else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
