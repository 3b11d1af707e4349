"""Checks, after everything is healed, that answers to clients, rows in PostgreSQL, webhooks and the stream agree."""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from typing import Any, Iterator

from faults.clients import POLICIES, TERMINAL, Create, Ledger
from faults.receiver import Got
from faults.world import PREFIX, World
from support import api, database, signatures
from support.nats import Nats
from support.waiting import until

SETTLED_WITHIN = 90.0
UNTOLD = {"decision_recorded", "task_claimed", "stage_skipped"}
"""Types of events that make no webhook."""
MOST_ROUNDS = 6
"""More stages than any policy has."""

HISTORY = """
    with told as materialized (select position, stream_seq from published_event),
    events as materialized (
        select e.request_id, json_agg(json_build_object('id', e.id, 'sequence', e.sequence, 'type', e.event_type,
                'payload', e.payload, 'stage_order', e.stage_order, 'stream_seq', p.stream_seq)
                order by e.sequence) as events
        from approval_event e left join told p using (position) group by e.request_id
    )
    select r.id, r.artifact_id, r.policy_key, r.status, r.last_sequence, r.completed_at is not null as completed,
        coalesce(e.events, '[]') as events,
        (select coalesce(json_agg(json_build_object('id', d.id, 'task_id', d.task_id, 'actor', d.actor,
                'action', d.action)), '[]') from approval_decision d where d.request_id = r.id) as decisions,
        (select coalesce(json_agg(json_build_object('id', t.id, 'status', t.status, 'assignee', t.assignee,
                'reassigned_from', t.reassigned_from)), '[]')
            from approval_task t where t.request_id = r.id) as tasks,
        (select coalesce(json_object_agg(w.event_id, w.status), '{}')
            from webhook_delivery w where w.request_id = r.id) as deliveries
    from approval_request r left join events e on e.request_id = r.id
"""


def read(world: World) -> dict[str, dict[str, Any]]:
    """All requests with their histories, by request id."""
    sql = f"select coalesce(json_agg(t), '[]') from ({HISTORY}) t"
    return {row["id"]: row for row in json.loads(database.run(world.postgres.url, sql))}


def settle(world: World) -> Iterator[str]:
    """Waits until all events are published and all webhooks delivered; those that never are, are violations."""
    waits = {
        "events were never published": "select count(*) from unpublished_event",
        "webhooks were never delivered": "select count(*) from webhook_delivery where status <> 'delivered'",
        "requests had their open work told wrongly": "select count(*) from wrong_open_work",
    }
    for what, sql in waits.items():
        try:
            until(lambda: database.run(world.postgres.url, sql) == "0", what, SETTLED_WITHIN)
        except AssertionError:
            yield f"{database.run(world.postgres.url, sql)} {what}"


def finish(world: World, ledger: Ledger) -> Iterator[str]:
    """Decides open tasks until every request is terminal, which proves that each of them can still move."""
    sql = (
        "select t.id from approval_task t join approval_request r on r.id = t.request_id"
        " where r.completed_at is null and t.decision_id is null and t.status in ('open', 'claimed', 'expired')"
        " order by t.request_id, t.id"
    )
    for _ in range(MOST_ROUNDS):
        rows = database.run(world.postgres.url, sql).split()
        for number, task in enumerate(rows):
            # An actor may approve once in a stage, so each of neighbouring tasks gets an administrator of its own.
            with world.servers[0].admin(f"root-{number}") as root:
                answer = root.decide(task)
            if answer.status == 201:
                ledger.decisions[task] = answer.json
            elif answer.status != 409:
                yield f"deciding the open task {task}: {answer.status} {answer.raw!r}"
        if not rows:
            break
    stuck = "select id || ' ' || status from approval_request where completed_at is null"
    for line in database.run(world.postgres.url, stuck).splitlines():
        yield f"request {line} can no longer move"


def replays(world: World, ledger: Ledger) -> Iterator[str]:
    """Each acknowledged create, sent once more with its key, must get its first answer again."""
    with world.servers[1].client("registry") as client:
        for create in ledger.creates.values():
            if create.answer is not None:
                again = client.post("/requests", create.body, {"Idempotency-Key": create.key})
                if again.status != 201 or again.json != create.answer:
                    yield f"create {create.key} was answered {create.answer}, and again {again.status} {again.raw!r}"


def told(ledger: Ledger, histories: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Every answer that a client got must be true."""
    by_artifact = Counter(history["artifact_id"] for history in histories.values())
    for create in ledger.creates.values():
        copies = by_artifact[create.body["artifact_id"]]
        if create.answer is not None and create.answer["request_id"] not in histories:
            yield f"create {create.key} was acknowledged and is lost"
        if copies > 1:
            yield f"create {create.key} was done {copies} times"
        if create.refused is not None and copies and not ended_meanwhile(create, histories):
            yield f"create {create.key} was refused ({create.refused.raw!r}) and is there"
        yield from (f"create {create.key}: {text}" for text in create.contradictions)
    decisions = {d["task_id"]: d for history in histories.values() for d in history["decisions"]}
    for task, answer in ledger.decisions.items():
        stored = decisions.get(task)
        if stored is None or stored["id"] != answer["id"] or stored["action"] != answer["action"]:
            yield f"decision {answer} was acknowledged, and {stored} is stored"
    for request in ledger.cancelled:
        if histories[request]["status"] != "cancelled":
            yield f"request {request} was cancelled and is {histories[request]['status']}"
    tasks = {t["id"]: t for history in histories.values() for t in history["tasks"]}
    for old, new in ledger.reassigned.items():
        if tasks.get(old, {}).get("status") != "reassigned" or new["id"] not in tasks:
            yield f"task {old} was reassigned to {new['id']}, and is {tasks.get(old)}, {tasks.get(new['id'])}"
    for request, status in ledger.terminal.items():
        if histories[request]["status"] != status:
            yield f"request {request} was read as {status} and is {histories[request]['status']}"


def ended_meanwhile(create: Create, histories: dict[str, dict[str, Any]]) -> bool:
    """Whether the refusal is no contradiction: the refused try said that `expires_at` is over, an earlier try whose
    answer was lost was written later, and that request has expired."""
    assert create.refused is not None
    written = [h for h in histories.values() if h["artifact_id"] == create.body["artifact_id"]]
    return b"expires_at" in create.refused.raw and all(history["status"] == "expired" for history in written)


def histories_hold(histories: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Each history alone: numbered without gaps, one end, one decision a task, no stage begun or ended twice."""
    for request, history in histories.items():
        events = history["events"]
        sequences = [event["sequence"] for event in events]
        if sequences != list(range(1, len(events) + 1)) or history["last_sequence"] != len(events):
            yield f"request {request}: sequences {sequences}, last {history['last_sequence']}"
        types = Counter(event["type"] for event in events)
        ends = [f"request_{status}" for status in TERMINAL]
        ended = [event["type"] for event in events if event["type"] in ends]
        if ended != ([f"request_{history['status']}"] if history["completed"] else []):
            yield f"request {request} is {history['status']} and its ends are {ended}"
        if ended and events[-1]["type"] != ended[0]:
            yield f"request {request}: something happened after its end: {events[-1]['type']}"
        per_task = Counter(decision["task_id"] for decision in history["decisions"])
        if any(count > 1 for count in per_task.values()):
            yield f"request {request}: a task was decided twice: {per_task}"
        if types["decision_recorded"] != len(history["decisions"]):
            yield f"request {request}: {len(history['decisions'])} decisions, {types['decision_recorded']} events"
        for kind in ("stage_started", "stage_completed"):
            stages = Counter(event["stage_order"] for event in events if event["type"] == kind)
            if any(count > 1 for count in stages.values()):
                yield f"request {request}: {kind} twice: {stages}"
        if history["status"] == "approved":
            completed = {event["stage_order"] for event in events if event["type"] == "stage_completed"}
            if completed != {stage["stage_order"] for stage in POLICIES[history["policy_key"]]}:
                yield f"request {request} is approved after stages {completed}"


def made_at(event_id: str) -> float:
    """When the event was made, by the machine's clock: its id begins with that (RFC 9562, section 5.7). The clock of
    its server may have been wrong."""
    return (uuid.UUID(event_id).int >> 80) / 1000


def stream_holds(world: World, histories: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The stream must carry every event of PostgreSQL and nothing else; those of a request in order, copies aside. A
    stream that lost acknowledged events is filled again as well as possible: disorder among events from before the loss
    is reported, but is no violation."""
    last: dict[str, int] = defaultdict(int)
    known = {event["id"]: request for request, history in histories.items() for event in history["events"]}
    bodies: dict[str, bytes] = {}
    with Nats(world.nats.url) as nats:
        for message in nats.stream(world.events_stream, f"{PREFIX}.events.>"):
            event_id = message.headers["Nats-Msg-Id"]
            if known.get(event_id) != message.json["request_id"]:
                yield f"the stream carries event {event_id}, which is not in PostgreSQL"
            request, sequence = message.json["request_id"], message.json["sequence"]
            late = event_id not in bodies and sequence < last[request]
            if late and made_at(event_id) <= world.lost_at:
                world.disordered.add(request)
            elif late:
                yield f"the stream carries event {sequence} of request {request} after its event {last[request]}"
            last[request] = max(sequence, last[request])
            if bodies.setdefault(event_id, message.body) != message.body:
                yield f"the stream carries event {event_id} with two bodies"
    missing = known.keys() - bodies.keys()
    if missing:
        yield f"the stream lacks {len(missing)} of {len(known)} events, such as {sorted(missing)[:3]}"


def webhooks_hold(
    histories: dict[str, dict[str, Any]], creates: dict[str, Any], got: list[Got], secret: str
) -> Iterator[str]:
    """The receiver must have taken every due webhook, with a good signature, and no other."""
    taken: set[str] = set()
    bodies: dict[str, bytes] = {}
    due = {e["id"] for h in histories.values() for e in h["events"] if e["type"] not in UNTOLD}
    delivered = {e for h in histories.values() for e, status in h["deliveries"].items() if status == "delivered"}
    for one in got:
        if one.event_id not in due:
            yield f"the receiver got event {one.event_id}, which it should not"
        if bodies.setdefault(one.event_id, one.raw) != one.raw:
            yield f"the receiver got event {one.event_id} with two bodies"
        try:
            signatures.verify_bytes(one.headers, one.raw, secret)
        except AssertionError as error:
            yield f"event {one.event_id}: {error}"
        if one.was_taken:
            taken.add(one.event_id)
    for event in sorted(due - taken)[:5]:
        yield f"the receiver never took event {event} ({len(due - taken)} of {len(due)})"
    for event in sorted(delivered - taken)[:5]:
        yield f"event {event} is noted as delivered, and was never taken"


def order_of_first_attempts(got: list[Got]) -> dict[str, int]:
    """Counts requests with a webhook first attempted after a later one; this is allowed and reported."""
    last: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    overtaken = set()
    for one in got:
        if one.event_id not in seen:
            seen.add(one.event_id)
            event = json.loads(one.raw)
            if event["sequence"] < last[event["request_id"]]:
                overtaken.add(event["request_id"])
            last[event["request_id"]] = max(event["sequence"], last[event["request_id"]])
    return {"requests": len(last), "overtaken": len(overtaken)}


def check(world: World, ledger: Ledger, got) -> list[str]:
    """Settles, finishes and compares; returns every violation, in words."""
    found = list(settle(world))
    found += finish(world, ledger)
    found += settle(world)
    found += replays(world, ledger)
    histories = read(world)
    found += ledger.faults
    found += told(ledger, histories)
    found += histories_hold(histories)
    found += stream_holds(world, histories)
    found += webhooks_hold(histories, ledger.creates, got(), world.secret)
    return found
