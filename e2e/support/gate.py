"""An admission gate that lets the realm confirm the token of every caller."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Optional

from support.keycloak import Realm
from support.stand import Stand


@dataclass(frozen=True)
class Question:
    headers: dict[str, str]
    """By name in lower case."""
    body: dict[str, Any]
    answered: int

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class Gate(Stand):
    """Admits everything that `judge` does not refuse. It also stands for any other service that the realm protects."""

    def __init__(self, realm: Realm, client: str) -> None:
        self.realm, self.client = realm, client
        self.judge: Callable[[dict[str, Any]], Optional[tuple[int, object]]] = lambda body: None
        """Status and body of a refusal; None admits."""
        self.says: object = {}
        self.asked: list[Question] = []
        super().__init__()

    @property
    def url(self) -> str:
        return f"{self.base_url}/gate"

    def settings(self, secret: str, **more: object) -> dict[str, object]:
        """The settings of a server that asks this gate."""
        return {
            "gate__enabled": "true",
            "gate__url": self.url,
            "gate__auth_type": "oauth2_client_credentials",
            "gate__oauth2_token_url": self.realm.token_url,
            "gate__oauth2_client_id": self.client,
            "gate__oauth2_client_secret": secret,
            "gate__max_retries": 1,
            **more,
        }

    def _answer(self, token: str, body: dict[str, Any]) -> tuple[int, object]:
        seen = self.realm.introspect(token)
        if not seen.get("active") or seen.get("client_id") != self.client:
            return 401, {"error": "who are you?"}
        return self.judge(body) or (200, self.says)

    def reply(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, object]:
        if method != "POST":
            return 405, {}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        status, said = self._answer(token, json.loads(raw))
        with self.lock:
            self.asked.append(Question(headers, json.loads(raw), status))
        return status, said
