"""The HTTP API as a caller sees it."""

from __future__ import annotations

import base64
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any, Optional

BASE = "/v1/awe"
TIMEOUT = 30.0
ADMIN, VIEWER = "AWE_ADMIN", "AWE_VIEWER"

LOST = (http.client.HTTPException, OSError)
"""The connection ended or could not be made, so it is unknown whether the server acted on the call."""


def token(subject: str, *roles: str) -> str:
    """An unsigned token, which a server in development mode accepts."""
    claims = {"sub": subject, "realm_access": {"roles": list(roles)}, "exp": int(time.time()) + 3600}

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> Optional[str]:
        """The error code in the body of a refusal."""
        return self.json["errors"][0]["errorCode"] if self.status >= 400 else None

    def expect(self, status: int) -> Any:
        """The body, if the status is the expected one; otherwise the test fails."""
        if self.status != status:
            raise AssertionError(f"answered {self.status}, not {status}: {self.raw.decode(errors='replace')}")
        return self.json


class Client:
    """One caller with one connection, which is kept open. Two threads may not use it at the same time."""

    base = BASE

    def __init__(self, port: int, subject: Optional[str] = None, *roles: str) -> None:
        self.subject = subject
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.headers = {"Authorization": f"Bearer {token(subject, *roles)}"} if subject else {}
        self.held = b""
        self.asked = ""
        """Method and path of the last call."""

    def bearing(self, token: str) -> "Client":
        """The same caller with another token."""
        self.headers = {"Authorization": f"Bearer {token}"}
        return self

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: object = None, headers: Optional[dict[str, str]] = None) -> Answer:
        return self.send("POST", path, body, headers)

    def decide(self, task_id: str, action: str = "approve") -> Answer:
        return self.post(f"/tasks/{task_id}/decision", {"action": action})

    def send(
        self, method: str, path: str, body: object = None, headers: Optional[dict[str, str]] = None
    ) -> Answer:
        self.asked = f"{method} {path}"
        raw = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if raw is not None else {}
        try:
            self.connection.request(method, self.base + path, raw, {**self.headers, **kind, **(headers or {})})
            return self.answer()
        except LOST:
            self.close()
            raise

    def hold(self, path: str, body: object, headers: Optional[dict[str, str]] = None) -> None:
        """Sends a POST without its last byte; `release` sends that byte at a chosen moment."""
        raw = json.dumps(body).encode()
        kind = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        self.connection.putrequest("POST", self.base + path)
        for name, value in {**self.headers, **kind, **(headers or {})}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        self.connection.send(raw[:-1])
        self.held = raw[-1:]

    def hold_decision(self, task_id: str, action: str = "approve") -> None:
        self.hold(f"/tasks/{task_id}/decision", {"action": action})

    def release(self) -> None:
        self.connection.send(self.held)

    def answer(self) -> Answer:
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def together(*clients: Client) -> list[Answer]:
    """Sends the last byte of each client's held call at the same moment; returns the answers, in order."""
    for client in clients:
        client.release()
    return [client.answer() for client in clients]


def stage(order: int, *users: str, mode: str = "any-n", mode_value: Optional[int] = 1) -> dict[str, Any]:
    rules = [{"rule_type": "user", "rule_value": {"user_id": user}} for user in users]
    return {
        "name": f"stage {order}",
        "stage_order": order,
        "mode": mode,
        "mode_value": None if mode == "all" else mode_value,
        "rules": rules,
    }


def create_policy(admin: Client, key: str, *stages: dict[str, Any]) -> None:
    """Creates version 1 of a policy and activates it."""
    body = {"policy_key": key, "name": key, "artifact_type": "change_request", "stages": list(stages)}
    made = admin.post("/policies", body).expect(201)
    assert (made["version"], made["status"]) == (1, "draft"), made
    active = admin.post(f"/policies/{key}/versions/1/activate").expect(200)
    assert active["status"] == "active", active


def request_body(policy_key: str, artifact_id: str, callback_url: Optional[str] = None) -> dict[str, Any]:
    return {
        "policy_key": policy_key,
        "artifact_type": "change_request",
        "artifact_id": artifact_id,
        "context": {"amount": 7},
        "callback_url": callback_url,
    }
