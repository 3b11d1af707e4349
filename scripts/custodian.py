"""`./dev custodian`: the data custodian beside a running `./dev up`. `beside` is for whoever starts both."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from scripts import fuzz, servers
from scripts.shell import DEV, ROOT, TARGET, Failed, cargo, cargo_env, run, say, stop_group

PORT, RETURN_PORT, METRICS_PORT = 8020, 8022, 9465
LOG = DEV / "custodian.log"
RETURN_URL = f"http://127.0.0.1:{RETURN_PORT}/continue"
POLICY = ROOT / "services" / "data-custodian" / "gated_party.policy.json"
READY_WITHIN, END_WITHIN = 60.0, 25.0
WELCOME = """
    data custodian   http://127.0.0.1:{port}/health   (its log: {log})
    back-channel     http://127.0.0.1:{internal}/internal/backchannel/v1/subscriptions
    try it           python3 examples/authorization_server.py   then open http://127.0.0.1:{back}/
"""


def build() -> Path:
    """Builds the program as `./dev up` builds AWE; returns where it is."""
    run(cargo("build", "--profile", "quick", "-p", "data-custodian", "--bin", "awe-data-custodian"), cargo_env())
    return TARGET / "quick" / "awe-data-custodian"


def environment(awe: dict, port: int) -> dict:
    """What `.dev/env` tells others of the custodian. `awe`: the variables of the running `./dev up`."""
    server = urlsplit(awe["DATABASE_URL"])
    return {
        "DATA_CUSTODIAN_URL": f"http://127.0.0.1:{port}",
        "BACKCHANNEL_URL": f"http://127.0.0.1:{port + 1}",
        "DATA_CUSTODIAN_DATABASE_URL": urlunsplit(server._replace(path="/data_custodian")),
        "BACKCHANNEL_CLIENT_ID": "as-backchannel",
        "BACKCHANNEL_CLIENT_SECRET": "change-me-in-production",
        "ESPI_HANDOFF_SIGNING_KEY": "dev-only-handoff-signing-key-change-me",
    }


def settings(awe: dict, port: int, metrics: int = 0) -> dict:
    """The environment of the program."""
    return {
        **environment(awe, port),
        "DATA_CUSTODIAN__PUBLIC__PORT": str(port),
        "DATA_CUSTODIAN__INTERNAL__PORT": str(port + 1),
        "DATA_CUSTODIAN__TELEMETRY__METRICS_PORT": str(metrics),
        "DATA_CUSTODIAN__AWE__URL": awe["BASE_URL"],
        "DATA_CUSTODIAN__NATS__URL": awe["NATS_URL"],
    }


def of_realms(staff: str) -> dict:
    """What differs with Keycloak: customers sign in at the realm `customers`, and AWE is called by a service account of
    the realm that it trusts. `staff`: the issuer of that."""
    return {
        "DATA_CUSTODIAN__AUTH__ISSUER": f"{staff.rpartition('/')[0]}/customers",
        "DATA_CUSTODIAN__AUTH__CLIENT_SECRET": "demo-data-custodian",
        "DATA_CUSTODIAN__AWE__TOKEN_URL": f"{staff}/protocol/openid-connect/token",
        "DATA_CUSTODIAN__AWE__CLIENT_ID": "data-custodian",
        "DATA_CUSTODIAN__AWE__CLIENT_SECRET": "demo-data-custodian",
    }


def apply_policy(base_url: str, admin: str | None = None) -> None:
    """Makes and activates the policy of the gated client, unless it is there. `admin`: the token of an administrator; in
    development mode none is needed."""
    policy = json.loads(POLICY.read_text())
    bearer = admin or fuzz.token("admin", ["AWE_ADMIN"])
    made = _call(base_url, "/policies", policy, bearer)
    if made is not None:
        _call(base_url, f"/policies/{policy['policy_key']}/versions/{made['version']}/activate", {}, bearer)


def _call(base_url: str, path: str, body: dict, bearer: str) -> dict | None:
    """The answer; None for 409, which says that it is there."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {bearer}"}
    request = urllib.request.Request(f"{base_url}/v1/awe{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return None
        raise Failed(f"AWE answered {path} with {error.code}: {error.read()[:300]!r}") from None
    except OSError as error:
        raise Failed(f"AWE does not answer at {base_url}: {error}") from None


@contextmanager
def beside(awe: dict, port: int = PORT) -> Iterator[dict]:
    """Runs the custodian, migrated and seeded, with the policy of its gated client; yields what `environment` tells.

    `awe`: DATABASE_URL, NATS_URL and BASE_URL of a running `./dev up`, as its env file has them.
    """
    binary = build()
    env = {**servers.without_settings(dict(os.environ)), **settings(awe, port, METRICS_PORT + port - PORT)}
    for words in (["migrate", "--create"], ["seed", "--return-url", RETURN_URL]):
        run([binary, *words], env, timeout=120)
    apply_policy(awe["BASE_URL"])
    with LOG.open("w") as out:
        child = subprocess.Popen(
            [binary, "serve"], env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_until_up(child, port)
        yield environment(awe, port)
    finally:
        stop_group(child, signal.SIGTERM, END_WITHIN)


def wait_until_up(child: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Failed(f"the data custodian ended with {child.returncode}; {LOG}:\n{servers.tail(LOG)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise Failed(f"the data custodian was not ready within {READY_WITHIN:.0f} s; {LOG}:\n{servers.tail(LOG)}")


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev custodian", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help=f"of the public listener ({PORT}); the next is the back-channel's")
    port = parser.parse_args(words).port
    awe = servers.read_env(DEV / "env")
    if not awe.get("DATABASE_URL"):
        raise Failed("no AWE is running: start one with ./dev up in another terminal")
    with beside(awe, port) as told:
        file = DEV / "custodian.env"
        file.write_text("".join(f"{key}={value}\n" for key, value in told.items()))
        try:
            print(WELCOME.format(port=port, internal=port + 1, back=RETURN_PORT, log=LOG.relative_to(ROOT)))
            say(f"running; `. {file.relative_to(ROOT)}` tells others; Ctrl-C stops it")
            signal.pause()
        finally:
            file.unlink(missing_ok=True)
