"""The single measurements of a run."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from parts import Failed
from parts.processes import Cpu, PeakRss, end, memory_mib, rss_mib
from parts.server import POLICY_KEY, Server, Sink, lifecycle
from scripts import servers
from scripts.shell import say

SCENARIO = Path(__file__).resolve().parent.parent / "scenarios" / "lifecycle" / "lifecycle.js"
# k6 shares the processors with what it measures, so it may use memory instead, and at most half of the processors. It
# needs less, and on two processors it spent a tenth of its time on moving work between them.
FRUGAL = {"GOGC": "off", "GOMEMLIMIT": "3GiB", "GOMAXPROCS": str(max(1, (os.cpu_count() or 2) // 2))}
EVENTS_WITH_WEBHOOK = 4  # request_created, stage_started, stage_completed, request_approved
THRESHOLD_MISSED = 99
SLOW_MS = 100
STEPS = 5


@dataclass
class Bench:
    """What all measurements need."""

    k6: Path
    env: dict
    folder: Path
    log: Path
    services_pid: int


def load(bench: Bench, server: Server, vus: int, callback_url: str = "", sink: Sink | None = None, **bound) -> dict:
    """Runs the scenario, `duration` long or `iterations` times; returns k6's numbers and who used the processors."""
    summary = bench.folder / "summary.json"
    summary.unlink(missing_ok=True)
    settings = {"BASE_URL": server.base_url, "VUS": vus, "CALLBACK_URL": callback_url, "SUMMARY": summary}
    settings["POLICY_KEY"] = POLICY_KEY
    settings.update({name.upper(): value for name, value in bound.items()})
    command = [bench.k6, "run", "--quiet", "--no-usage-report", "--no-color", "--address", "", SCENARIO]
    env = {**bench.env, **FRUGAL, **{name: str(value) for name, value in settings.items() if value != ""}}
    roots = [server.pid, bench.services_pid, *([sink.pid] if sink else [])]
    spent: dict = {}
    with bench.log.open("a") as log, Cpu(roots).during(spent):
        words = [str(word) for word in command]
        process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            code = process.wait(900)
        finally:
            end(process)
    if code not in (0, THRESHOLD_MISSED) or not summary.is_file():
        raise Failed(f"k6 ended with {code}:\n{servers.tail(bench.log)}")
    shares = {"webhook sink" if name.startswith("python") else name: part for name, part in spent["shares"].items()}
    found = {"vus": vus, **json.loads(summary.read_text()), "processor_shares": shares}
    found["busy_with_others"] = spent["others"]
    if found["wrong_answers"]:
        say(f"{found['wrong_answers']} answers were wrong: these numbers do not count; see {bench.log}")
    return found


def load_with_webhooks(bench: Bench, server: Server, sink: Sink, vus: int, duration: str) -> dict:
    """Like `load`, but also waits for the last webhook."""
    sink.reset()
    begun = time.time()
    found = load(bench, server, vus, sink.url, sink, duration=duration)
    wanted = EVENTS_WITH_WEBHOOK * found["lifecycles"]
    came = sink.wait_for(wanted, 120)
    passed = max(came["last"] - begun, found["seconds"])
    found["deliveries"] = came["events"]
    found["deliveries_wanted"] = wanted
    found["delivered_seconds"] = round(passed, 2)
    found["delivered_lifecycles_per_second"] = came["events"] / EVENTS_WITH_WEBHOOK / passed
    found["webhook_ms"] = percentiles(came["latencies_ms"])
    return found


def webhook_latency(server: Server, sink: Sink, lifecycles: int, per_second: float) -> dict:
    """Runs one lifecycle after the other, slowly, and measures from commit to receipt while nothing else goes on."""
    client = server.client()
    sink.reset()
    due = time.monotonic()
    for number in range(lifecycles):
        lifecycle(client, f"idle-{number}", sink.url)
        due += 1 / per_second
        time.sleep(max(0.0, due - time.monotonic()))
    client.close()
    wanted = EVENTS_WITH_WEBHOOK * lifecycles
    came = sink.wait_for(wanted, 30)
    found = {"lifecycles": lifecycles, "events": came["events"], "wanted": wanted}
    # This shows whether slow webhooks came at the beginning or now and then.
    slow = {number: ms for number, ms in enumerate(came["latencies_ms"]) if ms > SLOW_MS}
    return {**found, **percentiles(came["latencies_ms"]), "slow": slow}


def memory(bench: Bench, server: Server, requests: int, settle: float) -> dict:
    """Memory of a fresh server: idle, and after each fifth of the requests; and of PostgreSQL and NATS beside it."""
    time.sleep(settle)
    idle, readings, finished = rss_mib(server.pid), [], 0
    with PeakRss(server.pid) as peak:
        for _ in range(STEPS):
            ran = load(bench, server, 64, iterations=requests // STEPS)
            time.sleep(settle)
            finished += ran["lifecycles"]
            reading = {"requests": finished, "mib": rss_mib(server.pid), "per_second": ran["per_second"]}
            readings.append({**reading, "beside": memory_mib([bench.services_pid])})
    first, last = readings[0], readings[-1]
    grown = last["mib"] - first["mib"]
    each = grown * 2**20 / max(1, last["requests"] - first["requests"])
    return {"idle_mib": idle, "readings": readings, "peak_mib": peak.mib, "grown_mib": grown, "bytes_per_request": each}


def percentiles(values: list) -> dict:
    """p50, p95, p99 and maximum."""
    if not values:
        return {}
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    return {"p50": at(0.50), "p95": at(0.95), "p99": at(0.99), "max": ordered[-1]}
