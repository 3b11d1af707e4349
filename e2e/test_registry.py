"""The Registry as a caller of AWE: what people do, and what becomes of their changes."""

from __future__ import annotations

from support.registry import APPROVE, CREATE, DECIDE, RegistryCase, VIEW, code
from support.waiting import until


class Lives(RegistryCase):
    def test_an_officer_and_two_directors_make_a_change_take_effect_once(self) -> None:
        made = self.create("F-1")
        self.assertEqual(made["approval_status"], "PENDING")
        self.assertTrue(made["awe_request_id"])
        change = made["change_request_id"]
        first = self.decide(self.decider("officer-1"), change, comment="seen").expect(200)
        self.assertEqual((first["approval_status"], first["awe"]["action"], first["awe"]["more"]), ("PENDING", "approve", 0))
        self.approve_all(change, "director-1", "director-2")
        self.becomes(change, "APPROVED")
        detail = self.staff().get(f"/change-requests/{change}").expect(200)
        self.assertEqual(detail["record"]["data"], {"district": "north", "amount": 1200})
        self.assertEqual((detail["record"]["version"], detail["approved_by"]), (1, "director-2"))
        self.assertEqual([row["version"] for row in self.written()], [1])
        log = self.log_of(made["awe_request_id"])
        self.assertEqual([row["event_type"] for row in log if row["applied"]], ["request_approved"])
        approval = self.staff().get(f"/change-requests/{change}/approval").expect(200)
        self.assertEqual(approval["request"]["status"], "approved")
        self.assertEqual(approval["request"]["requester"], "staff-1")
        self.assertEqual(approval["progress"]["waiting_for"], [])
        self.assertIn("decision_recorded", [event["event_type"] for event in approval["events"]])
        self.assertEqual(
            approval["request"]["context"],
            {"register": "farmer", "section": "section-farmer-edit", "edit_action": "create", "district": "north", "amount": 1200},
        )

    def test_a_rejection_keeps_the_comment_and_the_register(self) -> None:
        change = self.create("F-1")["change_request_id"]
        self.decide(self.decider("officer-1"), change, "reject", reason="no such field").expect(200)
        self.becomes(change, "REJECTED")
        detail = self.staff().get(f"/change-requests/{change}").expect(200)
        self.assertEqual((detail["reason"], detail["rejected_by"], detail["record"]), ("no such field", "officer-1", None))
        self.assertEqual(self.written(), [])

    def test_an_update_merges_null_removes_and_delete_deletes(self) -> None:
        self.create("F-1", "section-farmer-contact", phone="1", street="a", floor=None)
        self.create("F-1", "section-farmer-contact", action="update", phone="2", street=None)
        detail = self.create("F-1", "section-farmer-contact", action="update", town="x")
        read = self.staff().get(f"/change-requests/{detail['change_request_id']}").expect(200)
        self.assertEqual((read["record"]["data"], read["record"]["version"]), ({"phone": "2", "floor": None, "town": "x"}, 3))
        gone = self.create("F-1", "section-farmer-contact", action="delete")
        read = self.staff().get(f"/change-requests/{gone['change_request_id']}").expect(200)
        self.assertIsNone(read["record"])
        self.create("F-1", "section-farmer-contact", phone="3")
        self.assertEqual([row["version"] for row in self.written()], [1, 2, 3, 4, 5])
        self.assertEqual([row["data"] is None for row in self.written()], [False, False, False, True, False])

    def test_a_number_keeps_its_digits(self) -> None:
        raw = '{"register_mnemonic":"farmer","section_id":"section-farmer-contact","edit_action":"create",'
        raw += '"change_payload":{"id":12345678901234567890123,"share":0.10000000000000000001}}'
        staff = self.staff()
        staff.connection.request(
            "POST", staff.base + "/change-requests/create_change_request", raw.encode(),
            {**staff.headers, "Content-Type": "application/json"},
        )  # fmt: skip
        change = staff.answer().expect(201)["change_request_id"]
        read = staff.get(f"/change-requests/{change}").raw.decode()
        self.assertEqual(read.count("12345678901234567890123"), 2, read)
        self.assertEqual(read.count("0.10000000000000000001"), 2, read)

    def test_a_section_without_a_policy_never_asks_awe(self) -> None:
        self.awe.kill()
        contact = self.create("F-1", "section-farmer-contact", phone="1")
        self.assertEqual((contact["approval_status"], contact["awe_request_id"]), ("APPROVED", None))
        notes = self.create("F-2", "section-farmer-notes", note="x")
        self.assertEqual((notes["approval_status"], notes["awe_request_id"]), ("PENDING", None))
        refused = self.decide(self.decider("officer-1"), notes["change_request_id"])
        self.assertEqual((refused.status, code(refused)), (403, "REG-005"))
        done = self.decide(self.boss(), notes["change_request_id"]).expect(200)
        self.assertEqual((done["approval_status"], done["awe"]), ("APPROVED", None))
        self.assertEqual([row["changed_by"] for row in self.written()], ["auto-approval", "boss-1"])
        other = self.create("F-3", "section-farmer-notes", note="x")["change_request_id"]
        self.assertEqual(self.decide(self.boss(), other, "reject", reason="no").expect(200)["approval_status"], "REJECTED")
        self.assertEqual(len(self.written()), 2)

    def test_operators_switch_awe_on_for_a_section(self) -> None:
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        stage = {"name": "one", "stage_order": 1, "rules": [{"rule_type": "user", "rule_value": {"user_id": "officer-1"}}]}
        policy = {"policy_key": "farmer.section-farmer-notes", "name": "n", "artifact_type": "registry.change_request"}
        admin.post("/policies", {**policy, "stages": [stage]}).expect(201)
        admin.post("/policies/farmer.section-farmer-notes/versions/1/activate").expect(200)
        before = self.create("F-1", "section-farmer-notes", note="x")
        for words in (["enable", "farmer", "section-farmer-notes", "--fields", "deep.er,none"],):
            done = self.registry.run("section", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
        after = self.create("F-2", "section-farmer-notes", deep={"er": None, "other": 1})
        self.assertIsNone(before["awe_request_id"])
        context = admin.get(f"/requests/{after['awe_request_id']}").expect(200)["context"]
        self.assertEqual(context["deep"], {"er": None})
        self.assertNotIn("none", context)
        self.assertNotEqual(self.registry.run("section", "enable", "farmer", "nowhere").returncode, 0)
        self.assertEqual(self.registry.run("section", "disable", "farmer", "section-farmer-notes").returncode, 0)
        self.assertIsNone(self.create("F-3", "section-farmer-notes", note="x")["awe_request_id"])

    def test_changes_of_a_record_take_effect_in_order(self) -> None:
        self.create("F-1", "section-farmer-contact", phone="1")
        older = self.create("F-1", "section-farmer-notes", action="update", note="older")["change_request_id"]
        newer = self.create("F-1", action="update", district="north", amount=1)
        refused = self.staff().post(
            "/change-requests/create_change_request", self.body("F-1", "section-farmer-contact", "update", phone="2")
        )
        self.assertEqual((refused.status, code(refused)), (409, "REG-009"))
        direct = self.create("F-1", "section-farmer-notes", action="update", note="direct")["change_request_id"]
        refused = self.decide(self.boss(), direct)
        self.assertEqual((refused.status, code(refused)), (409, "REG-009"))
        self.approve_all(newer["change_request_id"])

        def told() -> list[str]:
            log = self.log_of(newer["awe_request_id"])
            return [row["error"] for row in log if row["error"] and row["event_type"] == "request_approved"]

        until(told, "the log says why it is not applied")
        self.assertIn("older change", told()[0])
        for _ in range(2):
            self.assertEqual(self.registry.run("reconcile").returncode, 0)
        self.assertEqual(self.status(newer["change_request_id"]), "PENDING")
        looked = [row for row in self.log_of(newer["awe_request_id"]) if row["event_type"] == "reconciled:approved"]
        self.assertEqual([bool(row["error"]) for row in looked], [True])
        self.decide(self.boss(), older).expect(200)
        self.becomes(newer["change_request_id"], "APPROVED")
        self.assertEqual(told(), [])
        self.assertEqual(len([row for row in self.log_of(newer["awe_request_id"]) if row["applied"]]), 1)

    def test_lists_are_bounded_and_filtered(self) -> None:
        ids = [self.create(f"F-{n}", "section-farmer-notes", note="x")["change_request_id"] for n in range(5)]
        gated = self.create("F-9")["change_request_id"]
        viewer = self.caller("viewer-1", VIEW)
        first = viewer.get("/change-requests?limit=2")
        found = [one["change_request_id"] for one in first.expect(200)]
        self.assertEqual(found, [gated, ids[4]])
        second = viewer.get(f"/change-requests?limit=50&cursor={first.headers['X-Next-Cursor']}")
        self.assertEqual([one["change_request_id"] for one in second.expect(200)], ids[3::-1])
        self.assertIsNone(second.headers["X-Next-Cursor"])
        notes = viewer.get("/change-requests?section=section-farmer-notes&status=PENDING&requester=staff-1&register=farmer")
        self.assertEqual(len(notes.expect(200)), 5)
        self.assertEqual(viewer.get("/change-requests?requester=somebody").expect(200), [])
        officer = self.caller("officer-1")
        self.assertEqual([one["change_request_id"] for one in officer.get("/change-requests?awaiting=me").expect(200)], [gated])
        inbox = officer.get("/my-approvals").expect(200)
        self.assertEqual([one["change_request"]["change_request_id"] for one in inbox], [gated])
        self.assertEqual(inbox[0]["task"]["stage_name"], "District officer")
        self.assertEqual(officer.get(f"/change-requests/{gated}").expect(200)["record_id"], "F-9")
        officer.get(f"/change-requests/{gated}/approval").expect(200)


class Roles(RegistryCase):
    def test_decide_and_approve_are_strictly_different(self) -> None:
        change = self.create("F-1")["change_request_id"]
        refused = self.decide(self.boss(), change)
        self.assertEqual((refused.status, code(refused)), (403, "REG-005"))
        refused = self.decide(self.decider("officer-1"), change, override=True, reason="fire")
        self.assertEqual((refused.status, code(refused)), (403, "REG-005"))
        self.assertEqual(self.status(change), "PENDING")

    def test_who_sees_what(self) -> None:
        gated = self.create("F-1")["change_request_id"]
        for role in (VIEW, DECIDE, APPROVE):
            self.caller("reader", role).get(f"/change-requests/{gated}").expect(200)
            self.assertEqual(len(self.caller("reader", role).get("/change-requests").expect(200)), 1)
        for role in (CREATE, "other"):
            stranger = self.caller("stranger", role)
            refused = stranger.get(f"/change-requests/{gated}")
            self.assertEqual((refused.status, code(refused)), (403, "REG-005"))
            self.assertEqual(stranger.get("/change-requests").expect(200), [])
        creator = self.caller("staff-1", CREATE)
        creator.get(f"/change-requests/{gated}").expect(200)
        self.assertEqual(len(creator.get("/change-requests").expect(200)), 1)
        refused = self.caller("staff-1", VIEW).post("/change-requests/create_change_request", self.body())
        self.assertEqual((refused.status, code(refused)), (403, "REG-005"))

    def test_only_the_creator_and_administrators_cancel_and_awe_hears_of_it(self) -> None:
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        for client, told in ((self.staff(), "staff-1"), (self.boss(), "boss-1")):
            made = self.create(f"F-{told}")
            stranger = self.caller("stranger", DECIDE)
            refused = self.cancel(stranger, made["change_request_id"])
            self.assertEqual((refused.status, code(refused)), (403, "REG-005"))
            done = self.cancel(client, made["change_request_id"], reason="withdrawn").expect(200)
            self.assertEqual(done["approval_status"], "CANCELLED")
            self.assertEqual(admin.get(f"/requests/{made['awe_request_id']}").expect(200)["status"], "cancelled")
            events = admin.get(f"/requests/{made['awe_request_id']}/events").expect(200)
            self.assertIn(f"cancelled by {told}: withdrawn", events[-1]["reason"])
            refused = self.cancel(client, made["change_request_id"])
            self.assertEqual((refused.status, code(refused)), (409, "REG-007"))
        self.assertEqual(self.written(), [])

    def test_awe_cancels_too(self) -> None:
        made = self.create("F-1")
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        admin.post(f"/requests/{made['awe_request_id']}/cancel", {"reason": "by AWE"}).expect(200)
        self.becomes(made["change_request_id"], "CANCELLED")
        detail = self.staff().get(f"/change-requests/{made['change_request_id']}").expect(200)
        self.assertEqual((detail["reason"], detail["cancelled_by"]), ("by AWE", "admin"))

    def cancel(self, client, change_id: str, **more):  # type: ignore[no-untyped-def]
        return client.post("/change-requests/cancel_change_request", {"change_request_id": change_id, **more})
