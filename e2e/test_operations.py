"""Operating AWE: stopping, starting many servers at once, a misspelt setting, a lost bus."""

from __future__ import annotations

import subprocess
import threading

from support import api, children, server
from support.case import EngineCase
from support.load import in_parallel
from support.waiting import until

LOCKED_CREATES = 12
REPLICAS = 10


class Stopping(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.server = self.serve()
        with self.server.admin() as admin:
            api.create_policy(admin, "stop.v1", api.stage(1, "alice"))

    def held_creates(self, count: int) -> list[api.Client]:
        clients = [self.server.client("registry") for _ in range(count)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.hold("/requests", api.request_body("stop.v1", f"CR-{number}"))
        return clients

    def test_requests_in_flight_at_sigterm_are_answered(self) -> None:
        clients = self.held_creates(LOCKED_CREATES)
        lock = self.database.lock("approval_event")
        self.addCleanup(lock.release)
        for client in clients:
            client.release()
        until(self.database.waiting_for_locks, "a commit waits for the lock")
        self.server.terminate()
        until(self.refuses_connections, "the server takes no new connections")
        lock.release()
        created = {client.answer().expect(201)["request_id"] for client in clients}
        self.assertEqual(self.server.exit_code(), 0)
        self.assertEqual(set(self.database.histories()), created)

    def refuses_connections(self) -> bool:
        try:
            with self.server.client() as anybody:
                anybody.get("/health")
        except api.LOST:
            return True
        return False

    def test_a_body_still_on_its_way_at_sigterm_is_waited_for(self) -> None:
        clients = self.held_creates(4)
        # Connections are accepted in order: when a later one is answered, the earlier ones have been accepted.
        with self.server.client("registry") as later:
            later.get("/tasks").expect(200)
        self.server.terminate()
        until(self.refuses_connections, "the server takes no new connections")
        for answer in api.together(*clients):
            answer.expect(201)
        self.assertEqual(self.server.exit_code(), 0)

    def test_under_load_sigterm_loses_no_answer(self) -> None:
        answered: list[str] = []
        enough = threading.Event()

        def create_until_refused(client: api.Client, thread: int) -> None:
            while True:
                body = api.request_body("stop.v1", f"CR-{thread}-{len(answered)}")
                try:
                    answer = client.post("/requests", body)
                except api.LOST:
                    return
                answered.append(answer.expect(201)["request_id"])
                if len(answered) >= 100:
                    enough.set()

        def load() -> None:
            in_parallel(create_until_refused, range(8), lambda: self.server.client("registry"))

        thread = threading.Thread(target=load, daemon=True)
        thread.start()
        self.assertTrue(enough.wait(30), "a hundred creates")
        self.server.terminate()
        self.assertEqual(self.server.exit_code(), 0)
        thread.join(30)
        self.assertFalse(thread.is_alive())
        self.assertEqual(set(self.database.histories()), set(answered), "done and answered are the same")

    def test_an_idle_server_stops_soon_and_starts_again_on_its_port(self) -> None:
        self.server.terminate()
        self.assertEqual(self.server.exit_code(), 0)
        self.server.start()
        with self.server.client("alice") as alice:
            alice.get("/tasks").expect(200)


class Starting(EngineCase):
    def test_ten_migrations_at_once_on_an_empty_database_all_succeed(self) -> None:
        replicas = []
        for _ in range(REPLICAS):
            replicas.append(
                children.start(
                    [server.program(), "migrate"],
                    env=server.environment(self.owner_settings()),
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            self.addCleanup(children.end, replicas[-1])
        for replica in replicas:
            output, _ = replica.communicate(timeout=60)
            self.assertEqual(replica.returncode, 0, output)
        applied = self.database.rows("select version, success from _sqlx_migrations")
        self.assertTrue(applied and all(row["success"] for row in applied), applied)
        self.assertEqual(self.database.count("select count(*) from approval_request"), 0)
        self.migrate()

    def assert_refused(self, variable: str, value: object, *words: str) -> None:
        done = server.run(["serve"], {**self.settings, variable: value}, self.folder)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout)

    def test_an_unknown_setting_stops_the_start_with_its_name(self) -> None:
        self.assert_refused("webhook.max_atempts", 3, "webhook.max_atempts", "AWE__WEBHOOK__MAX_ATEMPTS")

    def test_a_bad_value_stops_the_start_with_its_name(self) -> None:
        self.assert_refused("webhook.max_attempts", "many", "webhook.max_attempts")
        self.assert_refused("webhook.max_attempts", 0, "webhook.max_attempts")

    def test_development_mode_does_not_listen_on_the_network(self) -> None:
        self.assert_refused("server.host", "0.0.0.0", "server.host", "keycloak.issuer")

    def test_a_database_without_schema_stops_the_start_and_says_what_to_do(self) -> None:
        settings = {**self.settings, "server.port": server.free_port()}
        done = server.run(["serve"], settings, self.folder)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("awe migrate", done.stdout)

    def test_a_taken_port_stops_the_start_with_its_number(self) -> None:
        self.migrate()
        first = self.serve()
        done = server.run(["serve"], {**self.settings, "server.port": first.port}, self.folder)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(str(first.port), done.stdout)


class WithoutNats(EngineCase):
    def test_requests_are_decided_and_webhooks_sent_by_the_poll(self) -> None:
        self.migrate()
        receiver = self.sink()
        started = self.serve(nats__url=f"nats://127.0.0.1:{server.free_port()}")
        with started.admin() as admin:
            api.create_policy(admin, "nonats.v1", api.stage(1, "alice"))
            body = api.request_body("nonats.v1", "CR-1", receiver.url)
            created = admin.post("/requests", body).expect(201)
            admin.decide(created["tasks"][0]["id"]).expect(201)
            receiver.wait_for_type("request_approved", created["request_id"], within=10)
            read = admin.get(f"/requests/{created['request_id']}").expect(200)
            self.assertEqual(read["status"], "approved")
            health = admin.get("/health").expect(200)["response"]
            self.assertEqual((health["status"], health["degraded"]), ("UP", ["nats"]))
        sequences = [one.event["sequence"] for one in receiver.received()]
        self.assertEqual(sequences, [1, 2, 4, 5])
        # When the bus is back, events that waited in the outbox are published, in order.
        started.terminate()
        self.assertEqual(started.exit_code(), 0)
        self.serve()
        unpublished = "select count(*) from unpublished_event"
        until(lambda: self.database.count(unpublished) == 0, "every event is published")
        kept = [m.json["sequence"] for m in self.nats().stream(self.events_stream, f"{self.prefix}.events.>")]
        self.assertEqual(kept, [1, 2, 3, 4, 5])


class Memory(EngineCase):
    def test_requests_leave_memory_when_nobody_touches_them(self) -> None:
        self.migrate()
        started = self.serve(log_filter="info,actors=debug", requests__idle_seconds=1)
        with started.admin() as admin:
            api.create_policy(admin, "idle.v1", api.stage(1, "alice"))

        def create(client: api.Client, number: int) -> str:
            created = client.post("/requests", api.request_body("idle.v1", f"CR-{number}")).expect(201)
            return created["tasks"][0]["id"]

        tasks = in_parallel(create, range(500), lambda: started.client("registry"))
        # The janitor logs how many requests are left in memory whenever it has dropped some.
        until(lambda: '"live":0' in started.log.read_text(), "all 500 rest")
        with started.client("alice") as alice:
            alice.decide(tasks[0]).expect(201)
