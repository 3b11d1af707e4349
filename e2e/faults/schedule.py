"""The faults of a seed: the same seed gives the same faults at the same moments."""

from __future__ import annotations

import random
from dataclasses import dataclass

EVERY = (0.5, 2.0)
"""Seconds from the beginning of one fault to that of the next."""
FIRST_AFTER = 1.0


@dataclass(frozen=True)
class Step:
    """One step: the beginning or the end of a fault."""

    at: float
    """Seconds from the beginning of the run."""
    kind: str
    """Name of a method of World."""
    which: int = 0
    """Which one of several, for example which server."""
    amount: float = 0.0
    """Depends on the kind: seconds of delay, seconds of clock offset."""
    begins: bool = True
    """Whether the step begins a fault; otherwise it ends one."""

    def __str__(self) -> str:
        amount = f" {self.amount:+.2f}" if self.amount else ""
        return f"{self.at:7.2f} s  {self.kind} {self.which}{amount}"


# Kind of fault, the step that ends it, how long it lasts, its amount. A fault with several lines is drawn more often.
FAULTS = (
    ("kill_server", "start_server", (0.0, 1.5), None),
    ("kill_server", "start_server", (0.0, 1.5), None),
    ("kill_worker", "start_worker", (0.0, 1.0), None),
    ("kill_worker", "start_worker", (0.0, 1.0), None),
    ("kill_nats", "start_nats", (0.1, 2.5), None),
    ("wipe_nats", "start_nats", (0.1, 1.0), None),
    ("remember_nats", "start_nats", (0.0, 0.2), None),
    ("rewind_nats", "start_nats", (0.1, 1.0), None),
    ("cut_nats", None, (0.0, 0.0), None),
    ("tear_nats", None, (0.0, 0.0), None),
    ("unanswer_nats", None, (0.0, 0.0), None),
    ("stall_nats", "flow_nats", (1.0, 4.0), None),
    ("strand_nats", None, (0.0, 0.0), None),
    ("kill_postgres", "start_postgres", (0.1, 2.5), None),
    ("kill_session", None, (0.0, 0.0), None),
    ("cut_postgres", None, (0.0, 0.0), None),
    ("tear_postgres", None, (0.0, 0.0), None),
    ("tear_postgres", None, (0.0, 0.0), None),
    ("unanswer_postgres", None, (0.0, 0.0), None),
    ("unanswer_postgres", None, (0.0, 0.0), None),
    ("slow_postgres", "heal_postgres", (1.0, 3.0), (0.01, 0.15)),
    ("stall_postgres", "heal_postgres", (0.5, 3.0), None),
    ("refuse_postgres", "heal_postgres", (0.5, 2.0), None),
    ("strand_postgres", None, (0.0, 0.0), None),
    ("jump_clock", "set_clock", (2.0, 6.0), (-240.0, 240.0)),
    ("make_overdue", None, (0.0, 0.0), None),
)


def draw(seed: int, seconds: float) -> list[Step]:
    """Draws every kind once in a random order, then again in another order, until the time is over."""
    chance = random.Random(seed)
    # The state that a later rewind_nats restores.
    steps = [Step(FIRST_AFTER / 2, "remember_nats"), Step(FIRST_AFTER / 2, "start_nats", begins=False)]
    deck, at = [], FIRST_AFTER
    while at < seconds:
        if not deck:
            deck = list(FAULTS)
            chance.shuffle(deck)
        kind, end, lasts, amounts = deck.pop()
        which = chance.randrange(2)
        amount = chance.uniform(*amounts) if amounts else 0.0
        steps.append(Step(at, kind, which, amount))
        if end:
            steps.append(Step(min(at + chance.uniform(*lasts), seconds), end, which, begins=False))
        at += chance.uniform(*EVERY)
    return sorted(steps, key=lambda step: step.at)
