"""Concurrent calls: one request per key, one decision per task, one completion per stage."""

from __future__ import annotations

from typing import Any

from support import api
from support.api import Answer, Client, together
from support.case import EngineCase
from support.server import Server

ROUNDS = 200
CALLERS = 20


class IdempotentCreate(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.server = self.serve()
        with self.server.admin() as admin:
            api.create_policy(admin, "create.v1", api.stage(1, "alice"))
        self.body = api.request_body("create.v1", "CR-1")

    def create_everywhere(self, *servers: Server) -> list[Answer]:
        """Sends the same create with one key over twenty connections at the same moment."""
        callers = [servers[n % len(servers)].client("registry") for n in range(CALLERS)]
        for caller in callers:
            self.addCleanup(caller.close)
            caller.hold("/requests", self.body, {"Idempotency-Key": "key-1"})
        return together(*callers)

    def assert_one_request_and_equal_answers(self, answers: list[Answer]) -> None:
        first = answers[0].expect(201)
        for answer in answers:
            self.assertEqual(answer.expect(201), first)
        replayed = [answer for answer in answers if answer.headers.get("Idempotency-Replayed") == "true"]
        self.assertEqual(len(replayed), CALLERS - 1)
        histories = self.database.histories()
        self.assertEqual(list(histories), [first["request_id"]])
        self.assertEqual(self.types(histories[first["request_id"]]), ["request_created", "stage_started"])
        self.assertEqual(len(histories[first["request_id"]]["tasks"]), 1)

    def test_twenty_creates_with_one_key_make_one_request(self) -> None:
        self.assert_one_request_and_equal_answers(self.create_everywhere(self.server))

    def test_twenty_creates_with_one_key_at_two_servers_make_one_request(self) -> None:
        self.assert_one_request_and_equal_answers(self.create_everywhere(self.server, self.serve()))

    def test_a_key_belongs_to_one_body_and_to_one_subject(self) -> None:
        key = {"Idempotency-Key": "key-1"}
        with self.server.client("registry") as registry, self.server.client("payments") as payments:
            first = registry.post("/requests", self.body, key).expect(201)
            same = registry.post("/requests", dict(reversed(self.body.items())), key)
            self.assertEqual(same.expect(201), first)
            self.assertEqual(same.headers.get("Idempotency-Replayed"), "true")
            other = registry.post("/requests", {**self.body, "artifact_id": "CR-2"}, key)
            self.assertEqual((other.status, other.code), (409, "AWE-009"))
            elsewhere = payments.post("/requests", self.body, key)
            self.assertNotEqual(elsewhere.expect(201)["request_id"], first["request_id"])
            self.assertIsNone(elsewhere.headers.get("Idempotency-Replayed"))
        self.assertEqual(len(self.database.histories()), 2)


class DecisionsAtOneInstant(EngineCase):
    """Two servers on one database. Both decisions of a round lack their last byte, which is sent at the same moment."""

    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.servers = [self.serve(), self.serve()]
        self.admin = self.keep(self.servers[0].admin())

    def keep(self, client: Client) -> Client:
        self.addCleanup(client.close)
        return client

    def rounds(self, key: str, stages: list[dict[str, Any]], *pair: Client) -> list[tuple[dict, list[Answer]]]:
        """Makes two hundred requests and lets both clients decide each at once; returns creates and answers."""
        api.create_policy(self.admin, key, *stages)
        done = []
        for n in range(ROUNDS):
            created = self.admin.post("/requests", api.request_body(key, f"CR-{n}")).expect(201)
            task_of = {task["assignee"]: task["id"] for task in created["tasks"]}
            both = self.order(n, pair)
            for client in both:
                client.hold_decision(task_of.get(client.subject) or created["tasks"][0]["id"])
            answers = dict(zip(both, together(*both)))
            done.append((created, [answers[client] for client in pair]))
        return done

    def order(self, round_number: int, pair: tuple[Client, ...]) -> tuple[Client, ...]:
        """The client that is released first changes every round."""
        return pair if round_number % 2 else pair[::-1]

    def assert_consistent(self, histories: dict[str, dict[str, Any]]) -> None:
        self.assertEqual(len(histories), ROUNDS)
        for history in histories.values():
            self.assert_gapless(history)
            decided = [decision["task_id"] for decision in history["decisions"]]
            self.assertEqual(len(decided), len(set(decided)), history)
            self.assertEqual(self.types(history).count("decision_recorded"), len(decided), history)

    def assert_one_winner(self, answers: list[Answer]) -> Answer:
        winner, loser = sorted(answers, key=lambda answer: answer.status)
        winner.expect(201)
        self.assertEqual((loser.status, loser.code), (409, "AWE-007"), loser.raw)
        return winner

    def assert_a_race(self, done: list[tuple[dict, list[Answer]]]) -> None:
        """Asserts that the client released last wins sometimes, so that the decisions of a round do meet."""
        won_by_last = sum(answers[n % 2].status == 201 for n, (_, answers) in enumerate(done))
        self.assertTrue(0 < won_by_last < ROUNDS, f"{won_by_last} of {ROUNDS} won by whoever was let go last")

    def test_one_of_two_approvers_takes_the_last_seat(self) -> None:
        alice = self.keep(self.servers[0].client("alice"))
        bob = self.keep(self.servers[1].client("bob"))
        stages = [api.stage(1, "alice", "bob"), api.stage(2, "carol")]
        done = self.rounds("any.v1", stages, alice, bob)
        histories = self.database.histories("any.v1")
        self.assert_consistent(histories)
        for created, answers in done:
            winner = self.assert_one_winner(answers)
            history = histories[created["request_id"]]
            self.assertEqual(history["status"], "in_review")
            self.assertEqual([d["id"] for d in history["decisions"]], [winner.json["id"]])
            started = ["request_created", "stage_started"]
            self.assertEqual(
                self.types(history), [*started, "decision_recorded", "stage_completed", "stage_started"]
            )
            statuses = sorted((task["stage_order"], task["status"]) for task in history["tasks"])
            self.assertEqual(statuses, [(1, "completed"), (1, "skipped"), (2, "open")])
        self.assert_a_race(done)

    def test_both_approvers_of_an_all_stage_count_and_complete_it_once(self) -> None:
        alice = self.keep(self.servers[0].client("alice"))
        bob = self.keep(self.servers[1].client("bob"))
        stages = [api.stage(1, "alice", "bob", mode="all"), api.stage(2, "carol")]
        done = self.rounds("all.v1", stages, alice, bob)
        histories = self.database.histories("all.v1")
        self.assert_consistent(histories)
        for created, answers in done:
            decisions = {answer.expect(201)["id"] for answer in answers}
            history = histories[created["request_id"]]
            self.assertEqual({d["id"] for d in history["decisions"]}, decisions)
            started = ["request_created", "stage_started"]
            recorded = ["decision_recorded", "decision_recorded"]
            self.assertEqual(self.types(history), [*started, *recorded, "stage_completed", "stage_started"])
            statuses = sorted((task["stage_order"], task["status"]) for task in history["tasks"])
            self.assertEqual(statuses, [(1, "completed"), (1, "completed"), (2, "open")])

    def test_a_task_that_its_assignee_and_an_admin_decide_is_decided_once(self) -> None:
        alice = self.keep(self.servers[0].client("alice"))
        root = self.keep(self.servers[1].admin("root"))
        done = self.rounds("one.v1", [api.stage(1, "alice")], alice, root)
        histories = self.database.histories("one.v1")
        self.assert_consistent(histories)
        overridden = 0
        for created, answers in done:
            winner = self.assert_one_winner(answers)
            overridden += winner is answers[1]
            history = histories[created["request_id"]]
            self.assertEqual(history["status"], "approved")
            self.assertEqual([d["actor"] for d in history["decisions"]], [winner.json["actor"]])
            ended = ["decision_recorded", "stage_completed", "request_approved"]
            self.assertEqual(self.types(history), ["request_created", "stage_started", *ended])
        overrides = self.database.count(
            "select count(*) from audit_action where action = 'task.decide_override'"
        )
        self.assertEqual(overrides, overridden, "one audit row for each decision of the admin, none for refusals")

    def test_two_clicks_of_one_approver_are_one_decision(self) -> None:
        first = self.keep(self.servers[0].client("alice"))
        second = self.keep(self.servers[0].client("alice"))
        done = self.rounds("click.v1", [api.stage(1, "alice")], first, second)
        histories = self.database.histories("click.v1")
        self.assert_consistent(histories)
        for created, answers in done:
            winner = self.assert_one_winner(answers)
            history = histories[created["request_id"]]
            self.assertEqual([d["id"] for d in history["decisions"]], [winner.json["id"]])
            self.assertEqual(self.types(history).count("request_approved"), 1)
        self.assert_a_race(done)
