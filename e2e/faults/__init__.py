"""Faults, injected into real processes until nothing is lost: `./dev faults`.

A run has two API servers, two delivery workers, a NATS and a PostgreSQL of its own, each behind a proxy that cuts,
delays and stalls. Clients create, decide, claim, reassign and cancel, and note what they were told. A schedule, drawn
from a seed, kills and cuts meanwhile. At the end everything is healed, and a checker compares what clients were told,
what PostgreSQL holds, what the receiver of webhooks got and what the stream carries.

| module | what it is |
|---|---|
| `schedule` | the faults of a seed, in order of time |
| `world` | the processes, and how each fault is done to them |
| `clients` | the callers, and the ledger of what they were told |
| `receiver` | a webhook receiver that misbehaves |
| `checker` | what must hold at the end |
| `run` | the command line |
"""
