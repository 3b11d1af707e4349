"""The README's smoke test, run to the letter against `awe dev`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from scripts import demo  # noqa: E402

READY_WITHIN = 120.0
SMOKE_WITHIN = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Readme(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="awe-readme-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.env_file = self.folder / "env"
        command = [os.environ["AWE_BIN"], "dev", "--port", str(free_port()), "--ui-port", str(free_port())]
        command += ["--data", str(self.folder / "data"), "--env-file", str(self.env_file)]
        env = {**os.environ, "AWE__TELEMETRY__METRICS_PORT": "0"}
        self.log = (self.folder / "log").open("w+")
        self.addCleanup(self.log.close)
        self.server = subprocess.Popen(command, stdout=self.log, stderr=self.log, cwd=self.folder, env=env)
        self.addCleanup(self.stop)
        deadline = time.monotonic() + READY_WITHIN
        while not self.env_file.exists():
            self.assertIsNone(self.server.poll(), "awe dev ended: " + Path(self.log.name).read_text())
            self.assertLess(time.monotonic(), deadline, "awe dev was not ready")
            time.sleep(0.05)  # the poll of a deadline

    def stop(self) -> None:
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(60), 0, "awe dev stops in order")

    def test_the_smoke_test_ends_approved_with_signed_webhooks_and_events(self) -> None:
        self.smoke("python3 examples/sink.py")

    def test_the_walk_through_the_demo_ends_with_a_record_changed_and_names_on_both_sides(self) -> None:
        ports = {service.name: free_port() for service in demo.SERVICES}
        built = Path(os.environ["AWE_BIN"]).parent
        stand = demo.Stand(self.env_file, self.folder / "data", built, dict(os.environ), ports)
        with demo.beside(stand):
            ran = self.run_block("walk")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        lines = [line for line in ran.stdout.splitlines() if line]
        said = ran.stdout + ran.stderr
        decided = [line for line in lines if '"action":"approve"' in line]
        self.assertEqual(len(decided), 3, said)
        self.assertIn('"data":{"amount":1200,"district":"north"}', re.sub(r"[ \n]", "", said))
        self.assertEqual(lines[-4:], ["director-2", *(f'"comment":"by {who}"' for who in ("director-1", "director-2", "officer-1"))], said)

    def run_block(self, name: str) -> subprocess.CompletedProcess:
        """Runs the README's block of this name."""
        found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        self.assertIsNotNone(found, f"README.md has a block {name}")
        script = found.group(1).replace(". .dev/env", f". {self.env_file}")
        return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=SMOKE_WITHIN)

    def test_a_receiver_that_starts_slowly_misses_no_webhook(self) -> None:
        self.smoke("sleep 2; exec python3 examples/sink.py")

    def smoke(self, sink: str) -> None:
        text = (ROOT / "README.md").read_text()
        found = re.search(r"<!-- smoke -->\n```sh\n(.*?)```", text, re.DOTALL)
        self.assertIsNotNone(found, "README.md has a smoke test")
        script = found.group(1).replace(". .dev/env", f". {self.env_file}").replace("9099", str(free_port()))
        script = re.sub(r"python3 examples/sink\.py (.*?) &", rf"( {sink} \1 --seconds 20 ) &", script)
        ran = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=SMOKE_WITHIN)
        said = ran.stdout + ran.stderr
        lines = ran.stdout.splitlines()
        self.assertEqual(ran.returncode, 0, said)
        self.assertIn("approved", lines, said)
        # The sink writes to the same terminal as curl, whose answers end without a newline; its output may follow on
        # their line.
        webhooks = sorted(re.findall(r"webhook (\d+) (?:\S+) status=\S+ (\S+)", ran.stdout))
        self.assertEqual(webhooks, [(number, "verified") for number in ("1", "2", "4", "5")], said)
        events = [line.split()[1] for line in lines if line.startswith("event ")]
        self.assertEqual(events, ["1", "2", "3", "4", "5"], said)


if __name__ == "__main__":
    unittest.main()
