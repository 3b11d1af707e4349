"""Fetches what the browser tests need into `.dev/tools`, pinned with hashes: Playwright and axe. Chromium is the system's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys

from scripts import tools
from scripts.shell import ROOT, Failed, say

REQUIREMENTS = ROOT / "scripts" / "requirements-browser.txt"
NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-core"]
WITHIN = 600.0


def fetch() -> dict:
    """Returns the environment that names the browser and its driver; without Chromium an empty one, except in CI."""
    browser = chromium()
    if browser is None:
        say("did not run: the browser tests (install chromium for them, or name it in AWE_CHROMIUM)")
        return {}
    return {"AWE_CHROMIUM": browser, "AWE_PLAYWRIGHT": str(packages())}


def chromium() -> str | None:
    """The system's Chromium. In CI it is installed where that can be done, and has to be there."""
    browser = os.environ.get("AWE_CHROMIUM") or found()
    if browser is None and os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing chromium")
        subprocess.run(["apt-get", "update", "--quiet"], stdin=subprocess.DEVNULL, timeout=WITHIN)
        subprocess.run(INSTALL, stdin=subprocess.DEVNULL, timeout=WITHIN)
        browser = found()
    if browser is None and os.environ.get("CI"):
        raise Failed("chromium is missing: in CI the browser tests have to run")
    return browser


def found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def packages():
    """The directory that Playwright and axe are imported from."""
    text = REQUIREMENTS.read_bytes()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = tools.TOOLS / f"browser-{python}-{hashlib.sha256(text).hexdigest()[:12]}"
    if target.is_dir():
        return target
    with tools.arriving(target) as new:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--only-binary", ":all:", "--target", new, "-r", REQUIREMENTS]
        env = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_ROOT_USER_ACTION": "ignore"}
        if subprocess.run(command, env=env, stdin=subprocess.DEVNULL, timeout=WITHIN).returncode != 0:
            raise Failed("pip could not fetch the driver of the browser (its words are above)")
    return target
