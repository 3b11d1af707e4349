"""`awe conform` tells a receiver that does what it must from one that believes everybody."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

from support.server import free_port, program
from support.waiting import until

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SINK = Path(__file__).resolve().parent.parent / "examples" / "sink.py"
FORGED = {
    "timestamp ten minutes old",
    "timestamp ten minutes ahead",
    "signed with another secret",
    "body changed after signing",
    "no signature",
}


class Believer(BaseHTTPRequestHandler):
    """Takes everything for true."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def conform(port: int, *more: str) -> subprocess.CompletedProcess:
    command = [program(), "conform", "--url", f"http://127.0.0.1:{port}/hooks", "--secret", SECRET, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Conform(unittest.TestCase):
    def test_the_example_receiver_does_what_it_must(self) -> None:
        port = free_port()
        command = [sys.executable, SINK, "--port", str(port), "--secret", SECRET]
        sink = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(sink.wait)
        self.addCleanup(sink.kill)
        until(lambda: conform(port, "--json").returncode != 2, "the receiver listens")
        done = conform(port)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("16 tried, 0 failed", done.stdout)

    def test_a_receiver_that_believes_everybody_fails_by_each_forgery(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Believer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "conform.xml"
            done = conform(server.server_port, "--json", "--junit", str(report))
            cases = ElementTree.parse(report).findall("testcase")
        self.assertEqual(done.returncode, 1, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual({one["name"] for one in told if one["verdict"] == "must"}, FORGED)
        failed = {case.get("name") for case in cases if case.find("failure") is not None}
        self.assertEqual((failed, len(cases)), (FORGED, len(told)))

    def test_nobody_there_is_told_apart(self) -> None:
        done = conform(free_port())
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("no answer", done.stdout)
