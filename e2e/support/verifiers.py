"""The published Standard Webhooks verifiers, used as a receiver would.

`./dev test` fetches both and names them in AWE_STANDARDWEBHOOKS_PYTHON and AWE_STANDARDWEBHOOKS_NODE. Without node only
the Python one is used, and a message says so; CI must have it.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Callable

PYTHON, NODE = "AWE_STANDARDWEBHOOKS_PYTHON", "AWE_STANDARDWEBHOOKS_NODE"
SCRIPT = Path(__file__).resolve().parent.parent / "verifiers" / "verify.js"
TIMEOUT = 30.0

Verify = Callable[[Mapping[str, str], bytes, str], str]
"""Takes headers, body and secret; returns "ok" or the reason of the refusal."""


def by_python(headers: Mapping[str, str], raw: bytes, secret: str) -> str:
    place = os.environ[PYTHON]
    if place not in sys.path:
        sys.path.append(place)
    library = importlib.import_module("standardwebhooks")
    try:
        library.Webhook(secret).verify(raw, dict(headers))
    except library.WebhookVerificationError as refused:
        return f"WebhookVerificationError: {refused}"
    return "ok"


def by_javascript(headers: Mapping[str, str], raw: bytes, secret: str) -> str:
    line = json.dumps({"secret": secret, "headers": dict(headers), "body": base64.b64encode(raw).decode()})
    command = ["node", str(SCRIPT), os.environ[NODE]]
    done = subprocess.run(command, input=line + "\n", capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise AssertionError(f"node ended with {done.returncode}: {done.stderr}")
    return done.stdout.strip()


def published() -> dict[str, Verify]:
    """The verifiers, by language."""
    found: dict[str, Verify] = {"python": by_python}
    if os.environ.get(NODE):
        found["javascript"] = by_javascript
    return found
