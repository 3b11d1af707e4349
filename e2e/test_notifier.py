"""Mail to people: a real SMTP server takes it, refuses it, is away, or asks for TLS and a password."""

from __future__ import annotations

import os
import shutil
import ssl
from typing import Any, Optional

from support import api, mail, otlp
from support.case import EngineCase
from support.directory import Directory
from support.mail import PASSWORD, MailServer
from support.scenario import due, expression, stage, users
from support.server import Server, run, tail
from support.waiting import until

NOTIFIER, REST = {"AWE_ROLES": "notifier"}, {"AWE_ROLES": "api,resolver,sla,delivery,relay"}
PEOPLE = ("ann", "bob", "cora", "dan")


class NotifierCase(EngineCase):
    """One process decides, others send mail; everybody has an address at example.org."""

    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.directory = Directory()
        self.addCleanup(self.directory.close)
        self.directory.emails.update({name: f"{name}@example.org" for name in PEOPLE})
        self.settings.update(self.directory.settings)
        self.numbers = 0

    def mail_server(
        self, certificate: Optional[ssl.SSLContext] = None, login: bool = False, implicit: bool = False
    ) -> MailServer:
        """Starts the mail server that servers started from now on use."""
        server = MailServer(certificate, login, implicit)
        self.addCleanup(server.stop)
        self.settings.update(server.settings)
        return server

    def engine(self) -> None:
        self.server = self.serve(more=REST)
        self.admin = self.server.admin()
        self.addCleanup(self.admin.close)

    def notifier(self, **settings: object) -> Server:
        """Starts a notifier and waits until it receives events."""
        started = self.serve(more=NOTIFIER, **settings)
        until(lambda: self.database.count("select count(*) from notifier_start"), "the notifier follows")
        return started

    def ask(self, *people: str, artifact: str = "", **more: Any) -> dict[str, Any]:
        """Creates a request whose first stage asks these people."""
        self.numbers += 1
        key = f"mail.v{self.numbers}"
        api.create_policy(self.admin, key, stage(1, *users(*people), **more))
        return self.admin.post("/requests", api.request_body(key, artifact or f"CR-{self.numbers}")).expect(201)

    def task(self, created: dict[str, Any]) -> str:
        return created["tasks"][0]["id"]

    def told(self, task_id: str) -> dict[str, Any]:
        """The row of the one mail about this task."""
        rows = self.database.rows(f"select * from task_notification where task_id = '{task_id}'")
        return rows[0] if rows else {}

    def wait_for(self, task_id: str, within: float = 20.0, **wanted: Any) -> dict[str, Any]:
        def come_to() -> dict[str, Any]:
            row = self.told(task_id)
            return row if row and all(row[name] == value for name, value in wanted.items()) else {}

        return until(come_to, f"a mail that is {wanted}", within)

    def wait_for_failure(self, task_id: str, why: str = "") -> dict[str, Any]:
        """Waits until an attempt has failed with an error that contains `why`."""

        def failed() -> dict[str, Any]:
            row = self.told(task_id)
            return row if row.get("reason") and why in row["reason"] else {}

        return until(failed, f"an attempt has failed: {why}")

    def move_deadline(self, task_id: str, minutes: int) -> None:
        self.database.unguarded(
            f"update approval_task set created_at = now() - interval '1 d' where id = '{task_id}';"
            "update open_task o set created_at = t.created_at from approval_task t where t.id = o.id"
        )
        self.database.value(f"update approval_task set due_at = now() + interval '{minutes} min' where id = '{task_id}'")


class Assignments(NotifierCase):
    def setUp(self) -> None:
        super().setUp()
        self.mail = self.mail_server()
        self.engine()

    def test_whoever_gets_a_task_is_told_what_it_is_about(self) -> None:
        link = "https://awe.example.org/tasks/{{ task_id }}"
        self.notifier(notifier__link_template=link)
        created = self.ask("ann", artifact="CR-2026-ä", sla_hours=4)
        one = self.mail.wait_for("ann@example.org")[0]
        self.assertEqual((one.sender, one.recipients), ("awe@example.org", ["ann@example.org"]))
        self.assertEqual(one.subject, "Approval needed: change_request CR-2026-ä")
        self.assertEqual(str(one.message["from"]), "AWE <awe@example.org>")
        row = self.wait_for(self.task(created), status="sent", attempt=1)
        self.assertEqual(one.id, f"<{row['id']}@example.org>")
        wanted = (created["request_id"], "mail.v1", "stage 1", "Deadline:", link.split("{{")[0] + self.task(created))
        for part in wanted:
            self.assertIn(part, one.text)

    def test_whoever_a_task_comes_to_later_is_told_too(self) -> None:
        self.notifier()
        moved = self.ask("ann")
        self.mail.wait_for("ann@example.org")
        self.admin.post(f"/tasks/{self.task(moved)}/reassign", {"new_assignee": "bob"}).expect(200)
        self.mail.wait_for("bob@example.org")
        escalation = [{"rule_type": "user", "rule_value": {"user_id": "cora"}}]
        late = self.ask("ann", **due("escalate", escalation_rules=escalation))
        self.mail.wait_for("ann@example.org", 2)
        self.database.value(
            f"update approval_task set due_at = now() - interval '1 s' where id = '{self.task(late)}'"
        )
        self.mail.wait_for("cora@example.org")
        body = {"user_id": "ann", "delegate_to": "dan", "starts_at": "2020-01-01", "ends_at": "2120-01-01"}
        body = {key: f"{value}T00:00:00Z" if key.endswith("_at") else value for key, value in body.items()}
        self.admin.post("/delegations", body).expect(201)
        self.ask("ann")
        self.assertIn("ann has delegated to you", self.mail.wait_for("dan@example.org")[0].text)
        self.assertEqual(len(self.mail.taken()), 5)

    def test_nobody_writes_headers_through_the_name_of_an_artifact(self) -> None:
        name = "CR-1\r\nBcc: eve@example.org\r\n\r\nPay at once"
        refused = self.admin.post("/requests", api.request_body("status.v1", name)).expect(422)
        self.assertIn("line breaks", refused["errors"][0]["message"])
        # A name may be older than this rule.
        first = self.notifier()
        first.terminate()
        first.exit_code()
        self.ask("ann")
        old = name.replace("\r", "' || chr(13) || '").replace("\n", "' || chr(10) || '")
        self.database.unguarded(f"update approval_request set artifact_id = '{old}'")
        self.notifier()
        one = self.mail.wait_for("ann@example.org")[0]
        self.assertEqual(one.recipients, ["ann@example.org"])
        self.assertIsNone(one.message["bcc"])
        self.assertEqual(one.subject, "Approval needed: change_request CR-1 Bcc: eve@example.org Pay at once")
        self.assertFalse([line for line in one.text.splitlines() if line.startswith(("Bcc", "Pay"))], one.text)

    def test_the_trace_of_a_mail_links_to_the_call_that_owes_it(self) -> None:
        collector = otlp.Collector(200)
        self.addCleanup(collector.close)
        self.mail_server()
        self.settings.update({"telemetry.otlp_endpoint": collector.url, "telemetry.sample_ratio": 1})
        self.engine()
        self.notifier()
        api.create_policy(self.admin, "traced.v1", stage(1, *users("ann")))
        traced = {"traceparent": f"00-{'5' * 32}-{'7' * 16}-01"}
        created = self.admin.post("/requests", api.request_body("traced.v1", "CR-1"), traced).expect(201)
        self.wait_for(self.task(created), status="sent")
        mail_of = collector.wait_for("mail")
        self.assertEqual(mail_of.attributes["awe.request.id"], created["request_id"])
        self.assertEqual([trace for trace, _ in mail_of.links], ["5" * 32])

    def test_two_processes_send_each_mail_once(self) -> None:
        people = [f"person-{number}" for number in range(60)]
        self.directory.emails.update({name: f"{name}@example.org" for name in people})
        self.notifier(), self.notifier()
        self.ask(*people)
        until(lambda: len(self.mail.taken()) >= len(people), "everybody is told")
        sent = "select count(*) from task_notification where status = 'sent' and attempt = 1"
        until(lambda: self.database.count(sent) == len(people), "every mail is recorded")
        recipients = sorted(one.recipients[0] for one in self.mail.taken())
        self.assertEqual(recipients, sorted(f"{name}@example.org" for name in people))

    def test_whoever_had_a_task_before_there_was_a_notifier_is_not_told_of_it(self) -> None:
        self.ask("ann")
        self.notifier()
        self.ask("bob")
        self.mail.wait_for("bob@example.org")
        self.assertEqual(self.mail.taken("ann@example.org"), [])

    def test_templates_come_from_files(self) -> None:
        folder = self.folder / "templates"
        folder.mkdir()
        (folder / "assigned.subject.txt").write_text("Bitte freigeben: {{ artifact_id }}")
        self.notifier(notifier__templates_directory=folder)
        self.ask("ann")
        one = self.mail.wait_for("ann@example.org")[0]
        self.assertEqual(one.subject, "Bitte freigeben: CR-1")
        (folder / "assigned.body.txt").write_text("{% if %}")
        told = run(["serve"], {**self.settings, "notifier.templates_directory": folder}, self.folder)
        self.assertNotEqual(told.returncode, 0)
        self.assertIn("assigned.body.txt", told.stdout)


class Failures(NotifierCase):
    def setUp(self) -> None:
        super().setUp()
        self.mail = self.mail_server()
        self.engine()

    def test_with_the_mail_server_away_people_decide_and_are_told_later(self) -> None:
        self.notifier()
        self.mail.stop()
        waiting, decided = self.ask("ann"), self.ask("bob")
        for created in (waiting, decided):
            self.wait_for_failure(self.task(created))
        with self.server.client("bob") as bob:
            bob.decide(self.task(decided)).expect(201)
        self.mail.start()
        self.mail.wait_for("ann@example.org")
        self.wait_for(self.task(waiting), status="sent")
        dropped = self.wait_for(self.task(decided), status="dropped")
        self.assertEqual(dropped["reason"], "the task is not open any more")
        self.assertEqual(self.mail.taken("bob@example.org"), [])

    def test_what_the_mail_server_refuses_for_now_is_sent_again(self) -> None:
        notifier = self.notifier()
        self.mail.answer = lambda _: mail.TAKEN if len(self.mail.asked) > 2 else "450 4.2.1 busy"
        created = self.ask("ann")
        self.mail.wait_for("ann@example.org")
        self.wait_for(self.task(created), status="sent", attempt=3)
        first, second, third = (at for at, _ in self.mail.asked)
        self.assertGreater(second - first, 1.5)
        self.assertGreater(third - second, 3.5, "pauses grow")
        self.assertIn("450", notifier.log.read_text())

    def test_what_it_refuses_for_good_is_not_sent_again(self) -> None:
        notifier = self.notifier()
        self.mail.answer = lambda to: "550 5.1.1 no such mailbox" if to.startswith("ann") else mail.TAKEN
        created = self.ask("ann")
        row = self.wait_for(self.task(created), status="failed", attempt=1)
        self.assertIn("550", row["reason"])
        self.ask("bob")
        self.mail.wait_for("bob@example.org")
        self.assertEqual([to for _, to in self.mail.asked].count("ann@example.org"), 1)
        until(lambda: "a mail is given up" in notifier.log.read_text(), "it is told")
        self.assertIn(self.task(created), notifier.log.read_text())

    def test_whoever_has_no_address_or_no_account_gets_no_mail(self) -> None:
        self.directory.emails.update({"ann": None, "gone-gus": "gus@example.org", "odd": "no address"})
        self.notifier()
        # An unknown person that a policy names would not be asked at all; an expression is not checked against the
        # directory.
        names = ["ann", "gone-gus", "nobody", "odd", ".."]
        api.create_policy(self.admin, "mail.nobody", stage(1, expression({"var": "people"})))
        body = {**api.request_body("mail.nobody", "CR-nobody"), "context": {"people": names}}
        created = self.admin.post("/requests", body).expect(201)
        settled = "select count(*) from task_notification where status in ('dropped', 'failed') and attempt = 1"
        until(lambda: self.database.count(settled) == 5, "none is tried again")
        self.assertEqual((created["status"], self.mail.sessions), ("in_review", 0))

    def test_with_the_directory_away_people_are_told_later(self) -> None:
        self.notifier()
        self.directory.away = True
        created = self.ask("ann")
        self.wait_for_failure(self.task(created), "directory")
        self.directory.away = False
        self.mail.wait_for("ann@example.org")

    def test_a_notifier_that_is_killed_in_the_middle_of_a_mail_sends_it_after_all(self) -> None:
        notifier = self.notifier()
        self.mail.hold = True
        created = self.ask("ann")
        until(self.mail.held.is_set, "the mail is almost there")
        notifier.kill()
        self.mail.hold = False
        notifier.start()
        one = self.mail.wait_for("ann@example.org", within=30)[-1]
        row = self.wait_for(self.task(created), status="sent", attempt=2)
        self.assertEqual(one.id, f"<{row['id']}@example.org>", "a repeated mail has the same id")

    def test_what_happens_while_no_notifier_runs_is_told_when_one_does(self) -> None:
        notifier = self.notifier()
        self.ask("ann")
        self.mail.wait_for("ann@example.org")
        notifier.kill()
        self.ask("bob")
        self.assertEqual(self.mail.taken("bob@example.org"), [])
        notifier.start()
        self.mail.wait_for("bob@example.org", within=40)


class Reminders(NotifierCase):
    def setUp(self) -> None:
        super().setUp()
        self.mail = self.mail_server()
        self.engine()

    def reminded(self, name: str) -> list[mail.Taken]:
        return [one for one in self.mail.taken(f"{name}@example.org") if one.subject.startswith("Reminder, due")]

    def wait_for_reminder(self, name: str, count: int = 1) -> None:
        until(lambda: len(self.reminded(name)) >= count, f"{name} is reminded")

    def test_of_each_deadline_people_are_reminded_once_by_whatever_processes_there_are(self) -> None:
        for _ in range(2):
            self.notifier(notifier__reminder_hours=1)
        tasks = {name: self.task(self.ask(name, **due("notify"))) for name in ("ann", "bob")}
        self.mail.wait_for("ann@example.org")
        self.move_deadline(tasks["ann"], 50)
        self.wait_for_reminder("ann")
        self.move_deadline(tasks["ann"], 40)
        self.wait_for_reminder("ann", 2)
        # The server looks at deadlines again and again until it finds this one.
        self.move_deadline(tasks["bob"], 30)
        self.wait_for_reminder("bob")
        self.assertEqual((len(self.reminded("ann")), len(self.reminded("bob"))), (2, 1))
        self.assertIn(tasks["bob"], self.reminded("bob")[0].text)

    def test_nobody_is_reminded_of_what_they_were_just_told_or_have_decided(self) -> None:
        self.notifier(notifier__reminder_hours=8)
        short, done, long = (self.ask(name, **due("notify")) for name in ("ann", "bob", "cora"))
        for name in ("ann", "bob", "cora"):
            self.mail.wait_for(f"{name}@example.org")
        with self.server.client("bob") as bob:
            bob.decide(self.task(done)).expect(201)
        self.move_deadline(self.task(done), 30)
        self.move_deadline(self.task(long), 30)
        self.wait_for_reminder("cora")
        self.assertEqual((self.reminded("ann"), self.reminded("bob")), ([], []), short)


class Encryption(NotifierCase):
    def setUp(self) -> None:
        super().setUp()
        if shutil.which("openssl") is None:
            if os.environ.get("CI"):
                self.fail("openssl is missing: in CI mail over TLS has to be tested")
            self.skipTest("openssl is missing")
        self.authority, self.certificate = mail.private_authority(self.folder)

    def test_without_starttls_nothing_is_sent_in_clear(self) -> None:
        clear = self.mail_server()
        self.engine()
        self.notifier(notifier__use_tls="true")
        created = self.ask("ann")
        row = self.wait_for_failure(self.task(created), "STARTTLS")
        self.assertEqual((row["status"], clear.asked, clear.taken()), ("pending", [], []))

    def test_a_private_authority_and_a_login_are_used(self) -> None:
        server = self.mail_server(self.certificate, login=True)
        self.engine()
        notifier = self.notifier(notifier__ca_file=self.authority)
        self.ask("ann")
        one = server.wait_for("ann@example.org")[0]
        self.assertEqual((one.encrypted, one.user), (True, mail.USERNAME))
        self.assertNotIn(PASSWORD, notifier.log.read_text())
        doctor = run(["doctor"], {**self.settings, "notifier.ca_file": self.authority}, self.folder)
        self.assertRegex(doctor.stdout, r"ok +mail: 127\.0\.0\.1 port \d+ lets us in")

    def test_at_port_465_tls_begins_with_the_first_byte(self) -> None:
        if not mail.may_begin_with_tls():
            self.skipTest("nobody may listen on port 465 here")
        server = self.mail_server(self.certificate, login=True, implicit=True)
        self.engine()
        self.notifier(notifier__ca_file=self.authority)
        self.ask("ann")
        one = server.wait_for("ann@example.org")[0]
        self.assertEqual((one.encrypted, one.user), (True, mail.USERNAME))
        doctor = run(["doctor"], {**self.settings, "notifier.ca_file": self.authority}, self.folder)
        self.assertRegex(doctor.stdout, r"ok +mail: 127\.0\.0\.1 port 465 lets us in")

    def test_an_unknown_authority_is_not_believed(self) -> None:
        server = self.mail_server(self.certificate, login=True)
        self.engine()
        self.notifier()
        created = self.ask("ann")
        self.wait_for_failure(self.task(created), "certificate")
        self.assertEqual((server.asked, server.taken()), ([], []))
        doctor = run(["doctor"], self.settings, self.folder)
        self.assertRegex(doctor.stdout, r"FAILED +mail: .*certificate")

    def test_a_wrong_password_loses_no_mail(self) -> None:
        server = self.mail_server(self.certificate, login=True)
        self.engine()
        self.settings["notifier.ca_file"] = self.authority
        wrong = self.notifier(notifier__password="wrong-horse")
        created = self.ask("ann")
        self.assertEqual(self.wait_for_failure(self.task(created), "535")["status"], "pending")
        wrong.stop()
        self.assertNotIn("wrong-horse", tail(wrong.log, 1000))
        self.notifier()
        server.wait_for("ann@example.org", within=30)
