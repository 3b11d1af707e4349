"""`./dev kube-test`: the chart and its teardown against a real API server. No pod ever runs: nothing schedules them."""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts import golang, helm, servers
from scripts.shell import ROOT, Absent, Failed, say, stop_group

VERSION = "1.34.4"
SERVER = golang.HOME / f"kube-apiserver-{VERSION}"
# Definitions of what is not part of Kubernetes: a module, its version, and where they lie in it.
DEFINITIONS = (
    ("istio.io/api", "v1.30.8", ("kubernetes/customresourcedefinitions.gen.yaml",)),
    (
        "github.com/kedacore/keda/v2",
        "v2.21.0",
        ("config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/bases/keda.sh_triggerauthentications.yaml"),
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        ("example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",),
    ),
)
NAMESPACE = "awe"
HOST = ("--set", "global.aweHostname=awe.example.org")
READY_WITHIN, RUN_WITHIN = 90.0, 180.0


def server() -> Path:
    """The API server, which Go builds once; its module has local replacements, so it is built by a module of ours."""
    if SERVER.is_file():
        return SERVER
    say(f"building kube-apiserver {VERSION} (once, some minutes)")
    short = VERSION.split(".", 1)[1]
    named = "k8s.io/component-base/version"
    flags = f"-s -w -X {named}.gitVersion=v{VERSION} -X {named}.gitMajor=1 -X {named}.gitMinor={short.split('.')[0]}"
    package = "k8s.io/kubernetes/cmd/kube-apiserver"
    with golang.module(SERVER) as folder:
        source = fetched("k8s.io/kubernetes", f"v{VERSION}")
        for line in (source / "go.mod").read_text().splitlines():
            name, arrow, place = line.strip().removeprefix("replace ").partition(" => ")
            if arrow and place.startswith("./staging/"):
                golang.go("mod", "edit", f"-replace={name}={name}@v0.{short}", cwd=folder)
        golang.go("get", "-tool", f"{package}@v{VERSION}", cwd=folder)
        golang.go("build", "-trimpath", f"-ldflags={flags}", "-o", SERVER.name, package, cwd=folder)
    return SERVER


def fetched(module: str, version: str) -> Path:
    """The folder of a module's files."""
    return Path(json.loads(golang.go("mod", "download", "-json", f"{module}@{version}"))["Dir"])


class Cluster:
    """A running API server, and the commands that speak to it."""

    def __init__(self, config: Path) -> None:
        # What names another cluster in the environment would win over the file.
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_KUBE", "HELM_NAMESPACE"))}
        self.env = {**ours, "KUBECONFIG": str(config), "PATH": f"{helm.program('helm').parent}:{os.environ['PATH']}"}

    def run(self, *words: object, text: str | None = None, code: int = 0) -> str:
        """What a command prints, its complaints included. Raises Failed."""
        given = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
        command = [str(word) for word in words]
        try:
            done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=RUN_WITHIN, **given)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done within {RUN_WITHIN:.0f} s: {' '.join(command)}") from None
        if done.returncode != code:
            raise Failed(f"ended with {done.returncode}, not {code}: {' '.join(map(str, words))}\n{(done.stdout + done.stderr)[-4000:]}")
        return done.stdout + done.stderr

    def kubectl(self, *words: object, text: str | None = None) -> str:
        return self.run("kubectl", *words, text=text)

    def names(self, kind: str, namespace: str = NAMESPACE) -> set:
        return set(self.kubectl("-n", namespace, "get", kind, "-o", "name").split())

    def secrets(self, namespace: str = NAMESPACE) -> dict:
        """What is in each Secret that the chart has made."""
        found = json.loads(self.kubectl("-n", namespace, "get", "secrets", "-o", "json"))["items"]
        return {one["metadata"]["name"]: one.get("data", {}) for one in found if one["type"] == "Opaque"}

    def helm(self, *words: object) -> str:
        """Runs Helm; a warning of the API server is a failure."""
        said = self.run("helm", *words)
        warned = [line for line in said.splitlines() if "arning" in line]
        if warned:
            raise Failed("the API server warns:\n" + "\n".join(warned))
        return said


@contextmanager
def cluster() -> Iterator[Cluster]:
    """etcd and an API server on free ports of loopback, with the namespaces of the test; both end with it."""
    if shutil.which("etcd") is None or shutil.which("kubectl") is None or shutil.which("openssl") is None:
        raise Absent("etcd, kubectl and openssl are needed (Debian: `apt-get install etcd-server`)")
    program = server()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="awe-kube-")))
        client, peer, port = servers.free_port(), servers.free_port(), servers.free_port()
        key, tokens, config = folder / "sa.key", folder / "tokens.csv", folder / "config"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True, timeout=60)
        token = base64.urlsafe_b64encode(os.urandom(24)).decode()
        tokens.write_text(f"{token},admin,1,system:masters\n")
        start(running, folder / "etcd.log", ["etcd", "--data-dir", folder / "etcd", *urls(client, peer)])
        start(
            running,
            folder / "apiserver.log",
            [
                program,
                f"--etcd-servers=http://127.0.0.1:{client}",
                f"--secure-port={port}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--cert-dir={folder / 'certs'}",
                "--service-account-issuer=https://test.invalid",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                f"--token-auth-file={tokens}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.0.0.0/24",
                # It waits for a controller that is not here.
                "--disable-admission-plugins=ServiceAccount",
            ],
        )
        config.write_text(json.dumps(kubeconfig(port, token)))
        found = Cluster(config)
        wait(found, folder / "apiserver.log")
        yield found


def urls(client: int, peer: int) -> list:
    here, there = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    words = ["--listen-client-urls", here, "--advertise-client-urls", here, "--listen-peer-urls", there]
    return [*words, "--initial-advertise-peer-urls", there, "--initial-cluster", f"default={there}"]


def kubeconfig(port: int, token: str) -> dict:
    where = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": where}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }


def start(running: ExitStack, log: Path, words: list) -> None:
    with log.open("w") as out:
        child = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    running.callback(stop_group, child, 15, 20)


def wait(found: Cluster, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            found.kubectl("get", "--raw", "/readyz")
            return
        except Failed:
            if time.monotonic() > deadline:
                raise Failed(f"the API server is not ready:\n{log.read_text()[-3000:]}") from None
        time.sleep(0.5)  # the poll of a deadline


def definitions(found: Cluster) -> None:
    """Makes the kinds of Istio, KEDA and Prometheus known, and the namespace of the test."""
    for module, version, files in DEFINITIONS:
        folder = fetched(module, version)
        for file in files:
            # `create`: what `apply` notes would be too large for some of them.
            found.kubectl("create", "-f", folder / file)
    for kind in ("virtualservices.networking.istio.io", "scaledobjects.keda.sh", "servicemonitors.monitoring.coreos.com"):
        found.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{kind}")
    namespace(found, NAMESPACE)


def namespace(found: Cluster, name: str) -> None:
    """A namespace that takes no pod with rights, and warns of what would make one."""
    found.kubectl("create", "namespace", name)
    for what in ("enforce", "warn"):
        found.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/{what}=restricted")


def expect(is_so: bool, what: str) -> None:
    if not is_so:
        raise Failed(what)


def life(found: Cluster) -> None:
    """install, upgrade, roll back, uninstall, install again: what was drawn at random stays"""
    found.helm("install", "awe", helm.CHART, "-n", NAMESPACE, *HOST)
    secrets, jobs = found.secrets(), found.names("jobs")
    expect(bool(secrets) and bool(jobs), "Secrets and Jobs are made")
    expect("virtualservice.networking.istio.io/awe" in found.names("virtualservices"), "calls come in by Istio")
    found.helm("upgrade", "awe", helm.CHART, "-n", NAMESPACE, *HOST, "--set", "image.tag=9.9.9")
    expect(found.secrets() == secrets, "an upgrade keeps every secret")
    expect(not jobs & found.names("jobs"), "an upgrade makes new Jobs, since those that are there cannot be changed")
    found.helm("rollback", "awe", "1", "-n", NAMESPACE)
    expect(found.secrets() == secrets and found.names("jobs") == jobs, "a rollback brings back what was, and keeps every secret")
    found.helm("uninstall", "awe", "-n", NAMESPACE)
    expect(found.secrets() == secrets, "what was drawn at random stays when the release goes")
    expect(not found.names("deployments") and not found.names("jobs"), "the rest goes")
    found.helm("install", "awe", helm.CHART, "-n", NAMESPACE, *HOST)
    expect(found.secrets() == secrets, "a new installation finds the secrets")


def cases(found: Cluster) -> None:
    """every case of ci/ is taken, without a warning"""
    for case in helm.cases():
        # One each: the Secrets of clients have the clients' names, and outlive their release.
        place = f"case-{case.stem}"
        namespace(found, place)
        # Helm waits for hooks, and nothing runs them here.
        found.helm("install", "awe", helm.CHART, "-n", place, "-f", case, "--no-hooks")
        if "helmHooks: true" in case.read_text():
            hooks = found.run(helm.program("helm"), "get", "hooks", "awe", "-n", place)
            found.kubectl("-n", place, "create", "-f", "-", text=hooks[hooks.index("---") :])
        found.helm("uninstall", "awe", "-n", place)
    wrong = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: {http: [{route: [{destination: {host: a, port: {number: b}}}]}]}\n"
    found.run("kubectl", "-n", NAMESPACE, "apply", "-f", "-", text=wrong, code=1)


def teardown(found: Cluster) -> None:
    """teardown.sh removes this release and nothing of another one in the same namespace"""
    beside = "beside"
    found.helm("install", beside, helm.CHART, "-n", NAMESPACE, "-f", helm.CHART / "ci" / "gitops.yaml", "--set", "jobs.helmHooks=false")
    found.kubectl("-n", NAMESPACE, "create", "secret", "generic", "somebody-elses", "--from-literal=a=b")
    script = ROOT / "deploy" / "teardown.sh"
    kinds = ("deployments", "secrets", "configmaps", "jobs", "services", "virtualservices", "networkpolicies")
    before = {kind: found.names(kind) for kind in kinds}
    found.run("bash", script, "--namespace", NAMESPACE, "--dry-run")
    expect(before == {kind: found.names(kind) for kind in kinds}, "a rehearsal changes nothing")
    # Without the PostgreSQL of the commons it cannot drop the database, goes on and says so at the end.
    said = found.run("bash", script, "--namespace", NAMESPACE, "--yes", code=1)
    expect("commons-postgresql" in said, f"it says what it could not do:\n{said}")
    left = {kind: found.names(kind) for kind in kinds}
    label = ("-l", f"app.kubernetes.io/instance={beside}", "-o", "name")
    for kind in kinds:
        its = set(found.kubectl("-n", NAMESPACE, "get", kind, *label).split())
        expect(its <= left[kind] and its == its & before[kind], f"{kind} of the other release are there still")
        ours = set(found.kubectl("-n", NAMESPACE, "get", kind, "-l", "app.kubernetes.io/instance=awe", "-o", "name").split())
        expect(not ours, f"{kind} of this release are gone, not {ours}")
    expect("secret/somebody-elses" in left["secrets"], "what carries no label of ours stays")
    found.helm("status", beside, "-n", NAMESPACE)
    found.run("bash", script, "--namespace", NAMESPACE, "--yes", code=1)


def main(words: list) -> None:
    argparse.ArgumentParser(prog="./dev kube-test", description=__doc__).parse_args(words)
    try:
        with servers.only_one("kube-test"), cluster() as found:
            definitions(found)
            for step in (life, cases, teardown):
                say(f"{step.__name__}: {step.__doc__}")
                step(found)
    except Absent as why:
        raise Failed(f"did not run: {why}") from None
    say(f"ran against kube-apiserver {VERSION}: life, cases, teardown; pods, policies and routes were not: nothing runs them")
