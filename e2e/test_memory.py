"""No single call makes the process grow by much, whatever it sends or asks for."""

from __future__ import annotations

import json
from pathlib import Path

from support import api
from support.case import EngineCase

MIB = 1024 * 1024
BODY = MIB - 1024
"""Most bytes of a hostile value: `server.max_body_bytes`, with room for what is around it."""
MOST_GROWTH = 20 * MIB


def fill(unit: str, most: int = BODY) -> str:
    """Repeats a text, separated by commas, as often as it fits."""
    return ",".join([unit] * (most // (len(unit) + 1)))


def numbered(form: str, most: int = BODY) -> str:
    """Like `fill`, with a different number in each repetition."""
    parts, size = [], 0
    while size < most - 32:
        parts.append(form.format(len(parts)))
        size += len(parts[-1]) + 1
    return ",".join(parts)


def hostile(most: int) -> dict[str, str]:
    """JSON objects of about `most` bytes whose parsed form takes the most memory."""
    return {
        "empty lists": '{"a":[' + fill("[]", most) + "]}",
        "empty objects": '{"a":[' + fill("{}", most) + "]}",
        "tiny objects": '{"a":[' + fill('{"b":1}', most) + "]}",
        "tiny numbers": '{"a":[' + fill("1", most) + "]}",
        "tiny texts": '{"a":[' + fill('""', most) + "]}",
        "a long number": '{"a":' + "1" * (most - 64) + "}",
        "long numbers": '{"a":[' + fill("1." + "3" * 300, most) + "]}",
        "many keys": "{" + numbered('"k{}":1', most) + "}",
        "the same key": "{" + fill('"a":[]', most) + "}",
        "one text": '{"a":"' + "x" * (most - 64) + '"}',
        "escapes": '{"a":"' + "\\u00e9" * ((most - 64) // 6) + '"}',
        "deep": '{"a":' + "[" * 120 + "]" * 120 + "}",
        "too deep": '{"a":' + "[" * (most // 2) + "]" * (most // 2) + "}",
    }


class Memory(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.server = self.serve()
        self.admin = self.server.admin()
        self.addCleanup(self.admin.close)

    def peak(self) -> int:
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def settle(self) -> int:
        """Resets the peak; returns the present memory of the process."""
        Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")
        return self.peak()

    def grows_little(self, what: str, path: str, body: str, *statuses: int) -> dict:
        """Makes one call and asserts that memory has not grown much; returns the answer."""
        before = self.settle()
        headers = {**self.admin.headers, "Content-Type": "application/json"}
        self.admin.connection.request("POST", api.BASE + path, body.encode(), headers)
        answer = self.admin.answer()
        grown = self.peak() - before
        self.assertIn(answer.status, statuses, f"{what} at {path}: {answer.raw[:300]!r}")
        self.assertLessEqual(grown, MOST_GROWTH, f"{what} at {path}: {grown / MIB:.1f} MiB, {answer.status}")
        return answer.json

    def warm(self, path: str, body: dict) -> None:
        """Makes the first calls, which allocate memory that later calls use again."""
        for _ in range(3):
            self.admin.post(path, body)

    def test_a_hostile_context_is_refused_or_kept_without_growing(self) -> None:
        api.create_policy(self.admin, "p", api.stage(1, "amy"))
        body = api.request_body("p", "CR-1")
        self.warm("/requests", body)
        around = json.dumps({**body, "context": None})
        for most in (BODY, 250 * 1024):
            for what, context in hostile(most - len(around)).items():
                with self.subTest(what, most=most):
                    sent = around.replace('"context": null', f'"context": {context}')
                    self.assertLess(len(sent), MIB)
                    answer = self.grows_little(what, "/requests", sent, 201, 422)
                    if most == BODY:
                        self.assertIn("detail", answer, f"{what}: a context of {most} bytes is refused")
                    self.grows_little(what, "/policies/p/versions/1/simulate", f'{{"context": {context}}}', 200, 422)

    def test_a_large_context_is_not_repeated_for_each_of_a_thousand_seats(self) -> None:
        seats = [f"user-{n}" for n in range(1000)]
        everybody = {"rule_type": "expression", "rule_value": {"logic": {"var": "people"}}}
        stage = {"name": "all", "stage_order": 1, "mode": "all", "rules": [everybody]}
        api.create_policy(self.admin, "many", stage)
        context = {"people": seats, "filler": "x" * 200_000}
        self.warm("/requests", {**api.request_body("many", "CR-1"), "context": {"people": ["amy"]}})
        headers = {"Idempotency-Key": "large"}
        body = {**api.request_body("many", "CR-2"), "context": context}
        before = self.settle()
        first = self.admin.post("/requests", body, headers)
        again = self.admin.post("/requests", body, headers)
        grown = self.peak() - before
        self.assertEqual(len(first.expect(201)["tasks"]), 1000)
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        self.assertEqual(again.json, first.json)
        self.assertIsNone(first.json["tasks"][0]["context"], "the request has it")
        self.assertLess(len(first.raw), MIB)
        request = self.admin.get(f"/requests/{first.json['request_id']}").expect(200)
        self.assertEqual(request["context"], context)
        self.assertLessEqual(grown, MOST_GROWTH, f"{grown / MIB:.1f} MiB for two creates")
        stored = "select max(length(response::text)) from idempotency_key"
        self.assertLess(int(self.database.value(stored)), MIB)

    def test_pages_of_large_contexts_are_cut_and_go_on(self) -> None:
        api.create_policy(self.admin, "p", api.stage(1, "amy"))
        context = json.loads(hostile(240 * 1024)["one text"])
        for n in range(40):
            body = {**api.request_body("p", f"CR-{n}"), "context": context}
            self.admin.post("/requests", body).expect(201)
        self.admin.get("/requests?limit=2").expect(200)
        found, cursor = [], ""
        while True:
            page = self.page(f"/requests?limit=100{cursor}")
            found += [request["artifact_id"] for request in page.json]
            if page.headers["x-next-cursor"] is None:
                break
            cursor = f"&cursor={page.headers['x-next-cursor']}"
        self.assertEqual(found, [f"CR-{n}" for n in reversed(range(40))])
        tasks = self.page("/tasks?assignee=*&page_size=100")
        self.assertEqual(tasks.json["total"], 40)
        self.assertIsNotNone(tasks.json["items"][0]["context"])
        self.assertIsNone(tasks.json["items"][-1]["context"], "past what a page shows of contexts")

    def page(self, path: str) -> api.Answer:
        """Reads a page. The bound is that of one call: each thread of the server keeps some memory for its next one."""
        before = self.settle()
        page = self.admin.get(path)
        grown = self.peak() - before
        page.expect(200)
        self.assertLess(len(page.raw), 5 * MIB)
        self.assertLessEqual(grown, MOST_GROWTH, f"{grown / MIB:.1f} MiB for {path[:40]}")
        return page

    def test_hostile_values_of_policies_are_refused_without_growing(self) -> None:
        stage = api.stage(1, "amy")
        policy = {"policy_key": "q", "name": "q", "artifact_type": "t"}
        self.warm("/policies", {**policy, "policy_key": "there", "stages": [stage]})
        for what, value in hostile(BODY - 1024).items():
            for where in (
                {**policy, "stages": [], "context_schema": "HERE"},
                {**policy, "stages": [{**stage, "skip_if": "HERE"}]},
                {**policy, "stages": [{**stage, "rules": [{"rule_type": "user", "rule_value": "HERE"}]}]},
            ):
                with self.subTest(what, where=json.dumps(where)[:100]):
                    body = json.dumps(where).replace('"HERE"', value)
                    self.grows_little(what, "/policies", body, 400, 422)
