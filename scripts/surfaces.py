"""`./dev check surfaces`: every setting of config/default.yaml reaches every way of running AWE, or is left out for a reason.

`.env.example` (compose) is generated from the settings. The chart hands on what stands below `config:`, the Terraform
module what stands in `settings`; secrets come from a Secret, so each must be wired or be named in the documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from scripts.shell import ROOT, Failed

DEFAULTS = ROOT / "config" / "default.yaml"
CUSTODIAN = ROOT / "services" / "data-custodian" / "config" / "default.yaml"
ENV = ROOT / ".env.example"
SECRETS_PAGE = ROOT / "docs" / "deploy.md"
HEAD = """# Copy to .env and take the `#` away from what you change; compose.yaml hands it to AWE.
# What compose.yaml itself sets (addresses, the database, the master key) wins.

# Ports on this machine, all on loopback.
#AWE_PORT=8000
#AWE_UI_PORT=8080
# Passwords inside of the containers' network. Letters, digits, `-`, `.`, `_` and `~`: they become part of URLs.
#AWE_POSTGRES_PASSWORD=postgres
#AWE_OWNER_PASSWORD=awe-owner
#AWE_APP_PASSWORD=awe-app
# Network of the containers, which webhooks may reach, and further ones, as in 10.20.0.0/16,10.30.0.0/16.
#AWE_SUBNET=172.30.86.0/24
#AWE_EGRESS=
# With --profile scale: what the service `awe` itself does, as in api,resolver,sla,relay,notifier.
#AWE_ROLES=
# With --profile demo.
#AWE_REGISTRY_PORT=8010
#AWE_CUSTODIAN_PORT=8020
#AWE_BACKCHANNEL_PORT=8021
#AWE_REGISTRY_SECRET=whsec_ZGVtby1yZWdpc3RyeS1jYWxsYmFjay1zZWNyZXQtMzI=
# With --profile keycloak: no unsigned tokens, but those of its realm.
#AWE_ALLOW_UNSIGNED=false
#AWE_ISSUER_ORIGIN=http://localhost:8081
#AWE__KEYCLOAK__ISSUER=http://localhost:8081/realms/staff
#AWE__KEYCLOAK__JWKS_URL=http://keycloak:8080/realms/staff/protocol/openid-connect/certs
#AWE__KEYCLOAK__BASE_URL=http://keycloak:8080
#AWE__KEYCLOAK__ADMIN_CLIENT_SECRET=demo-awe-admin-resolver
#AWE__KEYCLOAK__BROWSER_CLIENT_ID=awe-admin-portal
#AWE__AUTH__ROLE_CLIENTS=[awe-admin-portal]
#AWE_KEYCLOAK_PORT=8081
#AWE_KEYCLOAK_PASSWORD=admin
# With --profile telemetry.
#AWE_PROMETHEUS_PORT=9090
#AWE_GRAFANA_PORT=3000
#AWE_GRAFANA_PASSWORD=admin
"""
LEFT_OUT = {
    "server.ui_port": "for `awe dev` alone; nginx serves the UI",
    "keycloak.directory_file": "for development mode alone; would need a file in the container",
    "credentials": "one variable for each member of each credential, as config/default.yaml says",
}
"""Settings that `.env.example` does not carry."""
ALIASES = {"REGISTRATION_GATE_": "gate", "REGISTRATION_WEBHOOK_": "registration_webhook"}
"""Sections whose settings have a second name, everywhere where variables are given."""
SECRET = re.compile(r"(_secret|_token|password|master_keys?|auth_credential)$")


@dataclass(frozen=True)
class Setting:
    path: str
    value: str
    about: tuple

    @property
    def variable(self) -> str:
        return "AWE__" + self.path.upper().replace(".", "__")

    @property
    def is_secret(self) -> bool:
        return bool(SECRET.search(self.path))


def settings(text: str) -> list:
    """Every setting with its default and the comment above it, in order. The file nests by two spaces."""
    found, sections, about = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped:
            about = []
        elif stripped.startswith("#"):
            about.append(stripped.lstrip("# "))
        else:
            key = re.fullmatch(r"( *)([a-z_0-9]+):(?: (.+))?", line)
            if not key:
                raise Failed(f"{DEFAULTS.name}:{number} is neither a setting nor a section: {line}")
            depth = len(key[1]) // 2
            sections = [*sections[:depth], key[2]]
            if key[3] is not None:
                value = key[3].strip().strip('"')
                found.append(Setting(".".join(sections[1:]), value, tuple(about)))
            about = []
    return found


def example(all_: list) -> str:
    lines, section = [HEAD.rstrip("\n")], None
    for one in all_:
        if one.path in LEFT_OUT:
            continue
        first = one.path.split(".")[0] if "." in one.path else ""
        if first != section:
            lines += ["", f"# ---- {first or 'general'}"]
            section = first
        lines += [f"# {text}" for text in one.about]
        lines.append(f"#{one.variable}={'' if one.value == 'null' else one.value}")
    return "\n".join(lines) + "\n"


def write() -> None:
    ENV.write_text(example(settings(DEFAULTS.read_text())))


def unknown_in(file: Path, known: set) -> list:
    """Variables of AWE that a file names and that are no settings."""
    named = set(re.findall(r"\bAWE__[A-Z0-9_]+", file.read_text()))
    bad = {name for name in named if name not in known and not name.startswith("AWE__CREDENTIALS__")}
    return [f"{file.relative_to(ROOT)} names {name}, which is no setting" for name in sorted(bad - {"AWE__SECTION__KEY"})]


def paths_of(all_: list, section: str) -> list:
    return [one.path for one in all_ if one.path.startswith(f"{section}.")]


def unknown_aliases(known: set) -> list:
    """Names of the registry's kind that a page or a surface promises and that set nothing; and whether AWE knows the prefixes."""
    source = (ROOT / "services" / "awe" / "src" / "config" / "load.rs").read_text()
    faults = [f"{prefix} sets nothing any more" for prefix in ALIASES if f'"{prefix}"' not in source]
    for file in (ROOT / "docs" / "gate.md", SECRETS_PAGE, DEFAULTS, ROOT / "compose.yaml"):
        for name in set(re.findall(r"\bREGISTRATION_(?:GATE|WEBHOOK)_[A-Z0-9_]+[A-Z0-9]\b", file.read_text())) - known:
            faults.append(f"{file.relative_to(ROOT)} names {name}, which is no setting")
    return faults


def custodian_settings(text: str) -> set:
    """The variable of every setting of the data custodian, whose file has two levels."""
    found, section = set(), ""
    for line in text.splitlines():
        key = re.match(r"(  )?([a-z_]+):", line)
        if key and not key[1]:
            section = key[2]
        elif key:
            found.add(f"DATA_CUSTODIAN__{section}__{key[2]}".upper())
    return found


def unknown_of_the_custodian() -> list:
    """Variables by which the chart and compose set the data custodian, and that set nothing: it would not start."""
    known = custodian_settings(CUSTODIAN.read_text())
    golden = (ROOT / "deploy" / "helm" / "awe" / "tests" / "golden").glob("custodian*.yaml")
    faults = []
    for file in (ROOT / "compose.yaml", *sorted(golden)):
        named = set(re.findall(r"\bDATA_CUSTODIAN__[A-Z0-9_]+", file.read_text()))
        faults += [f"{file.relative_to(ROOT)} names {name}, which is no setting" for name in sorted(named - known)]
    return faults


def check() -> None:
    all_ = settings(DEFAULTS.read_text())
    known = {one.variable for one in all_}
    aliases = {prefix + path.removeprefix(f"{section}.").upper() for prefix, section in ALIASES.items() for path in paths_of(all_, section)}
    faults = [f"LEFT_OUT names {path}, which is no setting" for path in LEFT_OUT if path not in {s.path for s in all_}]
    if not ENV.is_file() or ENV.read_text() != example(all_):
        faults.append(".env.example is not what config/default.yaml says: `./dev gen deploy` writes it")
    chart = ROOT / "deploy" / "helm" / "awe" / "templates"
    terraform = ROOT / "deploy" / "terraform" / "aws-ecs"
    carriers = [ROOT / "compose.yaml", *sorted(chart.iterdir()), *sorted(terraform.glob("*.tf"))]
    for file in carriers:
        faults += unknown_in(file, known)
    faults += unknown_aliases(aliases)
    faults += unknown_of_the_custodian()
    page = SECRETS_PAGE.read_text()
    for one in all_:
        if one.is_secret and f"`{one.variable}`" not in page:
            faults.append(f"{one.path} is a secret: {SECRETS_PAGE.relative_to(ROOT)} must say how it is given ({one.variable})")
    if faults:
        raise Failed("\n".join(faults))
