"""What the tests stand on: tokens, policies, the running server, and a proxy before it that fails when told to."""

from __future__ import annotations

import asyncio
import base64
import http.client
import inspect
import json
import os
import re
import socket
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import urlsplit

from awe_client import AweClient, AweError, RetryPolicy

VECTORS = Path(os.environ.get("AWE_VECTORS") or Path(__file__).parents[3] / "schemas" / "webhook-vectors.json")
FAR_FUTURE = 4102444800
QUICK = RetryPolicy(first=0.01, most=0.05)


def server_url() -> str:
    return _named("AWE_CLIENTS_URL")


def nats_url() -> str:
    return _named("AWE_CLIENTS_NATS")


def _named(name: str) -> str:
    found = os.environ.get(name)
    if not found:
        raise AssertionError(f"{name} is not set: `./dev clients` starts a server and sets it")
    return found


def token(subject: str, *roles: str) -> str:
    """An unsigned token, which a server in development mode takes."""

    def part(value: Dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"sub": subject, "realm_access": {"roles": list(roles)}, "exp": FAR_FUTURE}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


class World:
    """A policy of its own with one approver, so that tests do not see each other's requests."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex[:12]
        self._made: List[AweClient] = []
        self.policy, self.kind = f"clients.{self.name}", f"kind_{self.name}"
        self.caller, self.approver = f"caller-{self.name}", f"approver-{self.name}"
        self.admin = AweClient(server_url(), token(f"admin-{self.name}", "AWE_ADMIN"))
        made = self.admin.create_policy(self.body("Clients"))
        self.admin.activate_policy_version(self.policy, made.version)

    def body(self, name: str) -> Dict[str, Any]:
        """Its policy under this name."""
        rule = {"rule_type": "user", "rule_value": {"user_id": self.approver}}
        stage = {"name": "Review", "stage_order": 1, "mode": "any-n", "mode_value": 1, "rules": [rule]}
        return {"policy_key": self.policy, "name": name, "artifact_type": self.kind, "stages": [stage]}

    def client(self, subject: Optional[str] = None, url: Optional[str] = None, **more: Any) -> AweClient:
        """Is closed with the world."""
        more.setdefault("retry", QUICK)
        self._made.append(AweClient(url or server_url(), token(subject or self.caller), **more))
        return self._made[-1]

    def request(self, artifact_id: str = "a-1", **more: Any) -> Dict[str, Any]:
        return {"policy_key": self.policy, "artifact_type": self.kind, "artifact_id": artifact_id, **more}

    def secret(self) -> str:
        made = self.admin.create_callback_secret({"caller_service": self.caller})
        return made.secret

    def approve(self, request_id: str, comment: Optional[str] = None) -> None:
        with self.client(self.approver) as approver:
            for task in approver.tasks(request_id=request_id):
                approver.decide(task.id, "approve", comment=comment)

    def close(self) -> None:
        for each in (self.admin, *self._made):
            each.close()


@dataclass
class Asked:
    """A request that came to the proxy."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes


@dataclass
class Fault:
    """What the proxy does instead, `times` times, with requests that match.

    With `status` it answers by itself. `lost`: passes the request on and breaks the connection instead of answering.
    `unsent`: breaks it at once. `stalls`: seconds before it passes the request on.
    """

    matches: str
    status: int = 0
    headers: Dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    lost: bool = False
    stalls: float = 0.0
    times: int = 1


class Proxy:
    """Passes requests on to the server, except for faults; keeps what was asked."""

    def __init__(self, *faults: Fault, target: Optional[str] = None) -> None:
        parts = urlsplit(target or server_url())
        self.faults, self.asked = list(faults), []  # type: Tuple[List[Fault], List[Asked]]
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fault = proxy._take(Asked(self.command, self.path, headers, body))
                if fault and fault.status:
                    self.answer(fault.status, list(fault.headers.items()), fault.body)
                    return
                if fault and fault.stalls:
                    time.sleep(fault.stalls)
                onward = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
                onward.request(self.command, self.path, body or None, {**headers, "connection": "close"})
                told = onward.getresponse()
                read = told.read()
                onward.close()
                if fault and fault.lost:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.answer(told.status, told.getheaders(), read)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

            def answer(self, status: int, headers: List[Tuple[str, str]], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except (OSError, ValueError):  # the client gave up, or the connection was closed on purpose
                    pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, asked: Asked) -> Optional[Fault]:
        with self._lock:
            self.asked.append(asked)
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.matches, f"{asked.method} {asked.path}"):
                    fault.times -= 1
                    return fault
        return None


class OwnServer:
    """A server beside the running one, on the same database, with these settings (`SERVER__MAX_STREAMS="1"`)."""

    def __init__(self, **settings: str) -> None:
        how = json.loads(_named("AWE_CLIENTS_SERVE"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        named = {f"AWE__{name}": value for name, value in {"SERVER__PORT": str(self.port), **settings}.items()}
        self._command, self._env = how["command"], {**os.environ, **how["env"], **named}
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._child = subprocess.Popen(self._command, env=self._env, stdin=quiet, stdout=quiet, stderr=quiet)
        until(self._is_up, "the server answers", 40)

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def __enter__(self) -> "OwnServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _is_up(self) -> bool:
        assert self._child.poll() is None, "the server has ended"
        try:
            with AweClient(self.url, retry=RetryPolicy(attempts=1)) as nobody:
                return nobody.health().response.status == "UP"
        except AweError:
            return False


def until(found: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Waits until `found` returns something that is true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


async def until_async(found: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Waits until what `found` returns, or awaits, is true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


def envelope(code: str, reason: str) -> bytes:
    """The body of an error as AWE writes it."""
    error = {"errorCode": code, "reason": reason, "message": "for a test"}
    return json.dumps({"id": "openg2p.awe", "version": "1.0", "response": None, "errors": [error]}).encode()
