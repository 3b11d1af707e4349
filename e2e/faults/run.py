#!/usr/bin/env python3
"""`./dev faults`: runs of seeded faults, each followed by the checker."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from faults import checker, schedule
from faults.clients import Clients, Ledger
from faults.receiver import Receiver
from faults.world import World
from support.services import pause

SHORT = 60.0
MOST_SHOWN = 25


def options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the first run; later runs count on from it (default: drawn)")
    parser.add_argument("--runs", type=int, default=1, help="how many, each with servers of its own (default 1)")
    parser.add_argument("--seconds", type=float, default=90.0, help="of faults in each run (default 90)")
    parser.add_argument("--short", action="store_true", help=f"one run of {SHORT:.0f} s, as continuous integration does")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs, also of a run without violations")
    found = parser.parse_args(words)
    if found.short:
        found.runs, found.seconds = 1, SHORT
    if found.seed is None:
        found.seed = random.SystemRandom().randrange(1_000_000)
    if not (1 <= found.runs <= 1000 and 5 <= found.seconds <= 3600):
        parser.error("--runs is 1 to 1000, --seconds 5 to 3600")
    return found


def inject(world: World, steps: list[schedule.Step]) -> Counter:
    """Does every step at its time, or as soon as the step before is done."""
    begun = time.monotonic()
    injected: Counter = Counter()
    for step in steps:
        pause(max(0.0, begun + step.at - time.monotonic()))
        happened = world.do(step.kind, step.which, step.amount)
        print(f"    {step}{'' if happened else '  (nothing to do)'}", flush=True)
        if step.begins and happened:
            injected[step.kind] += 1
    return injected


def one_run(seed: int, seconds: float, keep: bool) -> tuple[int, int]:
    """Runs one seed; returns the faults injected and the violations found."""
    print(f"==> seed {seed}: {seconds:.0f} s of faults (again: ./dev faults --seed {seed} --seconds {seconds:.0f})")
    folder = Path(tempfile.mkdtemp(prefix="awe-faults-"))
    receiver, ledger = Receiver(seed), Ledger()
    world = None
    violations = ["the run did not end"]
    try:
        world = World(folder, seed)
        clients = Clients(seed, world.servers, receiver.url, ledger)
        clients.start()
        injected = inject(world, schedule.draw(seed, seconds))
        print("==> healing")
        world.heal()
        clients.stop()
        violations = checker.check(world, ledger, receiver.got)
        report(world, ledger, receiver, injected)
        for violation in violations[:MOST_SHOWN]:
            print(f"VIOLATION: {violation}")
        if len(violations) > MOST_SHOWN:
            print(f"... and {len(violations) - MOST_SHOWN} more")
        return sum(injected.values()), len(violations)
    except BaseException:
        if world is not None:
            print(world.last_words(), file=sys.stderr)
        raise
    finally:
        if world is not None:
            world.close()
        receiver.close()
        if violations or keep:
            print(f"    logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def report(world: World, ledger: Ledger, receiver: Receiver, injected: Counter) -> None:
    acknowledged = sum(create.answer is not None for create in ledger.creates.values())
    print(f"    faults: {', '.join(f'{kind} {count}' for kind, count in sorted(injected.items()))}")
    print(f"    receiver: {', '.join(f'{kind} {count}' for kind, count in sorted(receiver.behaved.items()))}")
    print(
        f"    clients: {ledger.answers} answers, {ledger.unanswered} lost; acknowledged {acknowledged} creates,"
        f" {len(ledger.decisions)} decisions, {len(ledger.cancelled)} cancels, {len(ledger.reassigned)} reassigns"
    )
    order = checker.order_of_first_attempts(receiver.got())
    print(f"    webhooks: {order['overtaken']} of {order['requests']} requests saw one overtaken by a later one")
    print(f"    stream: {len(world.disordered)} requests out of order where it lost what it had acknowledged")
    print(f"    peak memory: {', '.join(f'{name} {mib:.0f} MiB' for name, mib in sorted(world.peaks.items()))}", flush=True)


def main(words: list[str]) -> int:
    chosen = options(words)
    faults = violations = 0
    for number in range(chosen.runs):
        injected, found = one_run(chosen.seed + number, chosen.seconds, chosen.keep)
        faults, violations = faults + injected, violations + found
    print(f"==> {chosen.runs} runs from seed {chosen.seed}, {faults} faults injected, {violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
