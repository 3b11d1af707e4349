"""The scenarios of loadtest/, run by k6."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parents[2] / "loadtest" / "scenarios"
WITHIN = 60.0
# A test says that a scenario works, not that this machine is fast.
PATIENT = {"P95_MS": 20_000, "LATE_MS": 20_000, "VUS": 4, "RATE": 10}
THRESHOLD_MISSED = 99


def run_scenario(name: str, port: int, **settings: object) -> subprocess.CompletedProcess:
    """Runs a scenario against the server on this port; these are variables of its environment."""
    k6 = os.environ.get("K6_BIN")
    if not k6:
        raise AssertionError("K6_BIN must be set: ./dev test does it")
    words = [k6, "run", "--quiet", "--no-usage-report", "--no-color", "--address", ""]
    for key, value in {"BASE_URL": f"http://127.0.0.1:{port}", **PATIENT, **settings}.items():
        words += ["-e", f"{key}={value}"]
    with tempfile.TemporaryDirectory(prefix="awe-k6-") as home:
        # Without our environment, since k6 hands all of it to the scenario.
        return subprocess.run(
            [*words, str(SCENARIOS / name / f"{name}.js")], capture_output=True, text=True, timeout=WITHIN,
            env={"HOME": home, "PATH": os.environ["PATH"]}, cwd=home, stdin=subprocess.DEVNULL,
        )  # fmt: skip
