"""Replicas of the data custodian are killed while hundreds of grants are decided."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

from support.custodian import OFFICER, CustodianCase, grant
from support.waiting import until

GRANTS, REPLICAS, DECIDERS, WAVES, SEED = 300, 2, 4, 6, 20260601


class Kills(CustodianCase):
    def test_300_decided_grants_end_in_the_state_of_their_request_exactly_once_while_replicas_are_killed(self) -> None:
        chance = random.Random(SEED)
        replicas = [self.custodian(awe__reconcile_interval_seconds=5) for _ in range(REPLICAS)]
        answers = []
        with ThreadPoolExecutor(DECIDERS) as pool:
            for answer in pool.map(lambda n: replicas[n % REPLICAS].provision(grant()), range(GRANTS)):
                answers.append(answer.expect(202))
        wanted = {answer["awe_request_id"]: chance.choice(["approve", "approve", "reject"]) for answer in answers}
        grants = list(wanted.items())
        with ThreadPoolExecutor(DECIDERS) as pool:
            for wave in range(WAVES):
                # However fast the machine is, each wave has a replica that dies while it is decided.
                deciding = [
                    pool.submit(self.decide_all, grants[wave::WAVES][part::DECIDERS]) for part in range(DECIDERS)
                ]
                time.sleep(chance.uniform(0, 0.1))
                victim = chance.choice(replicas)
                victim.kill()
                victim.start()
                for one in deciding:
                    one.result()
        left = "select count(*) from authorizations where status = 'PENDING'"
        until(lambda: self.own.count(left) == 0, "no authorization waits any more", within=120)
        self.compare(wanted)

    def decide_all(self, parts: list[tuple[str, str]]) -> None:
        with self.awe.client(OFFICER) as officer:
            for request_id, action in parts:
                task = officer.get(f"/tasks?request_id={request_id}").expect(200)["items"][0]["id"]
                officer.decide(task, action).expect(201)

    def compare(self, wanted: dict[str, str]) -> None:
        rows = self.own.rows(
            """select a.awe_request_id as request, a.status,
                array(select status from authorization_changes c where c.authorization_id = a.id order by c.id) as changes,
                (select count(*) from subscriptions s where s.authorization_id = a.id) as subscriptions
               from authorizations a"""
        )
        self.assertEqual(len(rows), GRANTS)
        said = {row["id"]: row["status"] for row in self.database.rows("select id, status from approval_request")}
        for row in rows:
            approved = wanted[row["request"]] == "approve"
            self.assertEqual(said[row["request"]], "approved" if approved else "rejected")
            status = "ACTIVE" if approved else "REVOKED"
            self.assertEqual((row["status"], row["changes"]), (status, ["PENDING", status]))
            self.assertEqual(row["subscriptions"], 1 if approved else 0)
