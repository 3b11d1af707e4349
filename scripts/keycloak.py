"""The real Keycloak on loopback: fetched with Maven, prepared once, with the realm of deploy/keycloak."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from scripts import servers
from scripts.shell import DEV, ROOT, Failed, say, stop_group
from scripts.tools import TOOLS, arriving

VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
OLDEST_JAVA = 17
REALMS = ROOT / "deploy" / "keycloak"
DATA = DEV / "keycloak"
BROWSER_CLIENT, PORTAL_CLIENT = "awe-admin-portal", "registry-staff-portal"
FETCH_WITHIN, BUILD_WITHIN, READY_WITHIN, END_WITHIN = 900.0, 600.0, 300.0, 30.0

WELCOME = """    Keycloak http://localhost:{port}/admin/  (admin, admin)
    Realm    staff: admin, viewer, alice, bob, carol, erin, frank, grace, heidi; each password is the name
    Tokens   ./dev token admin"""

NO_JAVA = f"install Java {OLDEST_JAVA} or newer, or name its folder in JAVA_HOME"
NO_MAVEN = f"""Maven (mvn) is missing, and Keycloak {VERSION} is fetched with it. One of these helps:
  - install Maven (Debian, Ubuntu: `apt-get install maven`)
  - name the folder of an unpacked Keycloak 26 in AWE_KEYCLOAK_HOME"""


def has_java() -> bool:
    """Whether the Java that Keycloak would use is new enough."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    try:
        said = subprocess.run([program or "java", "-version"], capture_output=True, text=True, timeout=20).stderr
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(r'version "(\d+)', said)
    return found is not None and int(found.group(1)) >= OLDEST_JAVA


def fetch() -> Path:
    """Fetches and prepares Keycloak unless that is done; returns its folder."""
    if not has_java():
        raise Failed(f"Keycloak needs Java: {NO_JAVA}")
    named = os.environ.get("AWE_KEYCLOAK_HOME")
    if named:
        return Path(named)
    target = TOOLS / f"keycloak-{VERSION}"
    if target.is_dir():
        return target
    if shutil.which("mvn") is None:
        raise Failed(NO_MAVEN)
    with arriving(target) as new:
        download(new.parent)
        say("preparing Keycloak (once, up to a minute)")
        prepare(new)
    return target


def download(folder: Path) -> None:
    """Unpacks the distribution into a folder, if its hash is the expected one."""
    command = ["mvn", "-B", "-q", f"-Dmaven.repo.local={folder / 'repository'}", COPY]
    command += [f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
    attempt("mvn could not fetch Keycloak", command, FETCH_WITHIN)
    archive = next(folder.glob("keycloak-*.zip"))
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise Failed(f"{archive.name} is not what was expected: its SHA-256 is {found}, not {SHA256}")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)


def prepare(home: Path) -> None:
    """Lets Keycloak compute once what depends only on its settings, so that starts are faster."""
    program(home).chmod(0o755)
    attempt("Keycloak could not be prepared", [program(home), "build", "--db=dev-file"], BUILD_WITHIN)


def attempt(what: str, command: list, within: float) -> None:
    """Runs a command; prints nothing unless it fails."""
    try:
        done = subprocess.run(
            [str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{what}: no end within {within:.0f} s") from None
    if done.returncode != 0:
        raise Failed(f"{what} ({done.returncode}):\n{(done.stdout + done.stderr)[-4000:]}")


def program(home: Path) -> Path:
    return home / "bin" / "kc.sh"


class Keycloak:
    """A Keycloak server as a child process. Its database is kept in `data`; without it, in memory."""

    def __init__(self, home: Path, port: int, password: str, data: Path | None = None) -> None:
        self.url = f"http://localhost:{port}"
        self.password = password
        self.log = DEV / "keycloak.log"
        database = f"file:{data / 'keycloak'}" if data else "mem:keycloak"
        command = [program(home), "start", "--optimized", f"--hostname={self.url}", "--http-enabled=true"]
        command += ["--http-host=127.0.0.1", f"--http-port={port}", "--cache=local"]
        env = {
            **os.environ,
            "KC_DB_URL": f"jdbc:h2:{database};NON_KEYWORDS=VALUE;DB_CLOSE_DELAY=-1",
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
            "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m",
        }
        with self.log.open("w") as out:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=env,
                start_new_session=True,
            )

    def ready(self) -> dict:
        """Waits until the server answers and knows the realm; returns the environment that tells tests about it."""
        deadline = time.monotonic() + READY_WITHIN
        while not self.answers("master"):
            if self.child.poll() is not None:
                raise Failed(f"Keycloak did not start ({self.child.returncode}); {self.log}:\n{servers.tail(self.log)}")
            if time.monotonic() > deadline:
                raise Failed(f"Keycloak was not ready within {READY_WITHIN:.0f} s; {self.log}:\n{servers.tail(self.log)}")
            time.sleep(0.2)
        self.know("staff")
        return {"KEYCLOAK_URL": self.url, "KEYCLOAK_ADMIN_PASSWORD": self.password}

    def answers(self, realm: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/realms/{realm}", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def know(self, realm: str) -> None:
        """Makes this realm of deploy/keycloak unless it is there."""
        if self.answers(realm):
            return
        file = REALMS / f"{realm}-realm.json"
        bearer = token(f"{self.url}/realms/master", "admin", self.password, client="admin-cli")
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        creation = urllib.request.Request(f"{self.url}/admin/realms", file.read_bytes(), headers)
        try:
            urllib.request.urlopen(creation, timeout=120).close()
        except urllib.error.HTTPError as refusal:
            said = refusal.read().decode(errors="replace")[:1000]
            raise Failed(f"Keycloak did not take {file.relative_to(ROOT)} ({refusal.code}): {said}") from None

    def serve_pages_at(self, page: str, client: str = BROWSER_CLIENT, realm: str = "staff") -> None:
        """Lets people sign in on pages at this origin, as in `http://127.0.0.1:8080`, by this client of a realm."""
        bearer = token(f"{self.url}/realms/master", "admin", self.password, client="admin-cli")
        clients = f"{self.url}/admin/realms/{realm}/clients"
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        query = urllib.request.Request(f"{clients}?clientId={client}", headers=headers)
        with urllib.request.urlopen(query, timeout=30) as answer:
            known = json.load(answer)[0]
        for name, value in (("redirectUris", f"{page}/*"), ("webOrigins", page)):
            known[name] = sorted({*known[name], value})
        change = urllib.request.Request(f"{clients}/{known['id']}", json.dumps(known).encode(), headers, method="PUT")
        urllib.request.urlopen(change, timeout=30).close()

    def stop(self) -> None:
        stop_group(self.child, signal.SIGTERM, END_WITHIN)


def token(issuer: str, username: str, password: str | None = None, client: str = "awe-demo-cli") -> str:
    """An access token of a demo user, whose password is the user name unless another one is given."""
    form = {"grant_type": "password", "client_id": client, "username": username, "password": password or username}
    try:
        with urllib.request.urlopen(
            f"{issuer}/protocol/openid-connect/token", urlencode(form).encode(), timeout=30
        ) as answer:
            return json.load(answer)["access_token"]
    except urllib.error.HTTPError as refusal:
        said = json.loads(refusal.read() or b"{}").get("error_description", "without a reason")
        raise Failed(f"{issuer} gives {username} no token: {said}") from None
    except OSError as cause:
        raise Failed(f"{issuer} cannot be reached: {cause}") from None


def for_tests(running: ExitStack) -> Keycloak | None:
    """Starts a server without data, which `running` stops; does not wait for it. Without Java, None except in CI."""
    if not has_java() and not os.environ.get("CI"):
        say(f"will not run: the tests with a real Keycloak, e2e/test_keycloak_*.py ({NO_JAVA})")
        return None
    home = fetch()
    DEV.mkdir(exist_ok=True)
    keycloak = Keycloak(home, servers.free_port(), secrets.token_urlsafe(16))
    running.callback(keycloak.stop)
    return keycloak


@contextmanager
def development(port: int, ui_port: int, master_key: Path, demo_ports: dict) -> Iterator[dict]:
    """Runs a server for `./dev up` whose data is kept; yields the settings with which AWE trusts it.

    A server of AWE with an issuer is not in development mode and needs a master key, so one is made as well. `demo_ports`:
    of the services of the demo, whose pages people sign in on, too.
    """
    home = fetch()
    DATA.mkdir(parents=True, exist_ok=True)
    say("starting Keycloak (half a minute)")
    keycloak = Keycloak(home, port, "admin", DATA)
    try:
        keycloak.ready()
        keycloak.serve_pages_at(f"http://127.0.0.1:{ui_port}")
        if "registry" in demo_ports:
            keycloak.serve_pages_at(f"http://127.0.0.1:{demo_ports['registry']}", PORTAL_CLIENT)
        if "data-custodian" in demo_ports:
            keycloak.know("customers")
            page = f"http://127.0.0.1:{demo_ports['data-custodian']}"
            keycloak.serve_pages_at(page, "data-custodian", "customers")
        make_key(master_key)
        yield {**settings(keycloak.url), "AWE__SECRETS__MASTER_KEY_FILE": str(master_key)}
    finally:
        keycloak.stop()


def make_key(file: Path) -> None:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(base64.b64encode(secrets.token_bytes(32)))


def settings(url: str) -> dict:
    """The settings of AWE for the realm, its demo users and its clients."""
    return {
        "AWE__KEYCLOAK__BASE_URL": url,
        "AWE__KEYCLOAK__ISSUER": f"{url}/realms/staff",
        "AWE__KEYCLOAK__AUDIENCE": "awe",
        "AWE__KEYCLOAK__BROWSER_CLIENT_ID": BROWSER_CLIENT,
        "AWE__KEYCLOAK__ADMIN_CLIENT_SECRET": "demo-awe-admin-resolver",
        "AWE__AUTH__ROLE_CLIENTS": "[awe-admin-portal]",
        # Receivers of webhooks also run on this machine.
        "AWE__EGRESS__ALLOW_CIDRS": "[127.0.0.0/8]",
    }
