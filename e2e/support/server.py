"""`awe` as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Optional

from support import api, children
from support.waiting import until

START_WITHIN, END_WITHIN = 40.0, 40.0


def program() -> str:
    return str(Path(os.environ["AWE_BIN"]).absolute())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(settings: dict[str, object]) -> dict[str, str]:
    """Our environment, with these settings only: `webhook.max_attempts` becomes AWE__WEBHOOK__MAX_ATTEMPTS. Metrics are
    off unless they are asked for, because many servers run on this machine."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWE_")}
    settings = {"telemetry.metrics_port": 0, **settings}
    named = {f"AWE__{key.upper().replace('.', '__')}": str(value) for key, value in settings.items()}
    return {**clean, **named, "NO_COLOR": "1", "RUST_BACKTRACE": "0"}


def run(
    words: list[str], settings: dict[str, object], cwd: Path, binary: Optional[str] = None
) -> subprocess.CompletedProcess:
    """Runs a command that ends by itself; `binary` is another build than the one that is tested."""
    child = children.start(
        [binary or program(), *words],
        env=environment(settings),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = child.communicate(timeout=START_WITHIN)
        return subprocess.CompletedProcess(words, child.returncode, output)
    finally:
        children.end(child)


class Server:
    """`awe serve` on a loopback port, with a log file that is kept over restarts."""

    def __init__(
        self,
        settings: dict[str, object],
        log: Path,
        log_filter: str = "info",
        roles: str = "",
        more: Optional[dict[str, str]] = None,
        binary: Optional[str] = None,
    ) -> None:
        self.binary = binary or program()
        self.port = free_port()
        self.settings = {**settings, "server.host": "127.0.0.1", "server.port": self.port}
        self.log, self.log_filter = log, log_filter
        self.words = ["serve", "--roles", roles] if roles else ["serve"]
        self.more = more or {}
        self.child: Optional[subprocess.Popen] = None
        self.start()

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def launch(self) -> None:
        """Starts it without waiting until it answers."""
        with self.log.open("a") as out:
            self.child = children.start(
                [self.binary, *self.words],
                env={**environment(self.settings), "AWE_LOG": self.log_filter, **self.more},
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def start(self) -> None:
        self.launch()
        try:
            until(self.is_up, "the server answers", START_WITHIN)
        except BaseException:
            self.kill()
            raise

    def is_up(self) -> bool:
        assert self.child is not None
        if self.child.poll() is not None:
            raise AssertionError(f"awe serve ended with {self.child.returncode}:\n{tail(self.log)}")
        try:
            with self.client() as anybody:
                return anybody.get("/health").status == 200
        except api.LOST:
            return False

    def client(self, subject: Optional[str] = None, *roles: str) -> api.Client:
        return api.Client(self.port, subject, *roles)

    def admin(self, subject: str = "admin") -> api.Client:
        return self.client(subject, api.ADMIN)

    def terminate(self) -> None:
        """Asks it to stop, without waiting."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Waits until it has ended."""
        assert self.child is not None
        try:
            return self.child.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"awe serve did not end:\n{tail(self.log)}") from None

    def kill(self) -> None:
        """kill -9."""
        assert self.child is not None
        children.end(self.child)

    def stop(self) -> None:
        assert self.child is not None
        children.end(self.child, patience=END_WITHIN)


def tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
