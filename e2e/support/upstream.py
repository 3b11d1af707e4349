"""A database in the shape of AWE 1.0, made by hand, and the command that takes it over."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

from support import server
from support.case import EngineCase
from support.database import Database

SHAPE = """
create table approval_policy (id varchar(36) primary key, policy_key varchar(128) not null, version int not null,
  name varchar(255) not null, description varchar(1024), status varchar(16) not null, artifact_type varchar(128) not null,
  created_by varchar(128), forbid_self_approval bool not null, forbid_repeat_approvers bool not null,
  created_at timestamptz not null, updated_at timestamptz not null);
create table approval_stage (id varchar(36) primary key, policy_id varchar(36) not null, stage_order int not null,
  name varchar(255) not null, mode varchar(32) not null, mode_value int, sla_hours int, parallel_group int, skip_if json,
  on_empty varchar(8) not null, on_breach varchar(16), escalation_rules_json json,
  created_at timestamptz default now(), updated_at timestamptz default now());
create table approver_rule (id varchar(36) primary key, stage_id varchar(36) not null, rule_type varchar(16) not null,
  rule_value json not null, kind varchar(16) not null, required bool not null,
  created_at timestamptz default now(), updated_at timestamptz default now());
create table callback_secret (id varchar(36) primary key, caller_service varchar(128) not null, secret_ciphertext text);
create table approval_request (id varchar(36) primary key, policy_id varchar(36) not null, policy_key varchar(128) not null,
  policy_version int not null, artifact_type varchar(128) not null, artifact_id varchar(128) not null,
  source_service varchar(128) not null, requester varchar(128), context json not null, status varchar(16) not null,
  current_stage_order int not null, callback_url text, callback_secret_id varchar(36), completed_at timestamptz,
  created_at timestamptz not null, updated_at timestamptz not null);
create table approval_task (id varchar(36) primary key, request_id varchar(36) not null, stage_id varchar(36) not null,
  stage_order int not null, assignee varchar(128) not null, assignee_name varchar(256), kind varchar(16) not null,
  delegated_from varchar(128), reassigned_from varchar(128), status varchar(16) not null, claimed_at timestamptz,
  completed_at timestamptz, due_at timestamptz, decision_id varchar(36), search_text text,
  created_at timestamptz not null, updated_at timestamptz not null);
create table approval_decision (id varchar(36) primary key, request_id varchar(36) not null, task_id varchar(36),
  stage_order int not null, actor varchar(128) not null, action varchar(16) not null, comment text, attachments_ref text,
  created_at timestamptz not null, updated_at timestamptz not null);
create table approval_event (id varchar(36) primary key, request_id varchar(36) not null, event_type varchar(32) not null,
  payload json not null, created_at timestamptz not null);
create table webhook_delivery (id varchar(36) primary key, event_id varchar(36) not null, url text not null,
  attempt int not null, status varchar(16) not null, next_attempt_at timestamptz not null, last_attempt_at timestamptz,
  last_status_code int, last_error text, created_at timestamptz not null, updated_at timestamptz not null);
create table user_delegation (id varchar(36) primary key, user_id varchar(128) not null, delegate_to varchar(128) not null,
  starts_at timestamptz not null, ends_at timestamptz not null, reason text, created_by varchar(128),
  created_at timestamptz not null, updated_at timestamptz not null);
"""
PEOPLE = {name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in ("ann", "bob", "carol", "dave", "hana")}
POLICY, FIRST, SECOND, RUNNING, ENDED, SENT = (str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))) for n in range(6))
LEFT = ("approval_policy", "approval_request", "approval_task", "approval_event", "webhook_delivery", "user_delegation")


class UpstreamCase(EngineCase):
    """A migrated database here, and one there in which one request has ended and one is under way."""

    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink()
        self.source = Database(os.environ["DATABASE_URL"])
        self.addCleanup(self.source.drop)
        self.source.value(SHAPE)
        self.rows()

    def rows(self) -> None:
        """One policy of two stages; a request that was rejected, one that waits for its second stage."""
        self.source.value(f"""
            insert into approval_policy values ('{POLICY}', 'old.v1', 1, 'Old', null, 'active', 'change_request', 'hana',
                false, false, '2026-01-01Z', '2026-01-01Z'), ('{uuid.uuid4()}', 'old.v1', 2, 'Next', null, 'draft',
                'change_request', 'hana', false, false, '2026-01-02Z', '2026-01-02Z');
            insert into approval_stage (id, policy_id, stage_order, name, mode, mode_value, parallel_group, on_empty) values
                ('{FIRST}', '{POLICY}', 1, 'First', 'all', null, 1, 'block'),
                ('{SECOND}', '{POLICY}', 2, 'Second', 'any-n', 1, 2, 'block');
            insert into approver_rule (id, stage_id, rule_type, rule_value, kind, required) values
                ('{uuid.uuid4()}', '{FIRST}', 'user', '{{"user_id": "ann"}}', 'approver', false),
                ('{uuid.uuid4()}', '{SECOND}', 'user', '{{"user_id": "bob"}}', 'approver', true),
                ('{uuid.uuid4()}', '{SECOND}', 'user', '{{"user_id": "carol"}}', 'approver', false);
            insert into callback_secret values ('{uuid.uuid4()}', 'registry', 'sealed');
            insert into user_delegation values ('{uuid.uuid4()}', 'carol', 'dave', '2026-01-01Z', '2026-02-01Z', null, 'carol',
                '2026-01-01Z', '2026-01-01Z');
        """)
        self.request(RUNNING, "in_review", 2)
        self.request(ENDED, "rejected", 1)
        first, other = str(uuid.uuid4()), str(uuid.uuid4())
        self.task(first, RUNNING, FIRST, 1, "ann", "completed")
        self.task(other, ENDED, FIRST, 1, "ann", "completed")
        self.task(str(uuid.uuid4()), RUNNING, SECOND, 2, "bob", "open")
        self.task(str(uuid.uuid4()), RUNNING, SECOND, 2, "dave", "open", delegated_from="carol")
        for task, request, action in ((first, RUNNING, "approve"), (other, ENDED, "reject")):
            self.source.value(
                f"insert into approval_decision values ('{uuid.uuid4()}', '{request}', '{task}', 1, 'ann', '{action}',"
                " 'seen', null, '2026-03-02Z', '2026-03-02Z')"
            )
        began = '{"stage_order": 2, "approvers": ["bob", "dave"], "required_approvers": ["bob"]}'
        for request, told in (
            (RUNNING, (("stage_completed", '{"stage_order": 1, "outcome": "approved"}'), ("stage_started", began))),
            (ENDED, (("stage_completed", '{"stage_order": 1, "outcome": "rejected"}'), ("request_rejected", '{"actor": "ann"}'))),
        ):
            first_stage = '{"stage_order": 1, "approvers": ["ann"], "required_approvers": []}'
            for second, (kind, payload) in enumerate((("request_created", "{}"), ("stage_started", first_stage), *told)):
                event = SENT if (request, kind) == (ENDED, "request_rejected") else str(uuid.uuid4())
                self.source.value(
                    f"insert into approval_event values ('{event}', '{request}', '{kind}', '{payload}', '2026-03-01T00:00:0{second}Z')"
                )
        self.source.value(
            f"insert into webhook_delivery values ('{uuid.uuid4()}', '{SENT}', '{self.receiver.url}', 2, 'failed', now(), now(),"
            " 500, 'HTTP 500', now(), now())"
        )

    def request(self, id_: str, status: str, order: int) -> None:
        ended = "'2026-03-02Z'" if status == "rejected" else "null"
        self.source.value(
            f"insert into approval_request values ('{id_}', '{POLICY}', 'old.v1', 1, 'change_request', '{status}', 'registry', 'hana',"
            f" '{{\"amount\": 7}}', '{status}', {order}, '{self.receiver.url}', null, {ended}, '2026-03-01Z', '2026-03-02Z')"
        )

    def task(self, id_: str, request: str, stage: str, order: int, who: str, status: str, delegated_from: str = "") -> None:
        owner = f"'{delegated_from}'" if delegated_from else "null"
        ended = "'2026-03-02Z'" if status == "completed" else "null"
        self.source.value(
            f"insert into approval_task values ('{id_}', '{request}', '{stage}', {order}, '{who}', null, 'approver', {owner}, null,"
            f" '{status}', null, {ended}, null, null, null, '2026-03-01Z', '2026-03-02Z')"
        )

    def people(self, *left_out: str) -> Path:
        file = self.folder / "users.csv"
        lines = [f"{name},{subject}" for name, subject in PEOPLE.items() if name not in left_out]
        file.write_text("\n".join(["name,subject", *lines]) + "\n")
        return file

    def take_over(self, *words: str) -> subprocess.CompletedProcess:
        return server.run(["import", "upstream", "--from", self.source.url, *words], self.owner_settings(), self.folder)

    def here(self) -> dict[str, int]:
        return {table: self.database.count(f"select count(*) from {table}") for table in LEFT}
