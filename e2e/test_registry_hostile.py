"""What strangers send the Registry: forged webhooks, odd values, every way to be refused. Nothing of it is a 500."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import uuid
from typing import Any, Optional

from support import api, server
from support.registry import (
    APPROVE, CREATE, DECIDE, Client, RegistryCase, VIEW, approval, code, deliver, event, new_secret, standard,
)  # fmt: skip
from support.waiting import until

CREATE_PATH = "/change-requests/create_change_request"


class Signatures(RegistryCase):
    def log_rows(self) -> int:
        return self.records.count("select count(*) from awe_webhook_event_log where request_id = 'forged'")

    def test_a_wrong_stale_future_or_missing_signature_writes_nothing(self) -> None:
        made = self.create("F-1")
        told = event(made["awe_request_id"])
        raw = json.dumps(told).encode()
        answers = []
        for form in (standard, approval):
            answers += [
                self.send(told, secret=new_secret(), form=form),
                self.send(told, form=form, at=-301),
                self.send(told, form=form, at=310),
                deliver(self.registry.port, raw + b" ", form(self.secret, told["event_id"], now(), raw)),
            ]
            for name in form(self.secret, "x", 1, b""):
                headers = form(self.secret, told["event_id"], now(), raw)
                if "id" not in name.lower().replace("approval", ""):
                    del headers[name]
                    answers.append(deliver(self.registry.port, raw, headers))
        answers.append(deliver(self.registry.port, raw, {}))
        answers.append(deliver(self.registry.port, raw, {"webhook-id": "\xff", "webhook-timestamp": "1e9", "webhook-signature": "v1,"}))
        for answer in answers:
            self.assertEqual((answer.status, code(answer)), (401, "REG-006"))
        self.assertEqual([row for row in self.log_of(made["awe_request_id"]) if row["event_id"] == told["event_id"]], [])
        self.assertEqual((self.status(made["change_request_id"]), self.written()), ("PENDING", []))

    def test_either_form_and_each_of_two_secrets_is_accepted(self) -> None:
        self.registry.stop()
        old, new = self.secret, new_secret()
        self.registry.settings["awe.callback_hmac_secret"] = f"{old}, {new}"
        self.registry.start()
        for number, (form, secret) in enumerate([(standard, old), (standard, new), (approval, old), (approval, new)]):
            made = self.create(f"F-{number}")
            self.send(event(made["awe_request_id"]), form=form, secret=secret).expect(200)
            self.assertEqual(self.status(made["change_request_id"]), "APPROVED")
        # The standard form decides when it is there.
        told = event(self.create("F-9")["awe_request_id"])
        raw = json.dumps(told).encode()
        both = {**approval(old, told["event_id"], now(), raw), **standard(new_secret(), told["event_id"], now(), raw)}
        self.assertEqual(deliver(self.registry.port, raw, both).status, 401)

    def test_only_a_stored_request_id_is_trusted(self) -> None:
        made = self.create("F-1")
        foreign = event(str(uuid.uuid4()), artifact_id=made["change_request_id"])
        refused = self.send(foreign)
        self.assertEqual((refused.status, refused.headers["Retry-After"], code(refused)), (503, "5", "REG-001"))
        old = event(str(uuid.uuid4()), artifact_id=made["change_request_id"], occurred_at="2020-01-01T00:00:00Z")
        self.send(old).expect(200)
        for one in (foreign, old):
            (row,) = self.log_of(one["request_id"])
            self.assertEqual((row["applied"], bool(row["error"])), (False, True))
        self.assertEqual(self.status(made["change_request_id"]), "PENDING")

    def test_an_event_that_failed_is_tried_again_and_one_that_did_not_is_not(self) -> None:
        made = self.create("F-1")
        request = made["awe_request_id"]
        early = event(request)
        self.records.value(f"update g2p_register_change_request set awe_request_id = 'later' where awe_request_id = '{request}'")
        self.assertEqual(self.send(early).status, 503)
        self.records.value("update g2p_register_change_request set awe_request_id = null where awe_request_id = 'later'")
        self.records.value(f"update g2p_register_change_request set awe_request_id = '{request}'")
        self.send(early).expect(200)
        (row,) = [row for row in self.log_of(request) if row["event_id"] == early["event_id"]]
        self.assertEqual((row["applied"], row["error"]), (True, None))
        for kind in ("request_rejected", "request_cancelled", "stage_started"):
            self.send(event(request, kind)).expect(200)
        self.assertEqual(self.status(made["change_request_id"]), "APPROVED")
        self.assertEqual(len(self.written()), 1)

    def test_an_expired_request_cancels_the_change(self) -> None:
        made = self.create("F-1")
        self.send(event(made["awe_request_id"], "request_expired")).expect(200)
        detail = self.staff().get(f"/change-requests/{made['change_request_id']}").expect(200)
        self.assertEqual((detail["approval_status"], detail["reason"]), ("CANCELLED", "expired"))

    def test_odd_events_are_answered_and_never_a_500(self) -> None:
        made = self.create("F-1")
        request = made["awe_request_id"]
        for odd in (b"", b"[]", b"null", b'{"event_id":"x"}', b"\xff\xfe", b"[" * 100_000, json.dumps({**event(request), "sequence": "x"}).encode()):
            answer = self.send(odd)
            self.assertEqual((answer.status, code(answer)), (400, "REG-010"), odd[:20])
        for event_id in ("", "a\0b", "é" * 300, "x" * 201):
            told = {**event(request), "event_id": event_id}
            raw = json.dumps(told).encode()
            answer = deliver(self.registry.port, raw, standard(self.secret, "other", now(), raw))
            self.assertEqual(answer.status, 400, event_id)
        told = event(request)
        raw = json.dumps(told).encode()
        answer = deliver(self.registry.port, raw, approval(self.secret, str(uuid.uuid4()), now(), raw))
        self.assertEqual(answer.status, 400)
        huge = json.dumps({**event(request), "payload": {"x": "y" * (1024 * 1024)}}).encode()
        self.assertEqual(self.send(huge).status, 413)
        deep = json.dumps({**event(request), "payload": {"x": json.loads("[" * 100 + "]" * 100)}}).encode()
        for one in (
            {**event(request, "request_pondered"), "mood": {"of": "the day"}},
            {**event("\0" * 300), "occurred_at": "9999-12-31T23:59:59Z"},
            {**event("\ud83d\ude00" * 500), "occurred_at": "0001-01-01T00:00:00Z"},
            {**event(str(uuid.UUID(int=0)), "ping"), "artifact_type": "ping", "sequence": 0},
            event(request, "stage_started", stage_order=-(2**63)),
        ):
            self.send(one).expect(200)
        self.assertEqual(deliver(self.registry.port, deep, standard(self.secret, json.loads(deep)["event_id"], now(), deep)).status, 200)
        made = self.create("F-2")
        self.send(event(made["awe_request_id"], "request_rejected", actor="a\0b", payload={"comment": "n\0" * 5000})).expect(200)
        self.assertEqual(self.status(made["change_request_id"]), "REJECTED")
        self.staff().get(f"/change-requests/{made['change_request_id']}").expect(200)

    def test_awe_conform_finds_nothing(self) -> None:
        url = self.registry.settings["awe.default_callback_url"]
        command = [server.program(), "conform", "--url", str(url), "--secret", self.secret]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(" 0 failed, 0 could be better", done.stdout)


def now() -> int:
    return int(time.time())


class Values(RegistryCase):
    def raw(self, client: Client, raw: bytes, **headers: str) -> api.Answer:
        kind = {"Content-Type": "application/json", **headers}
        client.connection.request("POST", client.base + CREATE_PATH, raw, {**client.headers, **kind})
        return client.answer()

    def test_odd_bodies_are_refused_and_write_nothing(self) -> None:
        staff = self.staff()
        good = self.body("F-1", "section-farmer-notes", note="x")
        deep = json.dumps({**good, "change_payload": 0}).replace(": 0", ': {"a": ' + "[" * 5000 + "]" * 5000 + "}")
        bodies: list[Any] = [
            b"", b"{", b"[]", b"null", b"\xff", b'"text"', deep.encode(),
            json.dumps({**good, "change_payload": {"a": "\0"}}).encode(),
            json.dumps({**good, "change_payload": {"a\0": 1}}).encode(),
            json.dumps({**good, "change_payload": "text"}).encode(),
            json.dumps(good).replace('"x"', "1e400").encode(),
            json.dumps(good).replace('"x"', '"\\ud800"').encode(),
        ]  # fmt: skip
        more = [
            {"register_mnemonic": ""}, {"register_mnemonic": "a\0"}, {"section_id": "x" * 201}, {"record_id": "\n"},
            {"record_id": ""}, {"edit_action": "destroy"}, {"edit_action": "update", "record_id": None}, {"mood": 1},
            {"change_payload": None, "register_mnemonic": 7}, {"edit_action": None},
        ]  # fmt: skip
        bodies += [json.dumps({**good, **one}).encode() for one in more]
        for body in bodies:
            refused = self.raw(staff, body)
            self.assertEqual((refused.status, code(refused)), (422, "REG-010"), body[:80])
        refused = self.raw(self.staff(), json.dumps({**good, "change_payload": {"x": "y" * 300_000}}).encode())
        self.assertEqual((refused.status, code(refused)), (413, "REG-010"))
        refused = self.raw(self.staff(), json.dumps(good).encode(), **{"Content-Type": "text/plain"})
        self.assertEqual((refused.status, code(refused)), (415, "REG-010"))
        for key in ("", "x" * 256, "é"):
            refused = self.raw(staff, json.dumps(good).encode(), **{"Idempotency-Key": key})
            self.assertEqual((refused.status, code(refused)), (422, "REG-010"), key)
        self.assertEqual(self.records.count("select count(*) from g2p_register_change_request"), 0)

    def test_odd_values_that_are_allowed_come_back_as_they_were(self) -> None:
        for number, payload in enumerate(
            [{"": ""}, {"at": "9999-12-31T23:59:59Z"}, {"n": -0.0, "big": 2**63, "small": 5e-324}, {"😀": ["\u202e", "\\u0000", "a\tb"]},
             {"deep": json.loads("[" * 100 + "]" * 100)}]
        ):  # fmt: skip
            made = self.create(f"F-😀-{number}", "section-farmer-contact", **payload)
            detail = self.staff().get(f"/change-requests/{made['change_request_id']}").expect(200)
            self.assertEqual((detail["change_payload"], detail["record"]["data"]), (payload, payload))

    def test_odd_gated_changes_are_answered_by_awe_or_us(self) -> None:
        staff = self.staff()
        for payload in ({"district": "x" * 100_000}, {"district": json.loads("[" * 60 + "]" * 60)}, {"amount": 1e308}, {"district": None}):
            answer = staff.post(CREATE_PATH, self.body("F-1", **payload))
            self.assertIn((answer.status, answer.status == 201 or code(answer)), [(201, True), (502, "REG-012")])
        left = self.records.count("select count(*) from g2p_register_change_request where awe_request_id is null")
        self.assertEqual(left, 0)

    def test_odd_queries_and_paths(self) -> None:
        viewer = self.caller("viewer-1", VIEW)
        for query in (
            "limit=0", "limit=201", "limit=x", "cursor=x", "cursor=9223372036854775808", "status=pending", "status=%00",
            "register=%00", "section=", "awaiting=you", "mood=1", "limit=1&limit=2", f"register={'x' * 201}",
        ):  # fmt: skip
            refused = viewer.get(f"/change-requests?{query}")
            self.assertEqual((refused.status, code(refused)), (422, "REG-010"), query)
        for query in ("cursor=-9223372036854775808", "cursor=9223372036854775807", "limit=200", "requester=%F0%9F%98%80", "requester=%FF"):
            self.assertEqual(viewer.get(f"/change-requests?{query}").expect(200), [], query)
        for name in (str(uuid.uuid4()), "x", "%00", "%FF", "..%2F..", "F" * 5000, "%F0%9F%98%80"):
            for path in (f"/change-requests/{name}", f"/change-requests/{name}/approval"):
                refused = viewer.get(path)
                self.assertEqual((refused.status, code(refused)), (404, "REG-001"), path)
        for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/change-requests", 405), ("GET", CREATE_PATH, 404)):
            refused = viewer.send(method, path)
            self.assertIn((refused.status, code(refused)[:4]), [(status, "REG-"), (405, "REG-")], path)
        viewer.base = ""
        refused = viewer.get("/")
        self.assertEqual((refused.status, code(refused)), (404, "REG-010"))

    def test_tokens_that_are_none(self) -> None:
        with Client(self.registry.port) as anybody:
            for bearer in ("", "Basic x", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer " + "x" * 20_000,
                           "Bearer " + api.token(""), "Bearer " + api.token("a\0b"), "Bearer " + api.token("x" * 201)):  # fmt: skip
                anybody.headers = {"Authorization": bearer}
                refused = anybody.get("/my-approvals")
                if refused.status != 431:
                    self.assertEqual((refused.status, code(refused)), (401, "REG-006"), bearer[:40])

    def test_one_slow_caller_stops_nobody(self) -> None:
        slow = [self.caller(f"slow-{n}", CREATE) for n in range(20)]
        for client in slow:
            client.hold(CREATE_PATH, self.body("F-1", "section-farmer-notes", note="x"))
        self.staff().get("/change-requests").expect(200)
        self.create("F-2", "section-farmer-notes", note="x")
        for answer in api.together(*slow):
            self.assertEqual(answer.status, 201)

    def test_a_body_that_does_not_come_is_given_up_and_webhooks_have_places_of_their_own(self) -> None:
        self.registry.stop()
        self.registry.settings |= {"server.body_timeout_seconds": 2, "server.max_in_flight": 4}
        self.registry.start()
        made = self.create("F-1")
        slow: list[Client] = []

        def refused_for_want_of_places() -> Optional[api.Answer]:
            # One more each time: who asks takes a place, too, and may be quicker than one of them.
            slow.append(self.caller(f"slow-{len(slow)}", CREATE))
            slow[-1].hold(CREATE_PATH, self.body("F-2", "section-farmer-notes", note="x"))
            one = self.staff().get("/my-approvals")
            return one if one.status == 503 else None

        refused = until(refused_for_want_of_places, "all places are taken")
        self.assertEqual((code(refused), refused.headers["Retry-After"]), ("REG-014", "1"))
        self.send(event(made["awe_request_id"])).expect(200)
        ended = [(one.status, code(one)) for one in (client.answer() for client in slow)]
        self.assertIn((408, "REG-010"), ended)
        self.assertLessEqual(set(ended), {(408, "REG-010"), (503, "REG-014")})
        self.staff().get("/change-requests").expect(200)

    def test_connections_are_bounded_and_those_that_say_nothing_are_ended(self) -> None:
        self.registry.kill()
        self.registry.settings |= {"server.max_connections": 2, "server.idle_timeout_seconds": 1}
        self.registry.start()
        silent = [socket.create_connection(("127.0.0.1", self.registry.port), timeout=20) for _ in range(2)]
        for number, one in enumerate(silent):
            self.addCleanup(one.close)
            one.sendall(b"GET /v1/registry/health HTTP/1.1\r\n"[: number * 10])
        # Both places are taken: whoever comes next waits until the silent ones are ended.
        with Client(self.registry.port) as anybody:
            anybody.get("/health").expect(200)
        for one in silent:
            said = one.recv(4096)
            self.assertTrue(said == b"" or b" 408 " in said.split(b"\r\n")[0], said)

    def test_the_same_key_at_once_is_one_change(self) -> None:
        clients = [self.caller("staff-1", CREATE) for _ in range(8)]
        for client in clients:
            client.hold(CREATE_PATH, self.body("F-1"), {"Idempotency-Key": "k"})
        answers = api.together(*clients)
        self.assertEqual({answer.status for answer in answers}, {201})
        self.assertEqual(len({answer.json["change_request_id"] for answer in answers}), 1)
        self.assertEqual(self.database.count("select count(*) from approval_request"), 1)
        other = self.caller("staff-2", CREATE).post(CREATE_PATH, self.body("F-1"), {"Idempotency-Key": "k"}).expect(201)
        self.assertNotEqual(other["change_request_id"], answers[0].json["change_request_id"])


class Codes(RegistryCase):
    def refused(self, answer: api.Answer) -> tuple[int, str]:
        return answer.status, code(answer)

    def test_every_code(self) -> None:
        staff, nobody = self.staff(), str(uuid.uuid4())
        post = staff.post
        seen = {
            self.refused(self.decide(self.boss(), nobody)): (404, "REG-001"),
            self.refused(post(CREATE_PATH, self.body("F-1", "nowhere"))): (404, "REG-002"),
            self.refused(post(CREATE_PATH, self.body("F-1", "section-farmer-notes", "update", note="x"))): (404, "REG-003"),
        }
        notes = self.create("F-2", "section-farmer-notes", note="x")["change_request_id"]
        gated = self.create("F-3")
        change = gated["change_request_id"]
        seen[self.refused(staff.get(f"/change-requests/{notes}/approval"))] = (404, "REG-004")
        seen[self.refused(self.decide(self.caller("x", CREATE), change))] = (403, "REG-005")
        seen[self.refused(self.decide(self.decider("stranger"), change))] = (409, "REG-008")
        self.decide(self.boss(), notes).expect(200)
        seen[self.refused(self.decide(self.boss(), notes))] = (409, "REG-007")
        seen[self.refused(post(CREATE_PATH, b"".decode()))] = (422, "REG-010")
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        admin.post("/policies/farmer.section-farmer-edit/versions/1/deactivate")
        seen[self.refused(post(CREATE_PATH, self.body("F-4")))] = (502, "REG-012")
        for got, wanted in seen.items():
            self.assertEqual(got, wanted)
        self.assertEqual(len(seen), 9)
        self.assertEqual(self.records.count("select count(*) from g2p_register_change_request"), 2)
        self.decide(self.decider("officer-1"), change).expect(200)
        again = self.decide(self.decider("officer-1"), change)
        self.assertEqual(self.refused(again), (409, "REG-008"))

    def test_a_fault_of_ours_says_so_and_health_tells_of_it(self) -> None:
        self.records.value("alter table g2p_register_sections rename to elsewhere")
        refused = self.staff().post(CREATE_PATH, self.body("F-1"))
        self.assertEqual(self.refused(refused), (500, "REG-014"))
        self.records.value("alter table elsewhere rename to g2p_register_sections")
        self.create("F-1", "section-farmer-notes", note="x")
        with Client(self.registry.port) as anybody:
            self.assertEqual(anybody.get("/health").expect(200)["status"], "ok")
            self.records.drop()
            health = anybody.get("/health")
            self.assertEqual((health.status, health.json["database"]), (503, False))

    def test_documents_are_served(self) -> None:
        with Client(self.registry.port) as anybody:
            served = anybody.get("/openapi.json").expect(200)
            self.assertEqual(served["info"]["title"], "Registry")
            self.assertIn("/v1/registry/awe/webhooks/decision", served["paths"])
            for path in ("/docs", "/docs/", "/docs/swagger-ui.css"):
                self.assertEqual(anybody.get(path).status, 200, path)

    def test_settings_that_cannot_be_stop_the_start_and_are_named(self) -> None:
        for key, value, told in (
            ("server.prot", "1", "prot"), ("server.host", "0.0.0.0", "loopback"), ("awe.callback_secret_id", "", "callback_secret_id"),
            ("database.url", "nowhere", "database.url"),
        ):  # fmt: skip
            registry = self.registry
            before = dict(registry.settings)
            registry.settings[key] = value
            done = registry.run("serve")
            registry.settings = before
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(told, done.stderr)
        self.assertIn("DEVELOPMENT MODE", self.registry.log.read_text())
