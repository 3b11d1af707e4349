"""An admission gate that takes nobody's word: whoever asks shows a token, which the realm has to confirm."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional

from support.keycloak import Realm


@dataclass(frozen=True)
class Question:
    headers: dict[str, str]
    """By lower-case name."""
    body: dict[str, Any]
    answered: int

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class Gate:
    """Admits whatever `judge` does not object to; it also stands for any service that is protected by the realm."""

    def __init__(self, realm: Realm, client: str) -> None:
        self.realm, self.client = realm, client
        self.judge: Callable[[dict[str, Any]], Optional[tuple[int, object]]] = lambda body: None
        """Status and body of an answer other than 200."""
        self.says: object = {}
        self.asked: list[Question] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/gate"

    def settings(self, secret: str, **more: object) -> dict[str, object]:
        """How a server asks it."""
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

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _answer(self, token: str, body: dict[str, Any]) -> tuple[int, object]:
        seen = self.realm.introspect(token)
        if not seen.get("active") or seen.get("client_id") != self.client:
            return 401, {"error": "who are you?"}
        return self.judge(body) or (200, self.says)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.send_response(405)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                token = headers.get("authorization", "").removeprefix("Bearer ")
                status, said = gate._answer(token, json.loads(raw))
                with gate._lock:
                    gate.asked.append(Question(headers, json.loads(raw), status))
                answer = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
