"""`awe-registry` as a process beside AWE, and what its callers and AWE send it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any, Optional

from support import api, children
from support.case import EngineCase
from support.database import Database, Lock
from support.server import END_WITHIN, START_WITHIN, Server, free_port, tail
from support.waiting import until

VIEW, CREATE, DECIDE, APPROVE = (f"changeRequest:{word}" for word in ("view", "create", "decide", "approve"))
HOOK = "/awe/webhooks/decision"
SECTION = "section-farmer-edit"


def program() -> str:
    return str(Path(os.environ["AWE_REGISTRY_BIN"]).absolute())


class Client(api.Client):
    base = "/v1/registry"


def code(answer: api.Answer) -> str:
    """The code of a refusal; the envelope has nothing else but a message."""
    body = answer.json
    assert set(body) == {"errorCode", "message"} and body["message"], body
    return body["errorCode"]


class Registry:
    """`awe-registry serve` on a loopback port, with a log file that is kept over restarts."""

    def __init__(self, settings: dict[str, object], log: Path) -> None:
        self.settings, self.log = settings, log
        self.port = int(str(settings["server.port"]))
        self.child: Optional[subprocess.Popen] = None

    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("AWE_", "REGISTRY_"))}
        named = {f"REGISTRY__{key.upper().replace('.', '__')}": str(value) for key, value in self.settings.items()}
        return {**clean, **named, "REGISTRY_LOG": "info", "RUST_BACKTRACE": "0"}

    def run(self, *words: str) -> subprocess.CompletedProcess:
        """A command that ends by itself."""
        return subprocess.run(
            [program(), *words], env=self.environment(), cwd=self.log.parent, text=True, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=START_WITHIN,
        )  # fmt: skip

    def launch(self) -> None:
        with self.log.open("a") as out:
            self.child = children.start(
                [program(), "serve"], env=self.environment(), cwd=self.log.parent,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip

    def start(self) -> None:
        self.launch()
        until(self.is_up, "the Registry answers", START_WITHIN)

    def is_up(self) -> bool:
        assert self.child is not None
        if self.child.poll() is not None:
            raise AssertionError(f"awe-registry ended with {self.child.returncode}:\n{tail(self.log)}")
        try:
            with Client(self.port) as anybody:
                return anybody.get("/health").status == 200
        except api.LOST:
            return False

    def terminate(self) -> int:
        """Asks it to stop; returns its exit code."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(END_WITHIN)

    def kill(self) -> None:
        if self.child is not None:
            children.end(self.child)

    def stop(self) -> None:
        if self.child is not None:
            children.end(self.child, patience=END_WITHIN)


def standard(secret: str, event_id: str, at: int, raw: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    message = f"{event_id}.{at}.".encode() + raw
    signed = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), message, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


def approval(secret: str, event_id: str, at: int, raw: bytes) -> dict[str, str]:
    """The headers of AWE's own form."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return {
        "X-Approval-Event-Id": event_id,
        "X-Approval-Timestamp": str(at),
        "X-Approval-Signature": f"sha256={signed}",
    }


def event(request_id: str, event_type: str = "request_approved", **more: Any) -> dict[str, Any]:
    """An event as AWE writes it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    told = {
        "event_id": str(uuid.uuid4()),
        "event_type": event_type,
        "request_id": request_id,
        "sequence": 7,
        "artifact_type": "registry.change_request",
        "artifact_id": "any",
        "policy_key": "farmer.section-farmer-edit",
        "policy_version": 1,
        "status": event_type.removeprefix("request_"),
        "stage_order": None,
        "actor": "director-1",
        "occurred_at": now,
        "payload": {},
    }
    return {**told, **more}


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class RegistryCase(EngineCase):
    """AWE, and a Registry beside it with its own database and the seeds."""

    def setUp(self) -> None:
        super().setUp()
        if not os.environ.get("AWE_REGISTRY_BIN"):
            self.fail("AWE_REGISTRY_BIN must be set: ./dev e2e does it")
        self.migrate()
        self.awe = self.serve(**self.awe_settings())
        self.secret = new_secret()
        self.records = Database(os.environ["DATABASE_URL"])
        self.addCleanup(self.records.drop)
        self.registry = self.new_registry()
        self.registry.start()

    def awe_settings(self) -> dict[str, object]:
        return {}

    def registry_settings(self) -> dict[str, object]:
        port = free_port()
        return {
            "server.port": port,
            "database.url": self.records.url,
            "awe.enabled": "true",
            "awe.base_url": f"http://127.0.0.1:{self.awe.port}",
            "awe.default_callback_url": f"http://127.0.0.1:{port}/v1/registry{HOOK}",
            "awe.callback_hmac_secret": self.secret,
            "awe.callback_secret_id": "none-yet",
            "awe.timeout_seconds": 5,
            "telemetry.metrics_port": 0,
        }

    def new_registry(self) -> Registry:
        """Migrated and seeded, not started."""
        registry = Registry(self.registry_settings(), self.folder / "registry.log")
        self.addCleanup(lambda: self._logs.append(("registry.log", tail(registry.log))))
        self.addCleanup(registry.stop)
        for words in (["migrate"], ["seed"]):
            done = registry.run(*words)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        registry.settings["awe.callback_secret_id"] = done.stdout.strip().partition("=")[2]
        return registry

    def caller(self, subject: str, *roles: str) -> Client:
        client = Client(self.registry.port, subject, *roles)
        self.addCleanup(client.close)
        return client

    def staff(self) -> Client:
        return self.caller("staff-1", CREATE, VIEW)

    def decider(self, subject: str) -> Client:
        return self.caller(subject, DECIDE)

    def boss(self) -> Client:
        return self.caller("boss-1", APPROVE)

    def body(self, record_id: Optional[str] = None, section: str = SECTION, action: str = "create", **payload: Any) -> dict:
        payload = payload or {"district": "north", "amount": 1200}
        body = {"register_mnemonic": "farmer", "section_id": section, "edit_action": action, "change_payload": payload}
        return {**body, **({"record_id": record_id} if record_id else {})}

    def create(self, record_id: Optional[str] = None, section: str = SECTION, **more: Any) -> dict[str, Any]:
        made = self.staff().post("/change-requests/create_change_request", self.body(record_id, section, **more))
        return made.expect(201)

    def decide(self, client: Client, change_id: str, action: str = "approve", **more: Any) -> api.Answer:
        return client.post(f"/change-requests/{action}_change_request", {"change_request_id": change_id, **more})

    def approve_all(self, change_id: str, *people: str) -> None:
        """The decisions of these people, one after the other."""
        for person in people or ("officer-1", "director-1", "director-2"):
            self.decide(self.decider(person), change_id).expect(200)

    def status(self, change_id: str) -> str:
        sql = f"select approval_status from g2p_register_change_request where change_request_id = '{change_id}'"
        return self.records.value(sql)

    def becomes(self, change_id: str, status: str, within: float = 30.0) -> None:
        until(lambda: self.status(change_id) == status, f"{change_id} is {status}", within)

    def send(
        self, told: dict[str, Any] | bytes, secret: Optional[str] = None, form: Any = standard, at: int = 0, **headers: str
    ) -> api.Answer:
        """A webhook; `at`: seconds from now at which it is signed."""
        raw = told if isinstance(told, bytes) else json.dumps(told).encode()
        event_id = told["event_id"] if isinstance(told, dict) else str(uuid.uuid4())
        signed = form(secret or self.secret, str(event_id), int(time.time()) + at, raw)
        return deliver(self.registry.port, raw, {**signed, **headers})

    def lock(self, change_id: str) -> Lock:
        """Holds a change request, so that whoever would settle it waits."""
        table = "g2p_register_change_request"
        statement = f"perform 1 from {table} where change_request_id = '{change_id}' for update"
        return Lock(self.records, f"do $$ begin {statement}; end $$")

    def log_of(self, request_id: str) -> list[dict[str, Any]]:
        return self.records.rows(f"select * from awe_webhook_event_log where request_id = '{request_id}' order by received_at")

    def written(self) -> list[dict[str, Any]]:
        """The history of the register."""
        return self.records.rows("select * from register_record_history order by record_id, version")


def deliver(port: int, raw: bytes, headers: dict[str, str]) -> api.Answer:
    """Posts these bytes as a webhook."""
    client = Client(port)
    try:
        client.connection.request("POST", client.base + HOOK, raw, {"Content-Type": "application/json", **headers})
        return client.answer()
    finally:
        client.close()
