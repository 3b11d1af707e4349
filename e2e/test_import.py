"""`awe import upstream`: what an AWE 1.0 has is taken over and goes on here."""

from __future__ import annotations

from support import server, signatures
from support.upstream import ENDED, LEFT, PEOPLE, RUNNING, SECOND, SENT, UpstreamCase
from support.waiting import until


class Upstream(UpstreamCase):
    def test_it_is_taken_over_once_and_goes_on_here(self) -> None:
        nothing = {table: 0 for table in LEFT}
        refused = self.take_over("--map", str(self.people("ann", "dave")))
        self.assertEqual((refused.returncode, self.here()), (1, nothing), refused.stdout)
        for name in ("ann", "dave"):
            self.assertIn(f"nobody is named by the user name {name}\n", refused.stdout)
        self.assertNotIn("user name bob", refused.stdout)

        dry = self.take_over("--map", str(self.people()), "--dry-run")
        self.assertEqual((dry.returncode, self.here()), (0, nothing), dry.stdout)
        self.assertIn("would be written: 1 requests, under way", dry.stdout)

        done = self.take_over("--map", str(self.people()))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("written: 2 policies", done.stdout)
        self.assertIn("callback secret, which cannot be taken over, for registry", done.stdout)
        written = self.here()
        self.assertEqual(written, dict(zip(LEFT, (2, 2, 4, 8, 1, 1))))
        again = self.take_over("--map", str(self.people()))
        self.assertEqual((again.returncode, self.here()), (0, written), again.stdout)

        running = self.serve()
        with running.admin() as admin:
            secret = admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)["secret"]
            ended = admin.get(f"/requests/{ENDED}").expect(200)
            self.assertEqual((ended["status"], ended["requester"]), ("rejected", PEOPLE["hana"]))
        # What was owed there is sent from here.
        owed = self.receiver.wait_for_type("request_rejected", ENDED, 30)
        self.assertEqual(owed.event["event_id"], SENT)
        waiting = {}
        for person in ("bob", "dave"):
            with running.client(PEOPLE[person]) as client:
                [waiting[person]] = client.get("/tasks?status=actionable").expect(200)["items"]
        self.assertEqual(self.database.count("select count(*) from wrong_open_work"), 0, "what is open is found here")
        self.assertEqual(waiting["dave"]["delegated_from"], PEOPLE["carol"])
        # Bob is required, so Dave alone does not end it.
        for person, status in (("dave", "in_review"), ("bob", "approved")):
            with running.client(PEOPLE[person]) as client:
                client.decide(waiting[person]["id"]).expect(201)
                self.assertEqual(client.get(f"/requests/{RUNNING}").expect(200)["status"], status)
        one = self.receiver.wait_for_type("request_approved", RUNNING)
        signatures.verify(one.headers, one.raw, secret)
        history = self.database.histories()[RUNNING]
        self.assert_gapless(history)
        until(lambda: server.run(["outbox", "status"], self.settings, self.folder).returncode == 0, "nothing waits for the stream")
        published = self.database.rows("select distinct request_id from published_event")
        self.assertEqual([row["request_id"] for row in published], [RUNNING], "what happened there is not told again")
        failed = [line for line in server.run(["doctor"], self.settings, self.folder).stdout.splitlines() if line.startswith("FAILED")]
        self.assertEqual([line for line in failed if "durability" not in line], [])

        # A request that has gone on here is left alone, although it is under way there still.
        running.stop()
        self.database.value("delete from process")
        last = self.take_over("--map", str(self.people()))
        self.assertEqual(last.returncode, 0, last.stdout)
        self.assertEqual(self.database.histories()[RUNNING], history)

    def test_what_cannot_be_read_or_written_is_named_and_nothing_is_written(self) -> None:
        people = str(self.people())
        for spoil, mend, told in (
            ("update approval_event set event_type = 'odd' where event_type = 'stage_started'",
             "update approval_event set event_type = 'stage_started' where event_type = 'odd'", "odd is no type of event"),
            (f"update approval_stage set mode_value = null where id = '{SECOND}'",
             f"update approval_stage set mode_value = 1 where id = '{SECOND}'", "policy old.v1 version 1: "),
            ("alter table approval_task rename column due_at to due", "alter table approval_task rename column due to due_at",
             "it lacks approval_task.due_at"),
            ("alter table user_delegation rename to away", "alter table away rename to user_delegation", "user_delegation.id"),
        ):
            with self.subTest(told):
                self.source.value(spoil)
                refused = self.take_over("--map", people)
                self.source.value(mend)
                self.assertEqual(refused.returncode, 1, refused.stdout)
                self.assertIn(told, refused.stdout)
                self.assertEqual(self.here()["approval_policy"], 0)
        running = self.serve()
        refused = self.take_over("--map", people)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("a process of AWE runs here", refused.stdout)
        running.stop()
