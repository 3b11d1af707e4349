"""Mail to the address of an assignee in a real Keycloak."""

from __future__ import annotations

from support.mail import MailServer
from support.scenario import stage, user
from support.staff import Staff, role
from support.waiting import until


class Mail(Staff):
    mail: MailServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.mail = MailServer()
        cls.addClassCleanup(cls.mail.stop)
        cls.settings = {key.replace(".", "__"): value for key, value in cls.mail.settings.items()}
        super().setUpClass()
        until(lambda: cls.database.count("select count(*) from notifier_start"), "the notifier follows")

    def test_whoever_is_asked_through_a_role_gets_a_mail_by_name(self) -> None:
        request = self.request(self.policy(stage(1, role("auditor"))))
        self.assert_asked(request, "frank", "grace")
        (frank,) = self.mail.wait_for("frank@example.org")
        self.assertEqual(frank.message["To"], "Frank Fofana <frank@example.org>")
        self.assertEqual(len(self.mail.wait_for("grace@example.org")), 1)

    def test_keycloak_away_delays_a_mail_and_nothing_else(self) -> None:
        key = self.policy(stage(1, user(self.realm.user_id("heidi"))))
        self.client("heidi"), self.client("registry")
        self.proxy.refuse(True)
        self.proxy.cut()
        request = self.request(key)
        self.assertEqual(request.open(), self.ids("heidi"))
        tried = (
            "select count(*) from task_notification n join approval_task t on t.id = n.task_id"
            f" where n.attempt > 0 and t.request_id = '{request.id}'"
        )
        until(lambda: self.database.count(tried), "an address was asked for")
        self.assertEqual(self.mail.taken("heidi@example.org"), [])
        self.proxy.heal()
        self.mail.wait_for("heidi@example.org", within=30)
        self.decide(request, "heidi").expect(201)
