"""`awe-data-custodian` as a process, and whoever talks to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

from support import api, children, server
from support.case import EngineCase
from support.database import Database
from support.nats import Nats
from support.waiting import until

START_WITHIN, END_WITHIN = 60.0, 30.0
SUBSCRIPTIONS = "/internal/backchannel/v1/subscriptions"
RESOURCE = "/espi/1_1/resource"
USER, SECRET = "as-backchannel", "change-me-in-production"
KEY = "dev-only-handoff-signing-key-change-me"
OFFICER = "custodian-officer"
U1, U2 = "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666"
POLICY = Path(__file__).resolve().parents[2] / "services" / "data-custodian" / "gated_party.policy.json"


def program() -> str:
    return str(Path(os.environ["AWE_CUSTODIAN_BIN"]).absolute())


def environment(settings: dict[str, object]) -> dict[str, str]:
    """Our environment, with these settings only: `awe.url` becomes DATA_CUSTODIAN__AWE__URL."""
    ours = ("AWE_", "DATA_CUSTODIAN", "BACKCHANNEL_", "ESPI_")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    named = {f"DATA_CUSTODIAN__{key.upper().replace('.', '__')}": str(value) for key, value in settings.items()}
    return {**clean, **named, "NO_COLOR": "1", "RUST_BACKTRACE": "0"}


def run(words: list[str], settings: dict[str, object], more: Optional[dict[str, str]] = None) -> subprocess.CompletedProcess:
    """Runs a command that ends by itself."""
    return subprocess.run(
        [program(), *words], env={**environment(settings), **(more or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=START_WITHIN,
    )  # fmt: skip


def customer(number: int) -> str:
    return _unsigned({"sub": "c", "customer_id": number, "azp": "portal"})


def client(name: str) -> str:
    return _unsigned({"sub": "c", "azp": name})


def _unsigned(claims: dict[str, object]) -> str:
    return f"{_b64(json.dumps({'alg': 'none'}).encode())}.{_b64(json.dumps(claims).encode())}."


def grant(**changes: object) -> dict[str, Any]:
    return {
        "correlation_id": "c1",
        "client_id": "gated_party",
        "granted_scope": "FB=4_5_15",
        "retail_customer_id": 42,
        "selected_usage_point_ids": [U1],
        **changes,
    }


def outbound(key: str, return_url: str, lasts: timedelta = timedelta(minutes=5), **changes: object) -> str:
    """An outbound hand-off token, as an authorization server signs it."""
    now, moment = datetime.now(timezone.utc), "%Y-%m-%dT%H:%M:%S.%fZ"
    payload = {
        "v": 1, "dir": "outbound", "cid": "corr-1", "iat": now.strftime(moment), "exp": (now + lasts).strftime(moment),
        "nonce": secrets.token_urlsafe(16), "client_id": "third_party", "scope": "FB=4_5_15_54",
        "return_url": return_url, **changes,
    }  # fmt: skip
    text = _b64(json.dumps(payload).encode())
    return f"{text}.{_b64(hmac.digest(key.encode(), text.encode(), hashlib.sha256))}"


def returned(token: str) -> dict[str, Any]:
    """What a return token says; its MAC is not looked at."""
    text = token.partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Custodian:
    """`awe-data-custodian serve` on ports that are free, which it keeps over restarts."""

    def __init__(self, settings: dict[str, object], log: Path, start: bool = True) -> None:
        self.public = int(settings.get("public.port") or server.free_port())
        self.internal = server.free_port()
        self.metrics = server.free_port()
        ports = {"public.port": self.public, "internal.port": self.internal, "telemetry.metrics_port": self.metrics}
        self.settings = {**settings, **ports}
        self.log, self.secret = log, settings.get("backchannel.client_secret", SECRET)
        self.child: Optional[subprocess.Popen] = None
        if start:
            self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.public}"

    def launch(self) -> None:
        with self.log.open("a") as out:
            self.child = children.start(
                [program(), "serve"], env=environment(self.settings), cwd=self.log.parent,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip

    def start(self) -> None:
        self.launch()
        until(self.is_up, "the custodian answers", START_WITHIN)

    def is_up(self) -> bool:
        assert self.child is not None
        if self.child.poll() is not None:
            raise AssertionError(f"the custodian ended with {self.child.returncode}:\n{server.tail(self.log)}")
        try:
            return self.call("GET", "/health").status == 200
        except api.LOST:
            return False

    def kill(self) -> None:
        """kill -9."""
        assert self.child is not None
        children.end(self.child)

    def stop(self) -> None:
        assert self.child is not None
        children.end(self.child, patience=END_WITHIN)

    def call(self, method: str, path: str, bearer: Optional[str] = None) -> api.Answer:
        """A call of the public listener."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return send(self.public, method, path, None, headers)

    def provision(self, body: dict[str, Any], **more: str) -> api.Answer:
        credential = base64.b64encode(f"{USER}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {credential}", "Content-Type": "application/json", **more}
        return send(self.internal, "POST", SUBSCRIPTIONS, json.dumps(body).encode(), headers)

    def authorization(self, id_: str, bearer: Optional[str] = None) -> dict[str, Any]:
        return self.call("GET", f"{RESOURCE}/Authorization/{id_}", bearer or customer(42)).expect(200)

    def scrape(self) -> str:
        """What Prometheus is told."""
        return send(self.metrics, "GET", "/metrics", None, {}).raw.decode()

    def metric(self, series: str) -> int:
        """The value of a series of our own: `events_forged_total`."""
        lines = (line.rpartition(" ") for line in self.scrape().splitlines())
        return next(int(value) for name, _, value in lines if name == f"custodian_{series}")


def send(port: int, method: str, path: str, body: Optional[bytes], headers: dict[str, str]) -> api.Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return api.Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class CustodianCase(EngineCase):
    """AWE with the policy of the gated client, and a seeded database for custodians."""

    gated = True

    def setUp(self) -> None:
        super().setUp()
        self.own = Database(os.environ["DATABASE_URL"])
        self.addCleanup(self.own.drop)
        self.subjects = f"cust{secrets.token_hex(6)}"
        self.addCleanup(self._delete_own_stream)
        self.custodian_settings: dict[str, object] = {
            "database.url": self.own.url,
            "database.max_connections": 8,
            "nats.url": self.nats_url,
            "nats.awe_prefix": self.prefix,
            "nats.durable": f"data-custodian-{self.prefix}",
            "nats.prefix": self.subjects,
        }
        self.prepare("migrate")
        self.prepare("seed")
        if self.gated:
            self.migrate()
            self.awe = self.serve(**self.awe_settings())
            self.custodian_settings["awe.url"] = f"http://127.0.0.1:{self.awe.port}"
            self.apply_policy()

    def awe_settings(self) -> dict[str, object]:
        return {}

    def prepare(self, *words: str) -> None:
        done = run(list(words), self.custodian_settings)
        self.assertEqual(done.returncode, 0, done.stdout)

    def admin(self) -> api.Client:
        return self.awe.admin()

    def apply_policy(self) -> None:
        policy = json.loads(POLICY.read_text())
        with self.admin() as admin:
            admin.post("/policies", policy).expect(201)
            admin.post(f"/policies/{policy['policy_key']}/versions/1/activate").expect(200)

    def custodian(self, **settings: object) -> Custodian:
        """Starts a replica. `awe__url=""` sets awe.url."""
        named = {key.replace("__", "."): value for key, value in settings.items()}
        log = self.folder / f"custodian-{len(list(self.folder.glob('custodian-*.log'))) + 1}.log"
        self.addCleanup(lambda: self._logs.append((log.name, server.tail(log))))
        started = Custodian({**self.custodian_settings, **named}, log)
        self.addCleanup(started.stop)
        return started

    def decide(self, request_id: str, action: str = "approve", **headers: str) -> None:
        """The officer decides; the custodian's own requests are visible to administrators."""
        with self.awe.client(OFFICER) as officer:
            task = officer.get(f"/tasks?request_id={request_id}").expect(200)["items"][0]["id"]
            officer.post(f"/tasks/{task}/decision", {"action": action}, headers).expect(201)

    def request(self, request_id: str) -> dict[str, Any]:
        with self.awe.admin() as admin:
            return admin.get(f"/requests/{request_id}").expect(200)

    def until_status(self, custodian: Custodian, id_: str, status: str) -> dict[str, Any]:
        def reached() -> Optional[dict[str, Any]]:
            found = custodian.authorization(id_)
            return found if found["status"] == status else None

        return until(reached, f"authorization {id_} is {status}", within=40)

    def changes(self, id_: str) -> list[str]:
        """Every status that the authorization had, in order."""
        sql = f"select status from authorization_changes where authorization_id = '{id_}' order by id"
        return self.own.value(sql).split()

    def stored(self) -> int:
        return self.own.count("select count(*) from authorizations")

    def _delete_own_stream(self) -> None:
        with Nats(self.nats_url) as nats:
            nats.delete_stream(f"{self.subjects.upper()}_EVENTS")
