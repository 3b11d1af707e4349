#!/usr/bin/env python3
"""Measures the data custodian: grants and nonces per second, and how soon an approved grant is active.

`./dev bench custodian` builds the release of it and of AWE and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Callable
from urllib.parse import urlencode

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import targets
from parts.ours import Ours
from parts.targets import Target
from scripts.shell import say
from support import custodian, database
from support.waiting import until

FAST = {"backchannel.rate_per_second": 1_000_000, "backchannel.burst": 1_000_000}
BROWSER = "b" * 22
POLICY = "custodian.gated_party"
# From AWE's own moment of the approval to the commit that made the grant active; both clocks are PostgreSQL's.
DECIDED = "select request_id, extract(epoch from created_at) as at from approval_event where event_type = 'request_approved'"
ACTIVE = """select a.awe_request_id as request_id, extract(epoch from c.changed_at) as at from authorization_changes c
    join authorizations a on a.id = c.authorization_id where c.status = 'ACTIVE' and a.awe_request_id is not null"""


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench custodian", description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=16, help="who ask at once (16)")
    parser.add_argument("--seconds", type=float, default=20, help="of each load (20)")
    parser.add_argument("--approvals", type=int, default=300, help="grants that are approved (300)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if not 1 <= found.clients <= 64 or not 2 <= found.seconds <= 300 or not 10 <= found.approvals <= 5000:
        parser.error("--clients: 1 to 64; --seconds: 2 to 300; --approvals: 10 to 5000")
    return found


class Bench:
    """AWE and one custodian, each with a database of its own in one PostgreSQL."""

    def __init__(self, stack: ExitStack) -> None:
        ours = Ours(stack)
        self.awe_url, self.url = ours.postgres.url, ours.postgres.url_of("data_custodian")
        self.awe = ours.serve("")
        settings = {
            "database.url": self.url, "nats.url": ours.nats.url, "awe.url": f"http://127.0.0.1:{self.awe.port}", **FAST,
        }  # fmt: skip
        for words in (["migrate", "--create"], ["seed"]):
            done = custodian.run(words, settings)
            assert done.returncode == 0, done.stdout
        with self.awe.admin() as admin:
            admin.post("/policies", json.loads(custodian.POLICY.read_text())).expect(201)
            admin.post(f"/policies/{POLICY}/versions/1/activate").expect(200)
        self.custodian = custodian.Custodian(settings, ours.folder / "custodian.log")
        stack.callback(self.custodian.stop)


def load(clients: int, seconds: float, port: int, work: Callable[[http.client.HTTPConnection, int], None]) -> tuple:
    """Repeats the work in as many threads; returns how often it was done a second, and how long each took in ms."""
    took: list[float] = []
    lock, deadline = threading.Lock(), time.monotonic() + seconds

    def loop(thread: int) -> None:
        connection, own, number = http.client.HTTPConnection("127.0.0.1", port, timeout=30), [], thread
        while time.monotonic() < deadline:
            began = time.perf_counter()
            work(connection, number)
            own.append((time.perf_counter() - began) * 1000)
            number += clients
        connection.close()
        with lock:
            took.extend(own)

    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        for one in [pool.submit(loop, thread) for thread in range(clients)]:
            one.result()
    return len(took) / (time.monotonic() - began), took


def quantiles(took: list) -> tuple:
    parts = statistics.quantiles(took, n=100)
    return parts[49], parts[94]


def figures(what: str, rate: float, took: list) -> list:
    p50, p95 = quantiles(took)
    return [
        Target(f"{what} per second", f"{rate:,.0f}"),
        Target(f"{what}: p50, p95", f"{p50:.1f} ms, {p95:.1f} ms"),
    ]


def provisioning(bench: Bench, chosen: argparse.Namespace) -> list:
    say(f"{chosen.clients} clients have grants stored for {chosen.seconds:g} s")
    credential = base64.b64encode(f"{custodian.USER}:{custodian.SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {credential}", "Content-Type": "application/json"}
    body = json.dumps(custodian.grant(client_id="third_party")).encode()

    def work(connection: http.client.HTTPConnection, _number: int) -> None:
        connection.request("POST", custodian.SUBSCRIPTIONS, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 201, text

    rate, took = load(chosen.clients, chosen.seconds, bench.custodian.internal, work)
    stored = int(database.run(bench.url, "select count(*) from authorizations"))
    assert stored == len(took), f"{len(took)} grants were answered 201 and {stored} are stored"
    return figures("grants", rate, took)


def form() -> bytes:
    """A form that denies, for a token of its own: its hidden field is what the page would have held."""
    token, key = custodian.outbound(custodian.KEY, "https://as.example.com/continue", scope="FB=4_5"), custodian.KEY.encode()
    sealed = b"csrf:" + b"".join(len(part).to_bytes(8, "big") + part.encode() for part in (BROWSER, token))
    csrf = base64.urlsafe_b64encode(hmac.digest(key, sealed, hashlib.sha256)).decode().rstrip("=")
    return urlencode({"handoff": token, "csrf": csrf, "customer_id": "42", "decision": "deny"}).encode()


def nonces(bench: Bench, chosen: argparse.Namespace) -> list:
    say(f"{chosen.clients} browsers answer for {chosen.seconds:g} s, each time with a token of its own")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"custodian_browser={BROWSER}"}

    def work(connection: http.client.HTTPConnection, _number: int) -> None:
        connection.request("POST", "/consent", form(), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303, answer.status

    rate, took = load(chosen.clients, chosen.seconds, bench.custodian.public, work)
    consumed = int(database.run(bench.url, "select count(*) from handoff_nonces"))
    assert consumed == len(took), f"{len(took)} answers and {consumed} nonces"
    return figures("nonces consumed", rate, took)


def activation(bench: Bench, chosen: argparse.Namespace) -> list:
    say(f"{chosen.approvals} grants are approved one after the other")
    for _ in range(chosen.approvals):
        answer = bench.custodian.provision(custodian.grant()).expect(202)
        with bench.awe.client(custodian.OFFICER) as officer:
            task = officer.get(f"/tasks?request_id={answer['awe_request_id']}").expect(200)["items"][0]["id"]
            officer.decide(task).expect(201)
    waiting = "select count(*) from authorizations where status = 'PENDING'"
    until(lambda: database.run(bench.url, waiting) == "0", "no grant waits any more", within=60)
    decided, active = moments(bench.awe_url, DECIDED), moments(bench.url, ACTIVE)
    took = [(active[request] - at) * 1000 for request, at in decided.items()]
    assert len(took) == chosen.approvals, f"{len(took)} of {chosen.approvals} were approved"
    p50, p95 = quantiles(took)
    return [Target("from the decision to ACTIVE: p50, p95", f"{p50:.1f} ms, {p95:.1f} ms")]


def moments(url: str, sql: str) -> dict:
    rows = json.loads(database.run(url, f"select coalesce(json_agg(t), '[]') from ({sql}) t"))
    return {row["request_id"]: float(row["at"]) for row in rows}


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    bench = Bench(stack)
    return provisioning(bench, chosen) + nonces(bench, chosen) + activation(bench, chosen)


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
