"""Writes every generated file, or with `--check` says which ones are not what the contract says."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generator import python, rust, spec, typescript, vectors

CLIENTS = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    options = parser.parse_args()
    document = spec.load()
    wanted = {
        **python.files(document),
        **typescript.files(document),
        **rust.files(document),
        "../schemas/webhook-vectors.json": vectors.text(),
    }
    stale = []
    for name, text in wanted.items():
        file = CLIENTS / name
        if file.is_file() and file.read_text() == text:
            continue
        stale.append(str(file.resolve().relative_to(CLIENTS.parent)))
        if not options.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for name in stale:
        print(f"stale: {name}" if options.check else f"written: {name}")
    if options.check and stale:
        print("The clients are not what the contract says. `./dev clients --renew` writes these files anew.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
