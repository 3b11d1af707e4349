"""An identity provider that issues tokens to clients (RFC 6749 section 4.4), and a receiver that asks for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import parse_qs

from support.sink import Sink

CLIENT, SECRET, SCOPE = "awe-hooks", "hooks-client-secret", "hooks"


class IdentityProvider:
    """Issues `token-1`, `token-2`, ...; `away` answers 503 to everything."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[dict[str, str]] = []
        """The form of every question, answered or not."""
        self._issued = 0
        self._good: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def settings(self, name: str) -> dict[str, object]:
        """What a server is told, for a credential of this name."""
        values = {
            "type": "oauth2_client_credentials",
            "token_url": self.token_url,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": SCOPE,
        }
        return {f"credentials.{name}.{key}": value for key, value in values.items()}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def revoke_all(self) -> None:
        """No token that was issued is good any more."""
        with self._lock:
            self._good.clear()

    def accepts(self, headers: Mapping[str, str]) -> bool:
        """Whether they carry a token that is good now."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        with self._lock:
            return scheme == "Bearer" and token in self._good

    def _answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.asked.append(form)
            if self.away:
                return 503, {}
            if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
                return 401, {"error": "invalid_client", "error_description": f"not {form.get('client_secret')}"}
            self._issued += 1
            token = f"token-{self._issued}"
            self._good.add(token)
            return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 300}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, answer = provider._answer({name: values[0] for name, values in form.items()})
                raw = json.dumps(answer).encode()
                self.send_response_only(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class ProtectedSink(Sink):
    """Answers 401 to whom it does not accept, and to everybody with the headers that it got."""

    def __init__(self, accepts: Callable[[Mapping[str, str]], bool]) -> None:
        self.accepts = accepts
        super().__init__()

    def _answer(self, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        status, _ = super()._answer(headers, raw)
        return status if self.accepts(headers) else 401, json.dumps({"you sent": headers}).encode()
