"""Chromium by Playwright, and axe's judgement of a page."""

from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path
from typing import Any

NEEDED = ("AWE_CHROMIUM", "AWE_PLAYWRIGHT")
TIMEOUT_MS = 20_000
# Rules of axe that must hold: WCAG 2.2 at level AA, and its best practices.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def is_there() -> bool:
    return all(os.environ.get(name) for name in NEEDED)


def packages() -> None:
    """Makes Playwright importable."""
    place = os.environ["AWE_PLAYWRIGHT"]
    if place not in sys.path:
        sys.path.insert(0, place)


class BrowserMixin(unittest.TestCase):
    """One browser for each class, one context (its cookies) for each test."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        packages()
        from playwright.sync_api import sync_playwright

        cls.driver = sync_playwright().start()
        cls.addClassCleanup(cls.driver.stop)
        # In containers there is no sandbox and little shared memory.
        words = ["--no-sandbox", "--disable-dev-shm-usage"]
        cls.chromium = cls.driver.chromium.launch(executable_path=os.environ["AWE_CHROMIUM"], args=words)
        cls.addClassCleanup(cls.chromium.close)

    def context(self, script: bool = True, language: str = "en") -> Any:
        made = self.chromium.new_context(java_script_enabled=script, locale=language)
        made.set_default_timeout(TIMEOUT_MS)
        self.addCleanup(made.close)
        return made

    def assert_accessible(self, page: Any) -> None:
        """No violation of axe's rules. The page's own policy lets no script in, so axe runs in a world of its own."""
        import axe_playwright_python

        source = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
        session = page.context.new_cdp_session(page)
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
        session.send("Runtime.evaluate", {"expression": source, "contextId": world})
        ask = f"axe.run({{runOnly: {TAGS}}}).then(found => JSON.stringify(found.violations))"
        asked = {"expression": ask, "contextId": world, "awaitPromise": True, "returnByValue": True}
        answer = session.send("Runtime.evaluate", asked)
        self.assertEqual(answer["result"].get("value"), "[]", answer)
        session.detach()
