"""An identity provider that issues tokens to clients (RFC 6749 section 4.4), and a receiver that asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Callable
from urllib.parse import parse_qs

from support.sink import Sink
from support.stand import Stand

CLIENT, SECRET, SCOPE = "awe-hooks", "hooks-client-secret", "hooks"


class IdentityProvider(Stand):
    """Issues `token-1`, `token-2`, ...; `away` makes it answer 503 to everything."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[dict[str, str]] = []
        """The form of each question, answered or not."""
        self._issued = 0
        self._good: set[str] = set()
        super().__init__()

    @property
    def token_url(self) -> str:
        return f"{self.base_url}/token"

    def settings(self, name: str) -> dict[str, object]:
        """The settings of a server with a credential of this name."""
        values = {
            "type": "oauth2_client_credentials",
            "token_url": self.token_url,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": SCOPE,
        }
        return {f"credentials.{name}.{key}": value for key, value in values.items()}

    def revoke_all(self) -> None:
        """Makes every token that was issued invalid."""
        with self.lock:
            self._good.clear()

    def accepts(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers carry a token that is valid now."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        with self.lock:
            return scheme == "Bearer" and token in self._good

    def _answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.asked.append(form)
            if self.away:
                return 503, {}
            if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
                return 401, {"error": "invalid_client", "error_description": f"not {form.get('client_secret')}"}
            self._issued += 1
            token = f"token-{self._issued}"
            self._good.add(token)
            return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 300}

    def reply(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, object]:
        return self._answer({name: values[0] for name, values in parse_qs(raw.decode()).items()})


class ProtectedSink(Sink):
    """Answers 401 to callers whom it does not accept; every answer repeats the headers of the call."""

    def __init__(self, accepts: Callable[[Mapping[str, str]], bool]) -> None:
        self.accepts = accepts
        super().__init__()

    def _answer(self, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        status, _ = super()._answer(headers, raw)
        return status if self.accepts(headers) else 401, json.dumps({"you sent": headers}).encode()
