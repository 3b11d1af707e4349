"""Child processes that do not outlive the suite, however it ends."""

from __future__ import annotations

import atexit
import signal
import subprocess
import threading

_lock = threading.Lock()
_living: set[subprocess.Popen] = set()


def start(command: list[str], **options: object) -> subprocess.Popen:
    with _lock:
        child = subprocess.Popen(command, **options)  # type: ignore[call-overload]
        _living.add(child)
    return child


def forget(child: subprocess.Popen) -> None:
    """Notes that this child has ended."""
    with _lock:
        _living.discard(child)


def end(child: subprocess.Popen, patience: float = 0.0) -> None:
    """Ends one child by its process id: by a signal if it may take `patience`, then by a kill."""
    if patience and child.poll() is None:
        child.terminate()
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    if child.poll() is None:
        child.kill()
        child.wait(10)
    forget(child)


def _end_all() -> None:
    for child in list(_living):
        end(child)


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


atexit.register(_end_all)
signal.signal(signal.SIGTERM, _stop)
