#!/usr/bin/env python3
"""Measures the reference caller end to end beside the lifecycles of AWE itself, in the same run.

`./dev bench registry` builds the release and runs this; README.md here says what is measured and how.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed, targets
from parts.ours import Ours, in_threads
from parts.server import APPROVER, POLICY, Client, apply_policy, lifecycle, token
from parts.targets import Target
from scripts.shell import say
from support import database
from support.registry import CREATE, DECIDE, Registry
from support.server import free_port
from support.waiting import until

KEY = "load.registry"
ADMIN = token("load-admin", ("AWE_ADMIN",))
AS_STAFF, AS_APPROVER = token("load-staff", (CREATE,)), token(APPROVER, (DECIDE,))
PATH = "/change-requests"
SETTLE_WITHIN = 120.0
PENDING = "select count(*) from g2p_register_change_request where approval_status = 'PENDING'"


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench registry", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each load (20)")
    parser.add_argument("--alone", type=int, default=200, help="change requests one after the other (200)")
    targets.add_strict(parser)
    found = parser.parse_args(words)
    if found.seconds < 1 or found.alone < 20:
        parser.error("--seconds: at least 1; --alone: at least 20")
    return found


def start(ours: Ours, awe_port: int, stack: ExitStack) -> tuple[Registry, str]:
    """The Registry in the same PostgreSQL, with one section whose policy is that of the lifecycles."""
    database.run(ours.postgres.url_of("postgres"), "create database registry")
    url, port = ours.postgres.url_of("registry"), free_port()
    settings: dict[str, object] = {
        "server.port": port,
        "database.url": url,
        "awe.enabled": "true",
        "awe.base_url": f"http://127.0.0.1:{awe_port}",
        "awe.default_callback_url": f"http://127.0.0.1:{port}/v1/registry/awe/webhooks/decision",
        "awe.callback_hmac_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "awe.callback_secret_id": "seeded-below",
    }
    registry = Registry(settings, ours.folder / "registry.log")
    for words in (["migrate"], ["seed"]):
        done = registry.run(*words)
        if done.returncode != 0:
            raise Failed(done.stderr)
    settings["awe.callback_secret_id"] = done.stdout.strip().partition("=")[2]
    database.run(url, f"insert into g2p_register_sections values ('load', 'load', 'Load', false, '{KEY}', '{{amount}}')")
    stack.callback(registry.stop)
    registry.start()
    return registry, url


def change(client: Client, number: object) -> tuple[str, float]:
    """Asks for a change and approves it; returns its id, and when the decision was sent."""
    payload = {"amount": 100, "branch": "north", "reason": "Monthly disbursement"}
    body = {"register_mnemonic": "load", "section_id": "load", "edit_action": "create", "change_payload": payload}
    made = client.call("POST", f"{PATH}/create_change_request", {**body, "record_id": f"R-{number}"}, AS_STAFF)
    sent = time.time()
    decision = {"change_request_id": made["change_request_id"], "comment": "Checked"}
    client.call("POST", f"{PATH}/approve_change_request", decision, AS_APPROVER)
    return made["change_request_id"], sent


def settled(url: str) -> None:
    until(lambda: database.run(url, PENDING) == "0", "every change is applied", SETTLE_WITHIN)


def alone(port: int, url: str, count: int) -> list:
    """Milliseconds from sending the last decision to the commit that applied the change, one after the other."""
    client, found = Client(port, "/v1/registry"), []
    sql = "select extract(epoch from approved_at) from g2p_register_change_request where change_request_id = '{}'"
    for number in range(count):
        change_id, sent = change(client, f"alone-{number}")
        applied = until(lambda: database.run(url, sql.format(change_id)), "the change is applied")
        found.append((float(applied) - sent) * 1000)
    client.close()
    return sorted(found)


def measure(chosen: argparse.Namespace, stack: ExitStack) -> list:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    ours = Ours(stack, **{"secrets.master_key": key})
    awe = ours.serve("")
    admin = Client(awe.port)
    apply_policy(admin)
    made = admin.call("POST", "/policies", {**POLICY, "policy_key": KEY, "artifact_type": "registry.change_request"}, ADMIN)
    admin.call("POST", f"/policies/{KEY}/versions/{made['version']}/activate", None, ADMIN)
    registry, url = start(ours, awe.port, stack)
    say(f"lifecycles of AWE alone, {chosen.seconds:.0f} s")
    lifecycles = in_threads(lifecycle, awe.port, chosen.seconds) / chosen.seconds
    say(f"change requests through the Registry, {chosen.seconds:.0f} s")
    begun = time.monotonic()
    done = in_threads(change, registry.port, chosen.seconds, prefix="/v1/registry")
    settled(url)
    changes = done / (time.monotonic() - begun)
    written = int(database.run(url, "select count(*) from register_record"))
    if written != done:
        raise Failed(f"{done} changes were approved and {written} are in the register")
    say(f"{chosen.alone} one after the other")
    waits = alone(registry.port, url, chosen.alone)
    return [
        Target("lifecycles of AWE (create, approve), 8 at once", f"{lifecycles:.0f} /s"),
        Target("change requests until applied, 8 at once", f"{changes:.0f} /s"),
        Target("of AWE's lifecycles", f"{changes / lifecycles:.0%}"),
        Target("last decision to applied, p50", f"{statistics.median(waits):.1f} ms"),
        Target("last decision to applied, p95", f"{waits[int(len(waits) * 0.95)]:.1f} ms"),
    ]


if __name__ == "__main__":
    sys.exit(targets.run(measure, options(sys.argv[1:])))
