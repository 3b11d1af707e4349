"""The conformance kit, on a receiver of this package and on one that believes everybody."""

from __future__ import annotations

import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Type

from awe_client import Receiver, VerificationError
from awe_client.conformance import conform

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
FORGED = [
    "timestamp ten minutes old",
    "timestamp ten minutes ahead",
    "signed with another secret",
    "body changed after signing",
    "no signature",
]


class Believer(BaseHTTPRequestHandler):
    """Takes everything for true."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Careful(Believer):
    receiver = Receiver(SECRET)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.answer(self.receiver.handle(raw, self.headers.items(), lambda _: None).status)


class Conformance(unittest.TestCase):
    def serve(self, handler: Type[Believer]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/hooks?of=awe"

    def test_the_receiver_of_this_package_does_all_that_it_must_and_should(self) -> None:
        found = conform(self.serve(Careful), SECRET)
        found.check()
        self.assertGreaterEqual(len(found.judged), 16)
        self.assertEqual({one.verdict for one in found}, {"good"}, str(found))

    def test_one_that_believes_everybody_fails_by_each_forgery(self) -> None:
        found = conform(self.serve(Believer), SECRET)
        self.assertEqual([one.name for one in found.failures], FORGED)
        with self.assertRaisesRegex(AssertionError, "no signature .*\n.*expected 4xx"):
            found.check()

    def test_nobody_there_is_told_and_what_is_no_url_or_secret_is_refused(self) -> None:
        found = conform("http://127.0.0.1:9/hooks", SECRET)
        self.assertEqual({one.verdict for one in found}, {"unreached"})
        self.assertTrue(found.failures)
        with self.assertRaises(ValueError):
            conform("no url", SECRET)
        with self.assertRaises(VerificationError):
            conform("http://127.0.0.1:9/hooks", "short")
