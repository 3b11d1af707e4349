#!/usr/bin/env python3
"""Measures what open streams (`GET /stream`) cost one server, and how soon they tell of an event.

`./dev bench streams` builds the release and runs this; README.md here says what is measured and how.
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

from parts import targets
from parts.ours import Ours
from parts.paced import Paced
from parts.processes import PeakRss, rss_mib, seconds_of
from parts.server import APPROVER, Client, apply_policy
from parts.streams import Streams, latency
from parts.targets import Target
from scripts.shell import say
from support import database
from support.waiting import until

MOST_KIB_EACH, MOST_GROWN_MIB, MOST_P95_MS = 64.0, 64.0, 100.0
SETTLE = 2.0
EVENTS = "select count(*) from approval_event"
# The share of a caller (server.max_streams_per_caller).
MOST_EACH = 60


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench streams", description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=1000, help="open streams (1000)")
    parser.add_argument("--told", type=int, default=50, help="of these, streams that every event is told to (50)")
    parser.add_argument("--rate", type=float, default=100, help="lifecycles a second, of five events each (100)")
    parser.add_argument("--seconds", type=float, default=30, help="of load (30)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if not 1 <= found.told <= found.streams <= 1024:
        parser.error("--streams: at most 1024 (server.max_streams); --told: at least 1, and no more than --streams")
    if found.rate <= 0 or not 5 <= found.seconds <= 600:
        parser.error("--rate: above 0; --seconds: 5 to 600")
    return found


def readers(chosen: argparse.Namespace) -> list:
    """Half of those who are told all follow everything, half their own work, all of which is the approver's. The others
    follow their own work and have none, as most open pages do."""
    everything = max(1, chosen.told // 2)
    own = min(chosen.told - everything, MOST_EACH)
    others = chosen.streams - everything - own
    return (
        [(f"watcher-{n}", "") for n in range(everything)]
        + [(APPROVER, "assignee=me")] * own
        + [(f"person-{n}", "assignee=me") for n in range(others)]
    )


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    ours = Ours(stack)
    server = ours.serve("")
    client = Client(server.port)
    apply_policy(client)
    client.close()
    time.sleep(SETTLE)
    alone, wanted = rss_mib(server.pid), readers(chosen)
    told = sum(1 for subject, query in wanted if not query or subject == APPROVER)
    say(f"opening {len(wanted)} streams")
    streams = stack.enter_context(Streams(server.port, wanted))
    time.sleep(SETTLE)
    opened = rss_mib(server.pid)
    say(f"{chosen.rate:g} lifecycles a second for {chosen.seconds:g} s; {told} streams are told of each event")
    spent, begun = seconds_of(server.pid), time.time()
    with PeakRss(server.pid) as peak, Paced(server.port, chosen.rate) as load:
        time.sleep(chosen.seconds)
        ended = time.time()
    share = (seconds_of(server.pid) - spent) / (time.time() - begun) * 100
    events = int(database.run(ours.postgres.url, EVENTS))
    found = all_of(streams, events * told)
    took = latency(found)
    return [
        Target("streams open", f"{len(wanted)}"),
        targets.under("memory of a stream", (opened - alone) * 1024 / len(wanted), MOST_KIB_EACH, "KiB", 1),
        Target("memory: alone, with streams", f"{alone:.0f}, {opened:.0f} MiB"),
        targets.under("memory that events add at the most", max(0.0, peak.mib - opened), MOST_GROWN_MIB, "MiB", 1),
        Target("events committed", f"{events / (ended - begun):,.0f} /s"),
        Target("events told to streams", f"{found['told'] / (ended - begun):,.0f} /s"),
        targets.under("from an event to a stream, p95", took["p95"], MOST_P95_MS, "ms", 0),
        Target("  p50, p99, longest", f"{took['p50']:.0f}, {took['p99']:.0f}, {took['max']:.0f} ms"),
        Target("p95 of create, of decide meanwhile", f"{load.p95('create', begun, ended):.1f}, "
               f"{load.p95('decide', begun, ended):.1f} ms"),
        Target("share of a core of the server", f"{share:.0f} %"),
        targets.at_most("streams cut", found["cut"], 0, digits=0),
        targets.at_most("events that did not come, or came twice", abs(events * told - found["told"]), 0, digits=0),
    ]


def all_of(streams: Streams, wanted: int) -> dict:
    """Waits until all events were told, and sums up what came until then."""
    found = {"latencies": [], "told": 0, "cut": 0}

    def came() -> bool:
        more = streams.counted()
        found["latencies"] += more["latencies"]
        found["told"] += sum(more["events"].values())
        found["cut"] = more["cut"]
        return found["told"] >= wanted or found["cut"] > 0

    until(came, f"{wanted} events are told", 60)
    time.sleep(SETTLE)
    came()
    return found


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
