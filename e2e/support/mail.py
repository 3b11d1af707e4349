"""A real SMTP server (aiosmtpd) that keeps the mails it takes, and fails when a test tells it to.

`./dev test` fetches aiosmtpd and names the folders to import it from in AWE_AIOSMTPD.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import importlib
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Callable, Optional

from support.server import free_port
from support.waiting import until

PLACES = "AWE_AIOSMTPD"
USERNAME, PASSWORD = "awe-mailer", "correct-horse"
IMPLICIT_TLS = 465
"""The port at which TLS begins with the first byte (RFC 8314)."""
TAKEN = "250 OK"

warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
logging.getLogger("mail.log").disabled = True  # sessions that end half-way are part of the tests


class Taken:
    """One mail, as it arrived."""

    def __init__(self, envelope: Any, encrypted: bool, user: Optional[str]) -> None:
        self.at = time.monotonic()
        self.encrypted, self.user = encrypted, user
        self.sender, self.recipients = envelope.mail_from, list(envelope.rcpt_tos)
        self.raw: bytes = envelope.original_content
        self.message: EmailMessage = email.message_from_bytes(self.raw, policy=email.policy.default)  # type: ignore[assignment]

    @property
    def subject(self) -> str:
        return str(self.message["subject"])

    @property
    def id(self) -> str:
        return str(self.message["message-id"])

    @property
    def text(self) -> str:
        return self.message.get_content()

    def __repr__(self) -> str:
        return f"<to {self.recipients}: {self.subject}>"


class MailServer:
    """Listens on one port of 127.0.0.1, which stays the same when it is stopped and started again.

    `answer` returns the server's answer to a recipient; `hold` delays the last answer to each mail.
    """

    def __init__(self, certificate: Optional[ssl.SSLContext] = None, login: bool = False, implicit: bool = False) -> None:
        for place in os.environ[PLACES].split(os.pathsep):
            if place not in sys.path:
                sys.path.append(place)
        self.port = IMPLICIT_TLS if implicit else free_port()
        self.certificate, self.login, self.implicit = certificate, login, implicit
        self.answer: Callable[[str], str] = lambda recipient: TAKEN
        self.asked: list[tuple[float, str]] = []
        """Each recipient that a sender named, and when."""
        self.sessions = 0
        self.held = threading.Event()
        """Set when a mail waits for its last answer because of `hold`."""
        self.hold = False
        self._taken: list[Taken] = []
        self._running: Any = None
        self.start()

    @property
    def settings(self) -> dict[str, object]:
        """The settings of a server that sends to it."""
        more = {"notifier.username": USERNAME, "notifier.password": PASSWORD} if self.login else {}
        return {
            "notifier.enabled": "true",
            "notifier.smtp_host": "127.0.0.1",
            "notifier.smtp_port": self.port,
            "notifier.use_tls": "true" if self.certificate else "false",
            "notifier.from_address": "AWE <awe@example.org>",
            "notifier.timeout_seconds": 3,
            "notifier.check_interval_seconds": 1,
            **more,
        }

    def start(self) -> None:
        controller, smtp = (importlib.import_module(f"aiosmtpd.{name}") for name in ("controller", "smtp"))
        options: dict[str, Any] = {"enable_SMTPUTF8": True, "ident": "test"}
        if self.certificate and not self.implicit:
            options.update(tls_context=self.certificate, require_starttls=True)
        if self.login:
            self._result = smtp.AuthResult
            # With implicit TLS there is no STARTTLS to require, although aiosmtpd would require it.
            starttls = bool(self.certificate) and not self.implicit
            options.update(authenticator=self._authenticate, auth_required=True, auth_require_tls=starttls)
        around = self.certificate if self.implicit else None
        self._running = controller.Controller(
            self, hostname="127.0.0.1", port=self.port, ssl_context=around, **options
        )
        self._running.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop(no_assert=True)
            self._running = None

    def taken(self, to: Optional[str] = None) -> list[Taken]:
        return [one for one in list(self._taken) if to is None or to in one.recipients]

    def wait_for(self, to: str, count: int = 1, within: float = 20.0) -> list[Taken]:
        return until(lambda: [*self.taken(to)] if len(self.taken(to)) >= count else None, f"mail to {to}", within)

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
        good = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
        return self._result(success=good, handled=False, auth_data=USERNAME)

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list) -> list:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list) -> str:
        self.asked.append((time.monotonic(), address))
        answer = self.answer(address)
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        while self.hold:
            self.held.set()
            await asyncio.sleep(0.02)
        self._taken.append(Taken(envelope, session.ssl is not None or self.implicit, session.auth_data))
        return TAKEN


def may_begin_with_tls() -> bool:
    """Whether a test may listen on the port of implicit TLS, which many systems reserve."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", IMPLICIT_TLS))
        except OSError:
            return False
    return True


def private_authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Makes an authority of its own, and a certificate for 127.0.0.1 signed by it."""
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")

    def openssl(*words: object) -> None:
        command = ["openssl", *(str(word) for word in words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"openssl: {done.stderr}")

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", 2, "-subj", "/CN=authority")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=mail")
    sign = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2, "-extfile", extensions)
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *sign)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return folder / "ca.pem", context
