"""A real Prometheus that scrapes one process with the configuration and rules of deploy/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from support import children
from support.server import free_port
from support.waiting import until

PROMETHEUS = "AWE_PROMETHEUS"
DEPLOYED = Path(__file__).resolve().parent.parent.parent / "deploy" / "prometheus"


class Prometheus:
    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def names(self) -> set[str]:
        """Every metric that it has read, histograms by their own name."""
        return set(self.get("/api/v1/metadata"))

    def is_up(self) -> bool:
        try:
            self.get("/api/v1/metadata")
        except OSError:
            return False
        return True


@contextmanager
def running(folder: Path, metrics_port: int) -> Iterator[Prometheus]:
    """Scrapes the process every second."""
    scrape = (DEPLOYED / "scrape.yaml").read_text()
    scrape = scrape.replace("127.0.0.1:9464", f"127.0.0.1:{metrics_port}")
    scrape = scrape.replace("scrape_interval: 15s", "scrape_interval: 1s").replace("scrape_timeout: 10s", "scrape_timeout: 1s")
    home = folder / "prometheus"
    home.mkdir()
    for rules in ("recording.yaml", "alerts.yaml"):
        shutil.copy(DEPLOYED / rules, home)
    (home / "prometheus.yaml").write_text(f"rule_files: [recording.yaml, alerts.yaml]\n{scrape}")
    port = free_port()
    words = ["--config.file=prometheus.yaml", f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.path=data"]
    with (home / "log").open("w") as log:
        child = children.start([os.environ[PROMETHEUS], *words], cwd=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        asked = Prometheus(port)
        until(asked.is_up, f"Prometheus answers (its log: {home / 'log'})", 30)
        yield asked
    finally:
        children.end(child)
