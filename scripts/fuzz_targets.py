"""`./dev fuzz handoff` and `./dev fuzz scope`: bytes that libFuzzer makes up, guided by what they reach in the code.

The targets lie as cargo-fuzz wants them (`services/data-custodian/fuzz`), which needs a nightly toolchain for its sanitizers. The
counters of coverage alone work with the pinned one, and safe code needs no more.
"""

from __future__ import annotations

import argparse
import os
import subprocess

from scripts.shell import DEV, ROOT, TARGET, Failed, call, cargo, cargo_env, run, say

FUZZ = ROOT / "services" / "data-custodian" / "fuzz"
TARGETS = ("handoff", "scope")
COUNTERS = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
]
# What an input takes at most: a token is refused when it is longer than a request's head.
LONGEST = 4096
SLOWEST_SECONDS = 2
# Pieces that chance finds late.
WORDS = {
    "handoff": ['{"v":1,"dir":"outbound"', '"dir":"return"', '"exp":', '"iat":', '"cid":"c"', '"nonce":"n"', '"up":[]', '"sub":"1"'],
    "scope": ["FB=", "IntervalDuration=", "HistoryLength=", "BlockDuration=", ";", "_"],
}
SEEDS = {
    "handoff": [
        '{"v":1,"dir":"outbound","cid":"c","iat":"2026-01-01T00:00:00Z","exp":"2026-01-01T00:05:00Z","nonce":"n","client_id":"p",'
        '"scope":"FB=4","return_url":"https://example.org/back"}',
        '{"v":1,"dir":"return","cid":"c","iat":1767225600,"exp":1767225900,"nonce":"n","sub":"1",'
        '"up":["018f2f1e-0000-7000-8000-000000000000"],"consent":"allow"}',
    ],
    "scope": ["FB=4_5_15;IntervalDuration=3600;BlockDuration=monthly;HistoryLength=13", "fb=1;x=y;br"],
}


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="how long to try")
    options = parser.parse_args(words)
    say(f"building the fuzz target {options.target}")
    env = {**cargo_env(), "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(COUNTERS), "CARGO_TARGET_DIR": str(TARGET / "fuzz")}
    # A target of its own even where it is the host's: build scripts and macros are then built without counters.
    host = subprocess.check_output(["rustc", "--print", "host-tuple"], text=True, cwd=ROOT).strip()
    run(
        cargo("build", "--release", "--locked", "--manifest-path", FUZZ / "Cargo.toml", "--target", host, "--bin", options.target),
        env,
    )
    home = DEV / "fuzz" / options.target
    corpus = home / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[options.target]):
        (corpus / f"seed-{number}").write_text(seed, encoding="utf-8")
    dictionary = home / "words"
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in WORDS[options.target])
    dictionary.write_text("".join(f'"{word}"\n' for word in quoted), encoding="utf-8")
    command = [TARGET / "fuzz" / host / "release" / options.target, corpus]
    command += [f"-max_total_time={options.seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST_SECONDS}"]
    command += [f"-dict={dictionary}", f"-artifact_prefix={home}{os.sep}", "-print_final_stats=1", "-verbosity=1"]
    say(f"{options.seconds} s of {options.target}")
    if call(command, timeout=options.seconds + 60) != 0:
        raise Failed(f"an input of {options.target} fails (above); it is kept in {home.relative_to(ROOT)}")
    say("no failure found")
