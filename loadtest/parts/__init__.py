"""The parts of `./dev bench`."""

from __future__ import annotations


class Failed(Exception):
    """A failure that the person at the keyboard can read and act on."""
