"""Costs of our processes: processor time and memory, read from /proc."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from parts import Failed

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
END_WITHIN = 40.0


@contextmanager
def child(name: str, command: list, env: dict, log: Path, **more: object) -> Iterator[subprocess.Popen]:
    """Runs a program and ends it by its process id, whatever happens."""
    with log.open("a") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=more.get("stdout", out),
            stderr=out,
            env=env,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)
    if process.returncode not in (0, -signal.SIGTERM):
        raise Failed(f"{name} ended with {process.returncode}; see {log}")


def end(process: subprocess.Popen) -> None:
    for number, patience in ((signal.SIGTERM, END_WITHIN), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except FileNotFoundError:
        pass
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    if not told:
        raise Failed(f"process {pid} is gone")
    return int(told) / 1024


class PeakRss:
    """Reads the memory of a process again and again in a thread of its own and keeps the maximum."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.25):
            try:
                self.mib = max(self.mib, rss_mib(self._pid))
            except Failed:
                return

    def __enter__(self) -> PeakRss:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _stat(pid: int) -> tuple[str, int, float]:
    """Name, parent and processor seconds of a process, children that have ended included."""
    text = (PROC / str(pid) / "stat").read_text()
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    return name, int(fields[1]), sum(map(int, fields[11:15])) / TICKS


def seconds_of(pid: int) -> float:
    """Processor seconds of one process."""
    return _stat(pid)[2]


def _all() -> dict:
    found = {}
    for entry in PROC.iterdir() if PROC.is_dir() else []:
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = _stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _below(roots: list) -> Iterator[tuple[int, str, float]]:
    """Process id, name and processor seconds of these processes and of all that descend from them."""
    processes, children = _all(), {}
    for pid, (_, parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    waiting = [pid for pid in roots if pid in processes]
    while waiting:
        pid = waiting.pop()
        name, _, seconds = processes[pid]
        yield pid, name, seconds
        waiting += children.get(pid, [])


def memory_mib(roots: list) -> dict:
    """Memory of the process trees under `roots`, by program. What processes share, as PostgreSQL's do, counts once."""
    found: dict = {}
    for pid, name, _ in _below(roots):
        try:
            found[name] = found.get(name, 0.0) + _proportional_mib(pid)
        except (OSError, Failed):
            continue
    return found


def _proportional_mib(pid: int) -> float:
    """Resident memory of a process, with its part of what it shares; all of it where the system does not tell parts."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except PermissionError:
        pass
    return rss_mib(pid)


class Cpu:
    """Processor seconds, by program, of the process trees under `roots`."""

    def __init__(self, roots: list) -> None:
        self._roots = roots

    def seconds(self) -> dict:
        spent: dict = {}
        for _, name, seconds in _below(self._roots):
            spent[name] = spent.get(name, 0.0) + seconds
        return spent

    def mark(self) -> tuple:
        """A moment for `others_since`."""
        return busy_seconds(), sum(self.seconds().values()), time.monotonic()

    def others_since(self, mark: tuple) -> float:
        """How many processors programs other than ours have kept busy since this moment."""
        machine, ours, now = (after - before for after, before in zip(self.mark(), mark))
        return max(0.0, (machine - ours) / now)

    @contextmanager
    def during(self, into: dict) -> Iterator[None]:
        """Puts each program's share of our processor time into `into`, and how many processors others kept busy."""
        before, children = self.seconds(), resource.getrusage(resource.RUSAGE_CHILDREN)
        machine, begun = busy_seconds(), time.monotonic()
        yield
        machine, passed = busy_seconds() - machine, time.monotonic() - begun
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = {name: seconds - before.get(name, 0.0) for name, seconds in self.seconds().items()}
        spent["k6"] = ended.ru_utime + ended.ru_stime - children.ru_utime - children.ru_stime
        total = sum(spent.values()) or 1.0
        shares = {name: round(seconds / total, 3) for name, seconds in spent.items() if seconds > 0.001 * total}
        into.update(shares=shares, others=round(max(0.0, (machine - total) / passed), 2))


def busy_seconds() -> float:
    """Processor seconds that the whole machine has used for anything; 0 where there is no /proc."""
    if not PROC.is_dir():
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, (PROC / "stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def busy_with_others() -> float:
    """How many processors are busy while we wait; a measurement on a busy machine is worth little."""
    before, begun = busy_seconds(), time.monotonic()
    time.sleep(1.0)
    return (busy_seconds() - before) / (time.monotonic() - begun)
