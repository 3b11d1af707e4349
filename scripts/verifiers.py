"""Fetches the published Standard Webhooks verifiers for the end-to-end tests, pinned with their hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from scripts import tools
from scripts.shell import ROOT, Failed, say

PACKAGE = ROOT / "e2e" / "verifiers"
FETCH_WITHIN = 300.0


def fetch() -> dict:
    """Fetches both verifiers; returns the environment that names them. Without node, only Python's, except in CI."""
    env = {"AWE_STANDARDWEBHOOKS_PYTHON": str(tools.standardwebhooks())}
    if shutil.which("node") and shutil.which("npm"):
        return {**env, "AWE_STANDARDWEBHOOKS_NODE": str(node_modules())}
    if os.environ.get("CI"):
        raise Failed("node and npm are missing: in CI the JavaScript verifier of webhooks has to run")
    say("did not run: the JavaScript verifier of webhooks (install node and npm for it)")
    return env


def node_modules() -> Path:
    """The directory that contains `node_modules`, installed exactly as the committed lock file says."""
    lock = PACKAGE / "package-lock.json"
    target = tools.TOOLS / f"webhook-verifiers-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if target.is_dir():
        return target
    with tools.arriving(target) as new:
        new.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / name, new)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        try:
            done = subprocess.run(command, cwd=new, stdin=subprocess.DEVNULL, timeout=FETCH_WITHIN)
        except subprocess.TimeoutExpired:
            raise Failed(f"npm did not end within {FETCH_WITHIN:.0f} s") from None
        if done.returncode != 0:
            raise Failed("npm could not fetch the JavaScript verifier of webhooks (its words are above)")
    return target
