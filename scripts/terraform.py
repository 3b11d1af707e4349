"""`./dev check terraform`: the module parses, is formatted, names nothing that it does not have, and says what its
variables are. Whether the provider takes it is not said: that needs the provider."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from scripts import tools
from scripts.shell import ROOT, Failed

MODULE = ROOT / "deploy" / "terraform" / "aws-ecs"
PARSE = "import json, sys, hcl2; json.dump([hcl2.loads(text) for text in json.load(sys.stdin)], sys.stdout)"
PARSE_WITHIN = 120.0
SECRET = re.compile(r"(_secret_arn|password|token)$")
ATTRIBUTE = re.compile(r"( *)([\w-]+)( *)= (\S.*)")


def parsed(texts: list) -> list:
    """What each text says. Raises Failed with the parser's complaint."""
    env = {**os.environ, "PYTHONPATH": tools.together(tools.HCL)}
    done = subprocess.run(
        [sys.executable, "-c", PARSE], input=json.dumps(texts), env=env, capture_output=True, text=True, timeout=PARSE_WITHIN
    )
    if done.returncode != 0:
        raise Failed(f"HCL that cannot be read:\n{done.stderr.strip()[-1500:]}")
    return json.loads(done.stdout)


def bare(line: str) -> str:
    """A line without its comment and what stands in quotes, so that brackets can be counted."""
    return re.sub(r"(#|//).*", "", re.sub(r'"(?:[^"\\]|\\.)*"', '""', line))


def misplaced(name: str, text: str) -> list:
    """Lines that `terraform fmt` would change: blanks at the start, around `=`, at the end."""
    faults, depth, group = [], 0, []

    def end_group() -> None:
        wide = max((len(key) for _, key, _ in group), default=0)
        for number, key, blanks in group:
            if len(key) + len(blanks) != wide + 1:
                faults.append(f"{name}:{number}: `=` is not below its neighbour's")
        group.clear()

    for number, line in enumerate(text.splitlines(), 1):
        code = bare(line)
        opened, closed = len(re.findall(r"[\[{(]", code)), len(re.findall(r"[\]})]", code))
        leading = len(re.match(r"\s*[\]})]*", code).group().strip()) if code.strip() else 0
        # Brackets that are opened together on a line are one step, and so are those that close them.
        wanted = 2 * (depth - (1 if leading else 0))
        if line != line.rstrip() or "\t" in line:
            faults.append(f"{name}:{number}: a tab, or a blank at the end")
        elif line.strip() and len(line) - len(line.lstrip()) != wanted:
            faults.append(f"{name}:{number}: is not {wanted} blanks to the right")
        found = ATTRIBUTE.fullmatch(line)
        # One that goes on over further lines stands alone.
        if found and opened == closed:
            group.append((number, found[2], found[3]))
        else:
            end_group()
            if found and len(found[3]) != 1:
                faults.append(f"{name}:{number}: one blank before `=`")
        depth += (opened > closed) - (closed > opened)
    end_group()
    if not text.endswith("\n") or text.endswith("\n\n"):
        faults.append(f"{name}: does not end with one line end")
    return faults


def names(documents: list, kind: str) -> dict:
    """The blocks of a kind with one label, by it."""
    return {name: body for one in documents for block in one.get(kind, []) for name, body in block.items()}


def resources(documents: list) -> set:
    found = set()
    for kind, before in (("resource", ""), ("data", "data.")):
        for one in documents:
            for block in one.get(kind, []):
                found |= {f"{before}{type_}.{name}" for type_, bodies in block.items() for name in bodies}
    return found


def unknown(documents: list, text: str) -> list:
    """References to what the module does not have, and variables that nothing uses."""
    code = re.sub(r"(?m)^\s*#.*$", "", text)
    variables = names(documents, "variable")
    locals_ = {name for one in documents for block in one.get("locals", []) for name in block}
    used = set(re.findall(r"\bvar\.(\w+)", code))
    faults = [f"var.{name} is no variable" for name in sorted(used - set(variables))]
    faults += [f"the variable {name} is not used" for name in sorted(set(variables) - used)]
    faults += [f"local.{name} is no local" for name in sorted(set(re.findall(r"\blocal\.(\w+)", code)) - locals_)]
    named = {"".join(one) for one in re.findall(r"(?<![\w.\"])(data\.)?(aws_\w+\.\w+)", code)}
    return faults + [f"{name} is not made here" for name in sorted(named - resources(documents))]


def undescribed(documents: list) -> list:
    faults = []
    for name, body in names(documents, "variable").items():
        faults += [f"the variable {name} has no {what}" for what in ("description", "type") if not body.get(what)]
        if SECRET.search(name) and body.get("sensitive") is not True:
            faults.append(f"the variable {name} must be sensitive")
    return faults + [f"the output {name} has no description" for name, body in names(documents, "output").items() if not body.get("description")]


def faults_of(files: dict) -> list:
    documents = parsed(list(files.values()))
    shape = [fault for name, text in files.items() for fault in misplaced(name, text)]
    return [*shape, *unknown(documents, "\n".join(files.values())), *undescribed(documents)]


def check() -> None:
    faults = faults_of({str(file.relative_to(ROOT)): file.read_text() for file in sorted(MODULE.glob("*.tf"))})
    if faults:
        raise Failed("\n".join(faults))
