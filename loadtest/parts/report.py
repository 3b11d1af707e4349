"""The numbers of a run, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

TARGET_RATIO, TARGET_WEBHOOK_MS = 0.30, 20.0
# Growth below this bound does not count: allocators keep memory that was used once.
STEADY_MIB = 16.0
DISTURBED = 0.2


def machine() -> dict:
    found = {"system": f"{platform.system()} {platform.machine()}", "processors": os.cpu_count()}
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        found["model"] = models[0] if models else "unknown"
    return found


def verdicts(report: dict) -> dict:
    """Each target, and whether it is met."""
    memory = report["memory"]
    loads = [report["vus_16"], report["vus_64"], report["vus_64_webhooks"]]
    return {
        f"at least {TARGET_RATIO:.0%} of the limit of 64 users": report["vus_64"]["ratio"] >= TARGET_RATIO,
        f"webhook p50 under {TARGET_WEBHOOK_MS:.0f} ms on an idle machine":
            report["webhook_idle_ms"].get("p50", float("inf")) < TARGET_WEBHOOK_MS,
        "memory does not grow with finished requests": memory["grown_mib"] < STEADY_MIB,
        "every answer was right": not any(load["wrong_answers"] for load in loads)
        and all(load["approved"] >= load["lifecycles"] for load in (report["vus_16"], report["vus_64"])),
        "every webhook arrived": report["webhook_idle_ms"]["events"] == report["webhook_idle_ms"]["wanted"]
        and report["vus_64_webhooks"]["deliveries"] >= report["vus_64_webhooks"]["deliveries_wanted"],
        "the limit writes the rows that the server writes": report["rows"]["server"] == report["rows"]["limit"],
    }


def line(name: str, load: dict) -> str:
    create, decide = load["create_ms"], load["decide_ms"]
    each = "  ".join(
        "{:>6.1f} {:>6.1f} {:>6.1f}".format(trend.get("med", 0), trend.get("p(95)", 0), trend.get("p(99)", 0))
        for trend in (create, decide)
    )
    others = load["busy_with_others"]
    disturbed = f"   (others kept {others:.1f} processors busy)" if others > DISTURBED else ""
    return f"  {name:<32}{load['per_second']:>9.0f}   {each}{disturbed}"


def limit_line(name: str, found: dict) -> str:
    """One line for a limit: the average, and the result of each number of clients before and after."""
    tries = ", ".join(
        f"{clients} x {batch}: " + " ".join(f"{tried['by_clients'][clients]:.0f}" for tried in found["tries"])
        for clients, batch in found["tries"][0]["batches"].items()
    )
    return f"  {name:<32}{found['per_second']:>9.0f}   clients x batch: {tries}"


def shares(load: dict) -> str:
    spent = sorted(load["processor_shares"].items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {share:.0%}" for name, share in spent)


def table(report: dict) -> str:
    """The table for the terminal."""
    webhooks, memory = report["vus_64_webhooks"], report["memory"]
    idle = report["webhook_idle_ms"]
    readings = ", ".join(f"{at['requests']}: {at['mib']:.0f}" for at in memory["readings"])
    lines = [
        "",
        f"{report['machine'].get('model', report['machine']['system'])}, {report['machine']['processors']} processors, "
        f"PostgreSQL {report['postgres']['version']} with default durability, k6 on the same machine",
        "",
        f"  {'':<32}{'lifecycles':>9}   create p50    p95    p99  decide p50   p95    p99",
        f"  {'':<32}{'per second':>10}{'ms':>10}{'ms':>22}",
        line("16 users", report["vus_16"]),
        limit_line("  limit of 16 at once", report["limit"]["vus_16"]),
        line("64 users", report["vus_64"]),
        limit_line("  limit of 64 at once", report["limit"]["vus_64"]),
        limit_line("  limit of any number at once", report["limit"]["any"]),
        line("64 users with webhooks", webhooks),
        f"  {'  until the last webhook came':<32}{webhooks['delivered_lifecycles_per_second']:>9.0f}",
        "",
        *(f"  {users} users reach {load['ratio']:.1%} of the limit of {users} at once, "
          f"{load['ratio_to_any']:.1%} of that of any number"
          for users, load in ((16, report["vus_16"]), (64, report["vus_64"]))),
        f"  processor time at 64 users: {shares(report['vus_64'])}",
        f"  with webhooks: {shares(webhooks)}",
        f"  rows inserted, updated per lifecycle: {rows(report['rows']['server'])}",
        "  webhook from commit to receipt, idle machine: "
        + ", ".join(f"{name} {idle.get(name, 0):.1f} ms" for name in ("p50", "p95", "p99", "max")),
        f"  memory: idle {memory['idle_mib']:.0f} MiB; after finished requests: {readings}; "
        f"peak {memory['peak_mib']:.0f} ({memory['bytes_per_request']:+.0f} bytes per request)",
        *beside(memory),
        "",
    ]
    lines += [f"  {'yes' if holds else 'NO ':<4} {what}" for what, holds in report["verdicts"].items()]
    lines += [f"  note: {note}" for note in report["notes"]]
    return "\n".join(lines)


def beside(memory: dict) -> list:
    """Lines for the memory of PostgreSQL and NATS; none where the system does not tell it."""
    found = []
    for program in ("postgres", "nats-server"):
        told = [f"{at['requests']}: {at['beside'][program]:.0f}" for at in memory["readings"] if program in at["beside"]]
        if told:
            found.append(f"  memory of {program}, MiB, after finished requests: {', '.join(told)}")
    return found


def rows(written: dict) -> str:
    return ", ".join(f"{table} {made:g}+{moved:g}" for table, (made, moved) in sorted(written.items()))


def write(report: dict, file: Path) -> None:
    file.write_text(json.dumps(report, indent=2) + "\n")
