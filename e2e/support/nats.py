"""A plain NATS client: the text protocol over a socket, and the part of JetStream that reading a stream needs."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any, Iterator, Optional
from urllib.parse import unquote, urlsplit

NOT_FOUND = 404


@dataclass(frozen=True)
class Message:
    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _headers(raw: bytes) -> dict[str, str]:
    lines = raw.decode().split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name: value.strip() for name, _, value in pairs}


class Nats:
    """One connection, used by one thread."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        parts = urlsplit(url.split(",")[0])
        self.timeout = timeout
        self._socket = socket.create_connection((parts.hostname, parts.port or 4222), timeout)
        self._input = self._socket.makefile("rb")
        self._waiting: list[Message] = []
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._ids = 0
        info = self._input.readline()
        if not info.startswith(b"INFO "):
            raise AssertionError(f"this is no NATS server: {info!r}")
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "name": "e2e"}
        if parts.username:
            options.update(user=unquote(parts.username), **{"pass": unquote(parts.password or "")})
        self._send(f"CONNECT {json.dumps(options)}\r\n".encode())
        self.subscribe(f"{self._inbox}.*")

    def __enter__(self) -> "Nats":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    def subscribe(self, subject: str) -> None:
        """Returns when the server has confirmed the subscription."""
        self._ids += 1
        self._send(f"SUB {subject} {self._ids}\r\nPING\r\n".encode())
        while True:
            line = self._line()
            if line == b"PONG":
                return
            message = self._message(line)
            if message:
                self._waiting.append(message)

    def next(self, within: float = 10.0) -> Message:
        """The next message of any subscription."""
        if self._waiting:
            return self._waiting.pop(0)
        return self._read(time.monotonic() + within)

    def request(self, subject: str, body: object) -> Message:
        self._ids += 1
        reply = f"{self._inbox}.{self._ids}"
        raw = json.dumps(body).encode() if body is not None else b""
        self._send(f"PUB {subject} {reply} {len(raw)}\r\n".encode() + raw + b"\r\n")
        deadline = time.monotonic() + self.timeout
        while True:
            message = self._read(deadline)
            if message.subject == reply:
                return message
            self._waiting.append(message)

    def stream(self, name: str, subject: str) -> Iterator[Message]:
        """All messages that a stream has on these subjects, in order."""
        sequence = 1
        while True:
            found = self._api(f"STREAM.MSG.GET.{name}", {"seq": sequence, "next_by_subj": subject})
            if found is None:
                return
            message = found["message"]
            headers = _headers(base64.b64decode(message["hdrs"])) if "hdrs" in message else {}
            yield Message(message["subject"], headers, base64.b64decode(message.get("data", "")))
            sequence = message["seq"] + 1

    def delete_stream(self, name: str) -> None:
        """A stream that does not exist counts as deleted."""
        self._api(f"STREAM.DELETE.{name}", None)

    def _api(self, call: str, body: object) -> Optional[dict[str, Any]]:
        answer = self.request(f"$JS.API.{call}", body)
        if not answer.body:
            raise AssertionError("this NATS server has no JetStream")
        error = answer.json.get("error")
        if error is None:
            return answer.json
        if error["code"] == NOT_FOUND:
            return None
        raise AssertionError(f"{call}: {error}")

    def _send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def _line(self) -> bytes:
        line = self._input.readline()
        if not line:
            raise AssertionError("the NATS server closed the connection")
        return line.rstrip(b"\r\n")

    def _read(self, deadline: float) -> Message:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError("no message came in time")
            self._socket.settimeout(left)
            try:
                message = self._message(self._line())
            except socket.timeout:
                raise AssertionError("no message came in time") from None
            finally:
                self._socket.settimeout(self.timeout)
            if message:
                return message

    def _message(self, line: bytes) -> Optional[Message]:
        word, _, rest = line.partition(b" ")
        if word == b"PING":
            self._send(b"PONG\r\n")
        elif word == b"-ERR":
            raise AssertionError(f"NATS: {rest.decode()}")
        elif word == b"MSG":
            fields = rest.decode().split(" ")
            return Message(fields[0], {}, self._exactly(int(fields[-1])))
        elif word == b"HMSG":
            fields = rest.decode().split(" ")
            raw = self._exactly(int(fields[-1]))
            head = int(fields[-2])
            return Message(fields[0], _headers(raw[:head]), raw[head:])
        return None

    def _exactly(self, size: int) -> bytes:
        raw = self._input.read(size + 2)
        return raw[:size]
