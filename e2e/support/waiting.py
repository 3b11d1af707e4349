"""Waiting for a condition, up to a deadline."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

Found = TypeVar("Found")

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.1


def until(condition: Callable[[], Found], what: str, within: float = 20.0) -> Found:
    """Calls `condition` again and again until its result is truthy, and returns that; fails after `within` seconds."""
    deadline = time.monotonic() + within
    pause = FIRST_PAUSE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within:.0f} s: {what} (last seen: {found!r})")
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
