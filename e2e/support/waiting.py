"""Waiting on a condition until a deadline."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

Found = TypeVar("Found")

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.1


def until(condition: Callable[[], Found], what: str, within: float = 20.0) -> Found:
    """Asks again and again until the answer is truthy, and returns it; after `within` seconds it is a failure."""
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
