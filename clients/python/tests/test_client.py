"""The client that blocks, on a running server."""

from __future__ import annotations

import json
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List

import awe_client
from awe_client import AweClient, Polling, RetryPolicy, errors, models
from awe_client._generated.operations import OPERATIONS
from awe_client._generated.words import RETRY

from .support import QUICK, Fault, Proxy, World, envelope, server_url, token

CREATE = "POST /v1/awe/requests$"


def overloaded(matches: str = CREATE) -> Fault:
    return Fault(matches, status=503, headers={"retry-after": "0"}, body=envelope("AWE-007", "overloaded"))


class WithWorld(unittest.TestCase):
    world: World

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World()
        cls.addClassCleanup(cls.world.close)

    def client(self, proxy: Any = None, **more: Any) -> AweClient:
        return self.world.client(url=proxy.url if proxy else None, **more)

    def requests_of(self, artifact_id: str) -> List[models.RequestOut]:
        return list(self.world.admin.iterate(artifact_type=self.world.kind, artifact_id=artifact_id))


class Life(WithWorld):
    def test_a_request_is_created_claimed_decided_and_ends(self) -> None:
        caller, approver = self.client(), self.world.client(self.world.approver)
        made = caller.create(self.world.request("life"))
        self.assertEqual((made.status, made.replayed, len(made.tasks)), ("in_review", False, 1))
        self.assertEqual([task.id for task in approver.tasks()].count(made.tasks[0].id), 1)
        self.assertEqual(approver.claim(made.tasks[0].id).status, "claimed")
        decision = approver.decide(made.tasks[0].id, "approve", comment="Fine ✓")
        self.assertEqual((decision.actor, decision.comment), (self.world.approver, "Fine ✓"))
        ended = caller.wait_until_terminal(made.request_id, timeout=10)
        self.assertEqual(ended.status, "approved")
        found = list(caller.events(made.request_id))
        self.assertEqual([one.sequence for one in found], list(range(1, len(found) + 1)))
        self.assertEqual(found[-1].event_type, "request_approved")
        self.assertEqual([one.id for one in caller.events(made.request_id, after=2)], [one.id for one in found[2:]])

    def test_a_body_may_be_a_model(self) -> None:
        expires = datetime.now(timezone.utc) + timedelta(days=1)
        body = models.CreateRequestIn(**self.world.request("model"), context={"n": 1}, expires_at=expires)
        found = self.client().get(self.client().create(body).request_id)
        self.assertEqual((found.context, found.expires_at), ({"n": 1}, expires))

    def test_a_cancelled_request_says_so(self) -> None:
        caller = self.client()
        made = caller.create(self.world.request("cancel"))
        self.assertEqual(caller.cancel(made.request_id, "withdrawn").status, "cancelled")
        with self.assertRaises(errors.Conflict) as caught:
            caller.cancel(made.request_id)
        self.assertEqual(caught.exception.reason, "request_finished")

    def test_pages_are_followed_to_the_end(self) -> None:
        caller = self.client()
        made = {caller.create(self.world.request("many")).request_id for _ in range(5)}
        filters = {"artifact_type": self.world.kind, "artifact_id": "many", "limit": 2}
        first = caller.list(**filters)
        self.assertEqual(len(first), 2)
        self.assertIsNotNone(first.next_cursor)
        self.assertEqual({one.id for one in caller.iterate(**filters)}, made)
        approver = self.world.client(self.world.approver)
        found = {task.request_id for task in approver.tasks(page_size=2, artifact_type=self.world.kind)}
        self.assertLessEqual(made, found)

    def test_any_list_can_be_followed(self) -> None:
        made = self.client().create(self.world.request("lists", callback_url="http://127.0.0.1:9/"))
        self.client().cancel(made.request_id)
        filters = {"request_id": made.request_id, "limit": 1}
        found = [one.event_type for one in self.world.admin.every(self.world.admin.list_deliveries, **filters)]
        self.assertIn("request_cancelled", found)
        self.assertEqual(len(found), len(set(found)))
        self.assertGreater(len(found), 1)

    def test_waiting_ends_when_somebody_decides(self) -> None:
        caller = self.client()
        made = caller.create(self.world.request("wait"))
        threading.Timer(0.3, self.world.approve, [made.request_id]).start()
        began = time.monotonic()
        ended = caller.wait_until_terminal(made.request_id, timeout=20, watcher=Polling(first=0.05, most=0.2))
        self.assertEqual(ended.status, "approved")
        self.assertLess(time.monotonic() - began, 10)

    def test_waiting_gives_up_in_time(self) -> None:
        caller = self.client()
        made = caller.create(self.world.request("patience"))
        began = time.monotonic()
        with self.assertRaises(errors.WaitTimeout) as caught:
            caller.wait_until_terminal(made.request_id, timeout=0.4, watcher=Polling(first=0.1))
        self.assertEqual(caught.exception.status, "in_review")
        self.assertLess(time.monotonic() - began, 3)

    def test_a_watcher_decides_when_to_look(self) -> None:
        caller = self.client()
        made = caller.create(self.world.request("watcher"))
        world, closed = self.world, list[bool]()

        class Told:
            def wait(self, seconds: float) -> None:
                world.approve(made.request_id)

            def close(self) -> None:
                closed.append(True)

        ended = caller.wait_until_terminal(made.request_id, timeout=10, watcher=lambda _: Told())
        self.assertEqual((ended.status, closed), ("approved", [True]))


class Administration(WithWorld):
    def test_whoever_comes_second_is_told_by_the_version_that_was_read(self) -> None:
        admin, key = self.world.admin, self.world.policy
        draft = admin.add_policy_version(key, self.world.body("Draft"))
        read = admin.policy(key, draft.version)
        self.assertEqual(read.value, draft)
        self.assertTrue(read.etag)
        admin.update_policy_version(key, draft.version, self.world.body("Theirs"), if_match=read.etag)
        with self.assertRaises(errors.PreconditionFailed) as caught:
            admin.update_policy_version(key, draft.version, self.world.body("Mine"), if_match=read.etag)
        self.assertEqual((caught.exception.status, caught.exception.code, caught.exception.retry), (412, "AWE-013", "no"))
        with self.assertRaises(errors.PreconditionFailed):
            admin.activate_policy_version(key, draft.version, if_match=read.etag)
        active = admin.activate_policy_version(key, draft.version, if_match=admin.policy(key, draft.version).etag)
        self.assertEqual((active.status, active.name), ("active", "Theirs"))

    def test_several_tasks_are_decided_at_once_each_for_itself(self) -> None:
        made = self.client().create(self.world.request("many"))
        item = {"task_id": made.tasks[0].id, "action": "approve", "artifact_digest": "sha256:9f86d0"}
        approver = self.world.client(self.world.approver)
        told = approver.decide_many([item, {**item, "task_id": "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10"}])
        self.assertEqual([one.status for one in told.results], [201, 404])

    def test_what_is_shown_of_a_secret_does_not_hold_it(self) -> None:
        made = self.world.admin.create_callback_secret({"caller_service": self.world.caller})
        self.assertNotIn("whsec_", f"{made!r} {made}")
        self.assertIn(made.id, repr(made))
        body = models.CallbackSecretCreate(caller_service="a", secret="a-canary-of-more-than-24-bytes")
        self.assertNotIn("canary", repr(body))


class Failures(WithWorld):
    def test_an_error_says_code_reason_and_retry(self) -> None:
        with self.assertRaises(errors.NotFound) as caught:
            self.client().get("0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10")
        error = caught.exception
        self.assertEqual((error.status, error.code, error.reason), (404, "AWE-003", "unknown_request"))
        self.assertFalse(error.is_retryable)
        self.assertTrue(error.request_id)

    def test_a_value_that_is_wrong_is_named(self) -> None:
        with self.assertRaises(errors.InvalidRequest) as caught:
            self.client().create({**self.world.request("x"), "artifact_id": 7})
        self.assertEqual(caught.exception.detail[0]["loc"][-1], "artifact_id")

    def test_kinds_of_errors_follow_the_status(self) -> None:
        with self.assertRaises(errors.AuthenticationError):
            self.client().with_token(None).list()
        with self.assertRaises(errors.PermissionDenied):
            self.client().list_policies()
        with self.assertRaises(errors.Conflict) as caught:
            key = f"key-{self.world.name}"
            self.client().create(self.world.request("one"), idempotency_key=key)
            self.client().create(self.world.request("another"), idempotency_key=key)
        self.assertEqual(caught.exception.reason, "idempotency_key_reused")

    def test_a_reason_of_tomorrow_is_judged_by_its_status(self) -> None:
        for status, retry in ((409, "no"), (429, "yes"), (503, "with_key"), (500, "with_key")):
            error = errors.from_answer(status, envelope("AWE-099", "novelty"), None, None)
            self.assertEqual((error.reason, error.retry), ("novelty", retry))
        for reason, retry in RETRY.items():
            self.assertEqual(errors.from_answer(503, envelope("AWE-007", reason), None, None).retry, retry)

    def test_an_answer_of_a_proxy_is_an_error_too(self) -> None:
        with Proxy(Fault("GET", status=502, body=b"<html>", times=9)) as proxy:
            with self.assertRaises(errors.Unavailable) as caught:
                self.client(proxy).list()
            self.assertEqual((caught.exception.code, len(proxy.asked)), ("", 4))
        with Proxy(Fault("GET", status=302, headers={"location": "/login"})) as proxy:
            with self.assertRaisesRegex(errors.UnexpectedAnswer, "redirect"):
                self.client(proxy).list()
        with Proxy(Fault("GET", status=200, body=b"{}")) as proxy:
            with self.assertRaisesRegex(errors.UnexpectedAnswer, "schema"):
                self.client(proxy).list()

    def test_fields_and_words_of_tomorrow_are_read(self) -> None:
        known = self.client().get(self.client().create(self.world.request("new")).request_id)
        data = {**known.model_dump(mode="json"), "status": "novel", "colour": "blue"}
        found = models.RequestOut.model_validate(data)
        self.assertEqual((found.status, (found.model_extra or {})["colour"]), ("novel", "blue"))


class Retries(WithWorld):
    def test_a_lost_answer_of_a_create_makes_one_request(self) -> None:
        with Proxy(Fault(CREATE, lost=True, times=2)) as proxy:
            made = self.client(proxy).create(self.world.request("lost"))
        keys = {asked.headers["idempotency-key"] for asked in proxy.asked}
        self.assertEqual((len(proxy.asked), keys), (3, {made.idempotency_key}))
        self.assertTrue(made.replayed)
        self.assertEqual([one.id for one in self.requests_of("lost")], [made.request_id])

    def test_a_create_that_never_got_an_answer_tells_its_key(self) -> None:
        with Proxy(Fault(CREATE, lost=True, times=9)) as proxy:
            with self.assertRaises(errors.TransportError) as caught:
                self.client(proxy).create(self.world.request("key"))
        error = caught.exception
        self.assertEqual((error.sent, error.retry, len(proxy.asked)), (True, "with_key", 4))
        again = self.client().create(self.world.request("key"), idempotency_key=error.idempotency_key)
        self.assertTrue(again.replayed)
        self.assertEqual(len(self.requests_of("key")), 1)

    def test_a_decision_whose_answer_was_lost_is_sent_again_and_answered_as_the_first_time(self) -> None:
        made = self.client().create(self.world.request("decision"))
        with Proxy(Fault("decision$", lost=True)) as proxy:
            decision = self.world.client(self.world.approver, url=proxy.url).decide(made.tasks[0].id, "approve")
            self.assertEqual(len(proxy.asked), 2)
        self.assertEqual(decision.task_id, made.tasks[0].id)
        self.assertEqual(self.client().get(made.request_id).status, "approved")

    def test_a_decision_that_was_not_taken_is_sent_again(self) -> None:
        made = self.client().create(self.world.request("busy"))
        with Proxy(overloaded("decision$")) as proxy:
            decision = self.world.client(self.world.approver, url=proxy.url).decide(made.tasks[0].id, "approve")
        self.assertEqual((decision.action, len(proxy.asked)), ("approve", 2))

    def test_a_decision_after_which_the_state_is_not_known_is_sent_again(self) -> None:
        body = envelope("AWE-006", "database_away")
        away = Fault("decision$", status=503, headers={"retry-after": "0"}, body=body, times=9)
        with Proxy(away) as proxy, self.assertRaises(errors.Unavailable) as caught:
            self.client(proxy).decide("0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10", "approve")
        self.assertEqual((caught.exception.retry, len(proxy.asked)), ("with_key", 4))

    def test_a_refusal_that_time_does_not_mend_is_not_tried_again(self) -> None:
        with Proxy(Fault("users", status=503, body=envelope("AWE-007", "no_directory"))) as proxy:
            with self.assertRaises(errors.Unavailable):
                self.client(proxy).find_users()
            self.assertEqual(len(proxy.asked), 1)

    def test_retry_after_is_kept(self) -> None:
        asked = {"retry-after": "1"}
        with Proxy(Fault("GET", status=429, headers=asked, body=envelope("AWE-007", "too_many_requests"))) as proxy:
            began = time.monotonic()
            self.client(proxy).list()
            self.assertGreaterEqual(time.monotonic() - began, 1.0)
            self.assertEqual(len(proxy.asked), 2)

    def test_a_retry_after_beyond_the_bound_ends_the_call(self) -> None:
        asked = {"retry-after": "3600"}
        with Proxy(Fault("GET", status=503, headers=asked, body=envelope("AWE-005", "starting"))) as proxy:
            with self.assertRaises(errors.Unavailable) as caught:
                self.client(proxy).list()
            self.assertEqual((caught.exception.retry_after, len(proxy.asked)), (3600.0, 1))

    def test_a_slow_answer_is_a_timeout_and_a_read_is_tried_again(self) -> None:
        with Proxy(Fault("GET", stalls=1.0)) as proxy:
            self.client(proxy, timeout=0.3).list()
            self.assertEqual(len(proxy.asked), 2)
        with Proxy(Fault("GET", stalls=1.0, times=9)) as proxy:
            with self.assertRaises(errors.RequestTimeout):
                self.client(proxy, timeout=0.2, retry=RetryPolicy(attempts=1)).list()
            self.assertEqual(len(proxy.asked), 1)

    def test_nobody_listens(self) -> None:
        with Proxy() as proxy:
            url = proxy.url
        client = AweClient(url, token("x"), retry=QUICK)
        self.addCleanup(client.close)
        with self.assertRaises(errors.TransportError) as caught:
            client.decide("0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10", "approve")
        self.assertEqual((caught.exception.sent, caught.exception.retry), (False, "yes"))

    def test_waits_grow_with_jitter_up_to_a_bound(self) -> None:
        policy = RetryPolicy(attempts=20, first=1.0, most=8.0)
        for attempt, longest in ((1, 1.0), (2, 2.0), (4, 8.0), (15, 8.0)):
            drawn = [policy.wait(attempt, None) or 0.0 for _ in range(200)]
            self.assertTrue(all(longest / 2 <= one <= longest for one in drawn))
            self.assertGreater(max(drawn) - min(drawn), longest / 10)
        self.assertIsNone(policy.wait(20, None))
        self.assertGreaterEqual(policy.wait(1, 9.0) or 0.0, 9.0)


class Headers(WithWorld):
    def test_the_trace_is_passed_on_and_nothing_else(self) -> None:
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        def trace(carrier: Any) -> None:
            carrier.update(traceparent=parent, baggage="private=1")

        with Proxy(overloaded()) as proxy:
            self.client(proxy, trace=trace).create(self.world.request("trace"))
        self.assertEqual([asked.headers.get("traceparent") for asked in proxy.asked], [parent] * 2)
        self.assertNotIn("baggage", proxy.asked[0].headers)

    def test_a_token_callback_is_asked_for_each_attempt(self) -> None:
        asked: List[str] = []

        def fresh() -> str:
            asked.append(token(self.world.caller))
            return asked[-1]

        with Proxy(overloaded()) as proxy:
            self.client(proxy).with_token(fresh).create(self.world.request("callback"))
        self.assertEqual((len(asked), len(proxy.asked)), (2, 2))

    def test_the_token_of_a_user_is_forwarded(self) -> None:
        made = self.client().with_token(token("user-1")).create(self.world.request("user"))
        self.assertEqual(self.client().get(made.request_id).source_service, "user-1")

    def test_every_operation_of_the_contract_has_a_method(self) -> None:
        for name in OPERATIONS:
            self.assertTrue(callable(getattr(AweClient, name)), name)
            self.assertTrue(callable(getattr(awe_client.AsyncAweClient, name)), name)

    def test_a_url_that_cannot_be_is_refused(self) -> None:
        for wrong in ("awe.example.org", "ftp://awe.example.org", "https://awe.example.org?x=1"):
            with self.assertRaises(ValueError):
                AweClient(wrong)
        self.client().with_token(None).health()
        with AweClient(server_url() + "/v1/awe/") as client:
            client.health()

    def test_a_parameter_cannot_lead_elsewhere(self) -> None:
        with Proxy() as proxy:
            with self.assertRaises(errors.ApiError):
                self.client(proxy).get("../policies?x=1#y")
            self.assertEqual(proxy.asked[0].path, "/v1/awe/requests/..%2Fpolicies%3Fx%3D1%23y")
        with self.assertRaises(ValueError):
            self.client().get("..")


class Credentials(WithWorld):
    def endpoint(self, **more: Any) -> Any:
        """A token endpoint whose tokens the server takes."""
        told: Dict[str, Any] = {"access_token": token(self.world.caller), "token_type": "Bearer", **more}
        return Fault("POST /token", status=200, body=json.dumps(told).encode(), times=99)

    def test_a_token_is_asked_for_once_and_kept(self) -> None:
        with Proxy(self.endpoint(expires_in=300)) as proxy:
            source = awe_client.ClientCredentials(proxy.url + "/token", "my id", "s:cret", scope="awe")
            client = self.client(proxy).with_token(source)
            client.create(self.world.request("cc"))
            client.list()
        asked = [one for one in proxy.asked if one.path == "/token"]
        self.assertEqual(len(asked), 1)
        self.assertEqual(asked[0].body, b"grant_type=client_credentials&scope=awe")
        self.assertEqual(asked[0].headers["authorization"], "Basic bXkraWQ6cyUzQWNyZXQ=")

    def test_a_token_that_is_refused_is_replaced_once(self) -> None:
        refused = Fault("GET", status=401, body=envelope("AWE-008", "token_expired"), times=1)
        with Proxy(self.endpoint(expires_in=300), refused) as proxy:
            client = self.client(proxy).with_token(awe_client.ClientCredentials(proxy.url + "/token", "a", "b"))
            client.list()
            self.assertEqual([one.method for one in proxy.asked], ["POST", "GET", "POST", "GET"])
            refused.times = 9
            with self.assertRaises(errors.AuthenticationError):
                client.list()
            self.assertEqual(len(proxy.asked), 4 + 3)

    def test_a_token_is_replaced_before_it_ends(self) -> None:
        now = [0.0]
        with Proxy(self.endpoint(expires_in=300)) as proxy:
            source = awe_client.ClientCredentials(proxy.url + "/token", "a", "b", clock=lambda: now[0])
            client = self.client(proxy).with_token(source)
            for now[0], count in ((0.0, 1), (269.0, 1), (271.0, 2)):
                client.list()
                self.assertEqual(sum(one.path == "/token" for one in proxy.asked), count)

    def test_without_a_token_nothing_is_sent(self) -> None:
        with Proxy(Fault("POST /token", status=400, body=b'{"error":"invalid_client"}')) as proxy:
            client = self.client(proxy).with_token(awe_client.ClientCredentials(proxy.url + "/token", "a", "b"))
            with self.assertRaisesRegex(errors.TokenError, "400"):
                client.list()
            self.assertEqual(len(proxy.asked), 1)
