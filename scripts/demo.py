"""`./dev up --demo`: services that call AWE, beside it, each with a database of its own and something to try."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

from scripts import custodian, keycloak, servers
from scripts.shell import Failed, say, stop_group

READY_WITHIN, END_WITHIN = 60.0, 30.0


@dataclass(frozen=True)
class Stand:
    """A running AWE, and where the demo's own files and programs are."""

    env_file: Path
    """What AWE has written, with BASE_URL and DATABASE_URL; what the services add goes there, too."""
    data: Path
    built: Path
    """The folder of the programs."""
    programs: dict
    """Where psql is, as `tools.servers` says."""
    ports: dict
    """Port of each service, by its name."""
    metrics_ports: dict = field(default_factory=dict)
    """Where each tells its metrics; nowhere unless it is named."""

    def known(self) -> dict:
        return servers.read_env(self.env_file)

    def database(self, name: str) -> str:
        """The URL of this database in AWE's PostgreSQL server; makes it unless it is there."""
        owner = self.known()["DATABASE_URL"]
        psql = shutil.which("psql", path=self.programs.get("AWE_POSTGRES_BIN")) or "psql"
        ask = [psql, "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", owner, "-c"]
        if self.attempt([*ask, f"select 1 from pg_database where datname = '{name}'"]).strip() != "1":
            self.attempt([*ask, f"create database {name} template template0"])
        return urlsplit(owner)._replace(path=f"/{name}").geturl()

    def attempt(self, command: list, env: dict | None = None) -> str:
        """Runs a command that ends by itself; returns what it prints. Raises Failed."""
        words = [str(word) for word in command]
        done = subprocess.run(words, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=READY_WITHIN)
        if done.returncode != 0:
            raise Failed(f"failed ({done.returncode}): {Path(words[0]).name} {words[1]}\n{done.stderr[-2000:]}")
        return done.stdout

    def secret(self, name: str, prefix: str = "") -> str:
        """The text of a secret, made once for this data."""
        file = self.data / f"{name}.secret"
        if not file.exists():
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(prefix + base64.b64encode(secrets.token_bytes(32)).decode())
        return file.read_text()


@dataclass(frozen=True)
class Service:
    """A service of the demo. `prepare` makes its data and returns the environment that it is served with."""

    name: str
    binary: str
    port: int
    metrics: int
    health: str
    prepare: Callable[[Stand], dict]
    tells: Callable[[Stand, dict], dict]
    """What other programs want to know, given that environment."""


def prepare_registry(stand: Stand) -> dict:
    known, port = stand.known(), stand.ports["registry"]
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")},
        "REGISTRY__SERVER__PORT": str(port),
        "REGISTRY__TELEMETRY__METRICS_PORT": str(stand.metrics_ports.get("registry", 0)),
        "REGISTRY__DATABASE__URL": stand.database("registry"),
        "REGISTRY__AWE__ENABLED": "true",
        "REGISTRY__AWE__BASE_URL": known["BASE_URL"],
        "REGISTRY__AWE__DEFAULT_CALLBACK_URL": f"http://127.0.0.1:{port}/v1/registry/awe/webhooks/decision",
        "REGISTRY__AWE__CALLBACK_HMAC_SECRET": stand.secret("callback", "whsec_"),
        "REGISTRY__AWE__CALLBACK_SECRET_ID": "seeded-below",
    }
    if "ISSUER" in known:
        env["REGISTRY__AUTH__ISSUER"] = known["ISSUER"]
        env["REGISTRY__AUTH__AUDIENCE"] = "awe"
        env["REGISTRY__AWE__SERVICE_CLIENT_ID"] = "registry-service"
        env["REGISTRY__AWE__SERVICE_CLIENT_SECRET"] = "demo-registry-service"
    program = stand.built / "awe-registry"
    stand.attempt([program, "migrate"], env)
    key, _, value = stand.attempt([program, "seed"], env).strip().partition("=")
    return {**env, key: value}


def tell_registry(stand: Stand, env: dict) -> dict:
    url = f"http://127.0.0.1:{stand.ports['registry']}"
    return {
        "REGISTRY_URL": url,
        "REGISTRY_DATABASE_URL": env["REGISTRY__DATABASE__URL"],
        "REGISTRY_UI_URL": url,
        "AWE_CALLBACK_SECRET": env["REGISTRY__AWE__CALLBACK_HMAC_SECRET"],
    }


def prepare_custodian(stand: Stand) -> dict:
    known, port = stand.known(), stand.ports["data-custodian"]
    env = {**servers.without_settings(dict(os.environ)), **custodian.settings(known, port, stand.metrics_ports.get("data-custodian", 0))}
    admin = None
    if "ISSUER" in known:
        env.update(custodian.of_realms(known["ISSUER"]))
        # Anybody knows those of development mode.
        env["BACKCHANNEL_CLIENT_SECRET"] = stand.secret("backchannel")
        env["ESPI_HANDOFF_SIGNING_KEY"] = stand.secret("handoff")
        admin = keycloak.token(known["ISSUER"], "admin")
    program = stand.built / "awe-data-custodian"
    stand.attempt([program, "migrate", "--create"], env)
    stand.attempt([program, "seed", "--return-url", custodian.RETURN_URL], env)
    custodian.apply_policy(known["BASE_URL"], admin)
    return env


def tell_custodian(stand: Stand, env: dict) -> dict:
    return {name: env[name] for name in custodian.environment(stand.known(), stand.ports["data-custodian"])}


SERVICES = (
    Service("registry", "awe-registry", 8010, 9466, "/v1/registry/health", prepare_registry, tell_registry),
    Service("data-custodian", "awe-data-custodian", custodian.PORT, custodian.METRICS_PORT, "/health", prepare_custodian, tell_custodian),
)
"""In the order in which they start. Cargo's package has the service's name."""


def packages() -> list:
    """What cargo build is told besides."""
    return [word for service in SERVICES for word in ("-p", service.name, "--bin", service.binary)]


@contextmanager
def beside(stand: Stand) -> Iterator[list]:
    """Runs the services beside AWE and adds to its env file where they are; yields their processes."""
    with ExitStack() as running:
        told: dict = {}
        children = []
        for service in SERVICES:
            if service.name not in stand.ports:
                continue
            say(f"starting {service.binary}")
            env = service.prepare(stand)
            log = stand.data / f"{service.name}.log"
            command = [str(stand.built / service.binary), "serve"]
            with log.open("a") as out:
                child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
                )
            running.callback(stop_group, child, signal.SIGTERM, END_WITHIN)
            wait_for(child, f"http://127.0.0.1:{stand.ports[service.name]}{service.health}", log)
            children.append(child)
            told.update(service.tells(stand, env))
        add(stand.env_file, told)
        yield children


def wait_for(child: subprocess.Popen, health: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Failed(f"it did not start ({child.returncode}); {log}:\n{servers.tail(log)}")
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"it was not ready within {READY_WITHIN:.0f} s; {log}:\n{servers.tail(log)}")


def add(env_file: Path, told: dict) -> None:
    """Adds lines to a file that programs may be reading."""
    part = env_file.with_suffix(".more")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(env_file.read_text())
        out.writelines(f"{key}={value}\n" for key, value in told.items())
    part.rename(env_file)


def up(awe: list, env: dict, stand: Stand) -> None:
    """Runs AWE with these words, and the services beside it, until one of them ends or a signal comes."""
    stand.env_file.unlink(missing_ok=True)
    child = subprocess.Popen([str(word) for word in awe], stdin=subprocess.DEVNULL, env=env, start_new_session=True)
    try:
        servers.wait_for(child, stand.env_file, ("BASE_URL", "DATABASE_URL", "NATS_URL"), stand.data / "awe.log")
        with beside(stand) as others:
            for service in (one for one in SERVICES if one.name in stand.ports):
                print(f"  {service.name:<14} http://127.0.0.1:{stand.ports[service.name]}   its log: {stand.data}/{service.name}.log", flush=True)
            while all(one.poll() is None for one in (child, *others)):
                time.sleep(0.2)
            if child.poll() is None:
                raise Failed(f"a service has ended; its log is in {stand.data}")
    finally:
        stop_group(child, signal.SIGTERM, END_WITHIN)
    if child.returncode not in (0, -signal.SIGTERM):
        raise Failed(f"awe ended with {child.returncode}")
