"""What ./dev bench is made of."""

from __future__ import annotations


class Failed(Exception):
    """Something the person at the keyboard can read and act on."""
