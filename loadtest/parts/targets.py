"""How a bench with targets runs and ends: its table, its exit code, and what a failure looks like."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable

from parts import Failed
from parts.processes import Cpu, busy_with_others
from scripts import shell
from scripts.shell import Interrupted, interrupt, say

DISTURBED = 0.2


@dataclass
class Target:
    """One line of the table; `met` is None where there is a figure and no target."""

    what: str
    found: str
    wanted: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "missed"}[self.met]


def at_least(what: str, found: float, wanted: float, unit: str) -> Target:
    return Target(what, f"{found:,.0f} {unit}", f">= {wanted:,.0f}", found >= wanted)


def at_most(what: str, found: float, wanted: float, unit: str = "", digits: int = 2) -> Target:
    return Target(what, f"{found:,.{digits}f} {unit}".rstrip(), f"<= {wanted:g}", found <= wanted)


def under(what: str, found: float, wanted: float, unit: str = "", digits: int = 2) -> Target:
    return Target(what, f"{found:,.{digits}f} {unit}".rstrip(), f"< {wanted:g}", found < wanted)


def table(targets: list) -> str:
    width = max(50, *(len(one.what) for one in targets))
    lines = [f"  {'':<{width}}{'measured':>28}{'target':>12}"]
    for one in targets:
        lines.append(f"  {one.what:<{width}}{one.found:>28}{one.wanted:>12}  {one.verdict}".rstrip())
    return "\n".join(lines)


def add_strict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="end with 1 when a target is missed")


def run(measure: Callable[[argparse.Namespace, ExitStack], list], chosen: argparse.Namespace) -> int:
    """Measures, prints the table, and returns the exit code. What was started is stopped, also after a signal."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    others = busy_with_others()
    if others > DISTURBED:
        say(f"other programs keep {others:.1f} processors busy: measure again on a quiet machine")
    cpu = Cpu([os.getpid()])
    begun = cpu.mark()
    try:
        with ExitStack() as stack:
            found = measure(chosen, stack)
            found.append(Target("processors that others kept busy", f"{cpu.others_since(begun):.1f}"))
    except (Failed, shell.Failed, AssertionError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Interrupted as stop:
        return 128 + stop.number
    print(table(found))
    return 1 if chosen.strict and any(one.met is False for one in found) else 0
