"""Faults, injected into real processes until nothing is lost: `./dev faults`.

A run has two API servers, two delivery workers, a NATS and a PostgreSQL of its own; NATS and PostgreSQL are each behind
a proxy that cuts, delays and stalls. Clients create, decide, claim, reassign and cancel, and note the answers.
Meanwhile a schedule, drawn from a seed, kills and cuts. At the end everything is healed, and a checker compares the
answers to the clients, the rows in PostgreSQL, the webhooks that arrived and the events in the stream.

| module | what it is |
|---|---|
| `schedule` | the faults of a seed, in order of time |
| `world` | the processes, and how each fault is done to them |
| `clients` | the callers, and the ledger of the answers that they got |
| `receiver` | a webhook receiver that misbehaves |
| `checker` | what must hold at the end |
| `run` | the command line |
"""
