"""`./dev check helm`: the chart renders to what its golden files say, fits Kubernetes, and refuses what is dangerous."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
from pathlib import Path

from scripts import golang, tools
from scripts.shell import DEV, ROOT, Failed, say

CHART = ROOT / "deploy" / "helm" / "awe"
GOLDEN = CHART / "tests" / "golden"
KUBERNETES = "1.31.0"
PROGRAMS = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.19.5",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0",
}
RUN_WITHIN = 120.0
# Not part of Kubernetes: their definitions come from those projects.
OTHERS = ("VirtualService", "Gateway", "ServiceMonitor", "ScaledObject", "TriggerAuthentication")
HOST = "global.aweHostname=awe.example.org"
CUSTODIAN = (
    "custodian.enabled=true",
    "custodian.hostname=data.example.org",
    "custodian.issuer=https://id.example.org/realms/customers",
    "custodian.backchannel.from[0].podSelector.matchLabels.app=server",
)
REFUSED = {
    "no host name": (),
    "a host name that is none": ("global.aweHostname=https://awe",),
    "an empty issuer": (HOST, "global.keycloakIssuerUrl="),
    "an empty issuer by way of config": (HOST, "config.keycloak.issuer="),
    "an issuer that is no URL": (HOST, "global.keycloakIssuerUrl=staff"),
    "a wildcard as redirect URI": (HOST, "keycloakInit.redirectUris={*}"),
    "a wildcard in the host": (HOST, "keycloakInit.redirectUris={https://*/x}"),
    "an issuer that the UI would not know of": (HOST, "config.keycloak.issuer=https://id.example.org/realms/x"),
    "a port that probes do not know of": (HOST, "config.server.port=9000"),
    "a port that Prometheus does not know of": (HOST, "config.telemetry.metrics_port=9000"),
    "a master key among settings": (HOST, "config.secrets.master_key=known"),
    "a client's secret among settings": (HOST, "config.keycloak.admin_client_secret=known"),
    "a credential among settings": (HOST, "config.credentials.hr.token=known"),
    "a password in the URL of NATS": (HOST, "nats.url=nats://awe:known@nats:4222"),
    "a role that cannot be granted anything": (HOST, "database.appUser=a.b"),
    "a gateway without a certificate": (HOST, "istio.gateway.enabled=true"),
    "no Secret and none made": (HOST, "secrets.generate=false"),
    "hooks that need a Secret of the same release": (HOST, "jobs.helmHooks=true"),
    "KEDA without a deployment of its own": (HOST, "keda.enabled=true"),
    "two ways in": (HOST, "ingress.enabled=true"),
    "an image that moves": (HOST, "image.tag=latest"),
    "a custodian without host name and issuer": (HOST, "custodian.enabled=true"),
    "a custodian that takes unsigned tokens": (HOST, *CUSTODIAN, "custodian.issuer="),
    "a custodian whose issuer is taken away by way of config": (HOST, *CUSTODIAN, "custodian.config.auth.issuer="),
    "a custodian in development mode": (HOST, *CUSTODIAN, "custodian.config.auth.allow_unsigned_on_network=true"),
    "a custodian on AWE's host": (HOST, *CUSTODIAN, "custodian.hostname=awe.example.org"),
    "a back-channel secret among settings": (HOST, *CUSTODIAN, "custodian.config.backchannel.client_secret=known"),
    "a signing key among settings": (HOST, *CUSTODIAN, "custodian.config.handoff.signing_key=known"),
    "a back-channel for nobody in particular": (HOST, *CUSTODIAN, "custodian.backchannel.from=null"),
    "a back-channel for a whole namespace": (HOST, *CUSTODIAN[:3], "custodian.backchannel.from[0].namespaceSelector.matchLabels.a=b"),
    "a back-channel for all pods": (HOST, *CUSTODIAN[:3], "custodian.backchannel.from[0].podSelector="),
    "a back-channel for everybody": (HOST, *CUSTODIAN[:3], "custodian.backchannel.from[0].ipBlock.cidr=0.0.0.0/0"),
    "a value that does not exist": (HOST, "replica=3"),
    "delivery scaled to nothing": (HOST, "split.enabled=true", "keda.enabled=true", "keda.minReplicas=0"),
}


def program(name: str) -> Path:
    """A program on PATH, or one that Go builds into `.dev` once. Raises Absent."""
    found = shutil.which(name)
    return Path(found) if found else golang.installed(PROGRAMS[name], name)


def ran(words: list, text: str | None = None) -> subprocess.CompletedProcess:
    given = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(words, capture_output=True, text=True, timeout=RUN_WITHIN, cwd=ROOT, **given)


def words_of(done: subprocess.CompletedProcess) -> str:
    """What a program complained of, without Helm's word on each link in the chart."""
    lines = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in lines if "found symbolic link" not in line)


def template(*more: str, release: str = "awe") -> subprocess.CompletedProcess:
    words = [program("helm"), "template", release, CHART, "-n", "awe", "--kube-version", KUBERNETES]
    return ran([*words, *more])


def cases() -> list:
    return sorted((CHART / "ci").glob("*.yaml"))


def rendered(case: Path) -> str:
    """The manifests of a case. What is drawn at random in generated Secrets is not compared."""
    done = template("-f", str(case))
    if done.returncode != 0:
        raise Failed(f"{case.relative_to(ROOT)} does not render:\n{words_of(done)}")
    documents = re.split(r"(?m)^---$", done.stdout)
    hide = lambda text: re.sub(r"(?m)^(  [\w.-]+): [A-Za-z0-9+/=]{24,}$", r"\1: RANDOM", text)  # noqa: E731
    return "---".join(hide(one) if "\nkind: Secret\n" in one else one for one in documents)


def golden() -> list:
    """What the chart renders compared with what it should."""
    faults = []
    for case in cases():
        file = GOLDEN / case.name
        want = file.read_text() if file.is_file() else ""
        lines = difflib.unified_diff(want.splitlines(), rendered(case).splitlines(), "golden", "now", lineterm="", n=2)
        told = list(lines)[:60]
        if told:
            faults.append(f"{file.relative_to(ROOT)} (`./dev gen deploy` writes it):\n" + "\n".join(told))
    return faults


def write() -> None:
    """Writes the golden files anew."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for old in GOLDEN.glob("*.yaml"):
        old.unlink()
    for case in cases():
        (GOLDEN / case.name).write_text(rendered(case))


def long_names() -> list:
    """Names that Kubernetes refuses where the release has the longest name that Helm takes."""
    done = template("-f", str(CHART / "ci" / "custodian.yaml"), release="r" * 53)
    if done.returncode != 0:
        return [f"a release with a long name does not render:\n{words_of(done)}"]
    return [f"longer than 63: {name}" for name in re.findall(r"(?m)^  name: (\S+)$", done.stdout) if len(name) > 63]


def refusals() -> list:
    faults = []
    for what, settings in REFUSED.items():
        done = template(*(word for one in settings for word in ("--set", one)))
        if done.returncode == 0:
            faults.append(f"the chart accepts {what}: {' '.join(settings)}")
        elif "execution error" not in done.stderr and "don't meet the specifications" not in done.stderr:
            faults.append(f"{what} is refused, but for another reason:\n{words_of(done)}")
    return faults


def definitions() -> Path:
    """JSON Schemas of Kubernetes, each with the definitions that it refers to inside of it."""
    source = tools.home(tools.KUBERNETES) / "kubernetes_validate" / "kubernetes-json-schema"
    tools.fetch(tools.KUBERNETES)
    made = DEV / "kubernetes" / f"v{KUBERNETES}-standalone-strict"
    if made.is_dir():
        return made.parent
    new = made.with_name(made.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    folder = source / f"v{KUBERNETES}-local-strict"
    shared = json.loads((folder / "_definitions.json").read_text())
    defs = shared.get("$defs") or shared["definitions"]
    for file in folder.glob("*-v[12].json"):
        text = re.sub(r'"\$ref":\s*"[^"#]*#/(?:\$defs|definitions)/', '"$ref": "#/definitions/', file.read_text())
        schema = json.loads(text)
        schema["definitions"] = needed(text, defs)
        (new / file.name).write_text(json.dumps(schema))
    new.rename(made)
    return made.parent


def needed(text: str, defs: dict) -> dict:
    """Those definitions that a schema refers to, and those that they refer to."""
    found: dict = {}
    waiting = re.findall(r'"#/definitions/([^"]+)"', text)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        own = re.sub(r'"\$ref":\s*"[^"#]*#/(?:\$defs|definitions)/', '"$ref": "#/definitions/', json.dumps(defs[name]))
        found[name] = json.loads(own)
        waiting.extend(re.findall(r'"#/definitions/([^"]+)"', own))
    return found


def conformity() -> list:
    """Whether Kubernetes would take the manifests."""
    kubeconform, schemas = program("kubeconform"), definitions()
    place = f"{schemas}/{{{{.NormalizedKubernetesVersion}}}}-standalone{{{{.StrictSuffix}}}}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    words = [kubeconform, "-strict", "-summary", "-kubernetes-version", KUBERNETES, "-schema-location", place]
    faults = []
    for case in cases():
        done = ran([*words, "-skip", ",".join(OTHERS)], rendered(case))
        if done.returncode != 0:
            faults.append(f"{case.name}: {words_of(done)}")
    wrong = ran(words, "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {prots: []}\n")
    if wrong.returncode == 0:
        faults.append("kubeconform lets a wrong field pass, so it proves nothing")
    return faults


def lint() -> list:
    done = ran([program("helm"), "lint", "--strict", "--kube-version", KUBERNETES, CHART, "--set", HOST])
    return [words_of(done)] if done.returncode != 0 else []


def check() -> None:
    """Raises Failed with every fault, or Absent where Helm or Kubernetes' schemas are not at hand."""
    program("helm")
    faults = [*lint(), *golden(), *long_names(), *refusals()]
    if faults:
        raise Failed("\n\n".join(faults))
    faults = conformity()
    if faults:
        raise Failed("\n\n".join(faults))
