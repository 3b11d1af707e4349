"""The server under test, and a plain client for calls outside of the load."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import sys
import time
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Iterator

from parts import Failed
from parts.processes import child
from scripts import servers

READY_WITHIN = 30.0
FAR_FUTURE = 4102444800  # the year 2100
POLICY_KEY, APPROVER, CALLER = "load.v1", "load-approver", "load-caller"
POLICY = {
    "policy_key": POLICY_KEY,
    "name": "Load",
    "artifact_type": "load_artifact",
    "stages": [
        {
            "stage_order": 1,
            "name": "Review",
            "mode": "any-n",
            "mode_value": 1,
            "rules": [{"rule_type": "user", "rule_value": {"user_id": APPROVER}}],
        }
    ],
}


def token(subject: str, roles: tuple = ()) -> str:
    """An unsigned token, which a server in dev mode on loopback accepts."""

    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"sub": subject, "realm_access": {"roles": list(roles)}, "exp": FAR_FUTURE}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


class Client:
    """A client with one connection, which is kept open."""

    def __init__(self, port: int, prefix: str = "/v1/awe") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._prefix = prefix

    def call(self, method: str, path: str, body: dict | None = None, bearer: str = "", wanted: tuple = (200, 201)):
        headers = {"content-type": "application/json"} if body is not None else {}
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        sent = json.dumps(body) if body is not None else None
        self._connection.request(method, self._prefix + path, sent, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status not in wanted:
            raise Failed(f"{method} {path} was answered {answer.status}: {text[:500].decode(errors='replace')}")
        return json.loads(text) if text else None

    def close(self) -> None:
        self._connection.close()


AS_CALLER, AS_APPROVER = token(CALLER), token(APPROVER)


def lifecycle(client: Client, number: object, callback_url: str | None = None) -> str:
    """Creates a request and approves it; returns its id."""
    body = {
        "policy_key": POLICY_KEY,
        "artifact_type": "load_artifact",
        "artifact_id": f"artifact-{number}",
        "context": {"amount": 100, "branch": "north", "reason": "Monthly disbursement"},
        "requester": "maker-1",
    }
    if callback_url:
        body["callback_url"] = callback_url
    created = client.call("POST", "/requests", body, AS_CALLER)
    decision = {"action": "approve", "comment": "Checked"}
    client.call("POST", f"/tasks/{created['tasks'][0]['id']}/decision", decision, AS_APPROVER)
    return created["request_id"]


def apply_policy(client: Client) -> None:
    admin = token("load-admin", ("AWE_ADMIN",))
    made = client.call("POST", "/policies", POLICY, admin)
    client.call("POST", f"/policies/{POLICY_KEY}/versions/{made['version']}/activate", None, admin)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running `awe serve`."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port
        self.base_url = f"http://127.0.0.1:{port}"

    def client(self) -> Client:
        return Client(self.port)


@lru_cache
def has_telemetry(binary: Path) -> bool:
    """Whether a build knows these settings: an older one refuses to start with a setting that it does not know."""
    return b"metrics_port" in binary.read_bytes()


@contextmanager
def serve(binary: Path, env: dict, urls: dict, log: Path, **settings: object) -> Iterator[Server]:
    """Runs a server on a free loopback port, with default settings except for these (`webhook__timeout_seconds=15`)."""
    port = free_port()
    env = {
        **servers.without_settings(env),
        "AWE__DATABASE__URL": urls["DATABASE_URL"],
        "AWE__NATS__URL": urls["NATS_URL"],
        "AWE__SERVER__PORT": str(port),
        **({"AWE__TELEMETRY__METRICS_PORT": "0"} if has_telemetry(binary) else {}),
        **{f"AWE__{key.upper()}": str(value) for key, value in settings.items()},
    }
    with child("awe serve", [binary, "serve", "--migrate"], env, log) as process:
        server = Server(process.pid, port)
        deadline = time.monotonic() + READY_WITHIN
        while not is_up(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"awe serve was not up within {READY_WITHIN:.0f} s:\n{servers.tail(log)}")
            time.sleep(0.05)
        yield server


def is_up(server: Server) -> bool:
    client = server.client()
    try:
        client.call("GET", "/health")
        return True
    except (OSError, http.client.HTTPException, Failed):
        return False
    finally:
        client.close()


@contextmanager
def sink(program: Path, env: dict, log: Path, seconds: float = 0.0, port: int = 0) -> Iterator[Sink]:
    """Runs a receiver of webhooks, which takes `seconds` for each, on a port of its own unless one is named."""
    port = port or free_port()
    with child("the webhook sink", [sys.executable, program, port, seconds], env, log) as process:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                Sink(process.pid, port).reset()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"the webhook sink did not start:\n{servers.tail(log)}") from None
                time.sleep(0.05)
        yield Sink(process.pid, port)


class Sink:
    """The running receiver of webhooks, which tells what it has received."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port
        self.url = f"http://127.0.0.1:{port}/hook"

    def _call(self, method: str, path: str = "/"):
        client = Client(self.port, "")
        try:
            return client.call(method, path, wanted=(200, 204))
        finally:
            client.close()

    def reset(self) -> None:
        self._call("DELETE")

    def received(self) -> dict:
        return self._call("GET")

    def count(self) -> dict:
        """What was received, without the latencies, which are many."""
        return self._call("GET", "/count")

    def wait_for(self, events: int, seconds: float) -> dict:
        """Waits until so many events have arrived, at most `seconds`; returns what was received."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.received()
            if found["events"] >= events or time.monotonic() > deadline:
                return found
            time.sleep(0.2)
