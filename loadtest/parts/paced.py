"""A light load in the background, so many lifecycles a second, whose latencies are told apart by when they began."""

from __future__ import annotations

import threading
import time

from parts import Failed
from parts.phases import percentiles
from parts.server import AS_APPROVER, AS_CALLER, POLICY_KEY, Client

THREADS = 8


class Paced:
    """Runs while the block does. Needs the policy of `apply_policy`."""

    def __init__(self, port: int, per_second: float) -> None:
        self._port, self._pause = port, THREADS / per_second
        self._took: dict = {"create": [], "decide": []}
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._threads = [threading.Thread(target=self._loop, args=(n,), daemon=True) for n in range(THREADS)]

    def __enter__(self) -> Paced:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def p95(self, what: str, begin: float, end: float) -> float:
        """Milliseconds of the calls that began between these moments (Unix seconds)."""
        if self._failure:
            raise Failed(f"the load beside it failed: {self._failure}")
        took = [ms for at, ms in list(self._took[what]) if begin <= at < end]
        if not took:
            raise Failed(f"nobody called ({what}) within these {end - begin:.1f} s")
        return percentiles(took)["p95"]

    def _loop(self, thread: int) -> None:
        client = Client(self._port)
        due = time.monotonic() + self._pause * thread / THREADS
        number = 0
        try:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                self._lifecycle(client, f"beside-{thread}-{number}")
                number += 1
                due += self._pause
        except Exception as failure:  # noqa: BLE001 - told by whoever reads the latencies
            self._failure = failure
        finally:
            client.close()

    def _lifecycle(self, client: Client, artifact: str) -> None:
        body = {"policy_key": POLICY_KEY, "artifact_type": "load_artifact", "artifact_id": artifact}
        made = self._timed("create", client, "/requests", body, AS_CALLER)
        self._timed("decide", client, f"/tasks/{made['tasks'][0]['id']}/decision", {"action": "approve"}, AS_APPROVER)

    def _timed(self, what: str, client: Client, path: str, body: dict, bearer: str) -> dict:
        at, begun = time.time(), time.perf_counter()
        answer = client.call("POST", path, body, bearer)
        self._took[what].append((at, (time.perf_counter() - begun) * 1000))
        return answer
