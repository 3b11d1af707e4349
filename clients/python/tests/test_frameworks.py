"""Webhooks that a running server sends, through each framework."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import unittest
import wsgiref.simple_server
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional

import httpx
import uvicorn

from awe_client import MemorySeenStore, Receiver, VerificationError, WebhookEvent, sign_for_test, verify

from .support import World, until

Handler = Callable[[Any], None]


class Recorder:
    """A handler that records events and fails once on those about `fail-once`."""

    def __init__(self) -> None:
        self.events: List[WebhookEvent] = []
        self.failed = 0

    def __call__(self, event: Any) -> None:
        if event.data.get("artifact_id") == "fail-once" and self.failed == 0:
            self.failed += 1
            raise RuntimeError("on purpose")
        self.events.append(event)

    def of(self, request_id: str) -> List[str]:
        return [one.event_type for one in self.events if one.request_id == request_id]


@contextmanager
def asgi(app: Any) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until(lambda: server.started, "uvicorn serves")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@contextmanager
def wsgi(app: Any) -> Iterator[str]:
    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def get_stderr(self) -> Any:
            return io.StringIO()

    with wsgiref.simple_server.make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


class Framework:
    """What every framework has to do. Subclasses serve an endpoint at /hooks."""

    def serve(self, receiver: Receiver, handler: Handler) -> Any:
        raise NotImplementedError

    def test_webhooks_arrive_once_and_come_again_after_a_failure(self: Any) -> None:
        world, recorder = World(), Recorder()
        secret = world.secret()
        with world.client() as caller, self.serve(Receiver(secret, seen=MemorySeenStore()), recorder) as url:
            hook = url + "/hooks"
            made = caller.create(world.request("good", callback_url=hook))
            world.approve(made.request_id)
            until(lambda: "request_approved" in recorder.of(made.request_id), "the last webhook")
            self.assertEqual(recorder.of(made.request_id).count("request_created"), 1)

            failing = caller.create(
                world.request("fail-once", callback_url=hook, callback_events=["request_created"])
            )
            until(lambda: recorder.failed, "a handler that fails")
            owed = until(lambda: self.owed(world, failing.request_id), "a delivery that failed")
            self.assertEqual(owed.last_status_code, 500)
            world.admin.retry_delivery(owed.id)
            until(lambda: recorder.of(failing.request_id), "the webhook again")

            event = {**recorder.events[0].data}
            raw, headers = sign_for_test(event, secret)
            before = len(recorder.events)
            self.assertEqual(httpx.post(hook, content=raw, headers=headers).status_code, 200)
            self.assertEqual(len(recorder.events), before)
            forged = httpx.post(hook, content=raw + b" ", headers=headers)
            self.assertEqual(forged.status_code, 401)
            self.assertIn("no_match", forged.text)
            self.assertEqual(httpx.post(hook, content=raw).status_code, 400)
            self.assertEqual(len(recorder.events), before)
        world.close()

    def owed(self, world: World, request_id: str) -> Optional[Any]:
        found = world.admin.list_deliveries(request_id=request_id)
        return next((one for one in found if one.last_status_code), None)


class Starlette(Framework, unittest.TestCase):
    def serve(self, receiver: Receiver, handler: Handler) -> Any:
        from starlette.applications import Starlette
        from starlette.routing import Route

        from awe_client.contrib.starlette import endpoint

        return asgi(Starlette(routes=[Route("/hooks", endpoint(receiver, handler), methods=["POST"])]))


class FastApi(Framework, unittest.TestCase):
    def serve(self, receiver: Receiver, handler: Handler) -> Any:
        from fastapi import Depends, FastAPI

        from awe_client.contrib.starlette import Webhook

        app = FastAPI()
        webhook = Webhook(receiver.secrets, seen=receiver.seen)

        @app.post("/hooks")
        async def hook(event: Any = Depends(webhook)) -> Dict[str, bool]:
            handler(event)
            return {"ok": True}

        return asgi(app)


class Flask(Framework, unittest.TestCase):
    def serve(self, receiver: Receiver, handler: Handler) -> Any:
        from flask import Flask

        from awe_client.contrib.flask import view

        app = Flask("test")
        app.post("/hooks")(view(receiver, handler))
        return wsgi(app)


class Django(Framework, unittest.TestCase):
    def serve(self, receiver: Receiver, handler: Handler) -> Any:
        import django
        from django.conf import settings
        from django.core.wsgi import get_wsgi_application

        from awe_client.contrib.django import view

        if not settings.configured:
            settings.configure(ROOT_URLCONF=type("Urls", (), {"urlpatterns": []}), ALLOWED_HOSTS=["*"], DEBUG=False)
            django.setup()
        from django.urls import path

        settings.ROOT_URLCONF.urlpatterns = [path("hooks", view(receiver, handler))]
        return wsgi(get_wsgi_application())


class Rotation(unittest.TestCase):
    def test_both_secrets_verify_while_they_overlap(self) -> None:
        world, recorder = World(), Recorder()
        made = world.admin.create_callback_secret({"caller_service": world.caller})
        rotated = world.admin.rotate_callback_secret(made.id, {"grace_hours": 1})
        for secrets in (made.secret, rotated.secret, [made.secret, rotated.secret]):
            with Starlette().serve(Receiver(secrets), recorder) as url, world.client() as caller:
                body = world.request(callback_url=url + "/hooks", callback_events=["request_created"])
                request_id = caller.create(body).request_id
                until(lambda: recorder.of(request_id), "a webhook")
        world.close()


class Bytes(unittest.TestCase):
    def test_each_form_of_the_signature_verifies_alone(self) -> None:
        world, came = World(), list[Any]()
        secret = world.secret()

        async def keep(scope: Any, receive: Any, send: Any) -> None:
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            came.append((body, scope["headers"]))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})

        with asgi(keep) as url, world.client() as caller:
            context = {"name": "Zoë ✓", "amount": 0.1, "empty": ""}
            body = world.request(callback_url=url, callback_events=["request_created"], context=context)
            made = caller.create(body)
            until(lambda: came, "a webhook")
        raw, headers = came[0]
        for begin in (b"webhook-", b"x-approval-"):
            event = verify(raw, [pair for pair in headers if pair[0].startswith(begin)], secret)
            assert isinstance(event, WebhookEvent)
            self.assertEqual((event.request_id, event.payload["context"]), (made.request_id, context))
        with self.assertRaises(VerificationError) as caught:
            verify(json.dumps(json.loads(raw)), headers, secret)
        self.assertEqual(caught.exception.hint, "reserialised_body")
        world.close()


def setUpModule() -> None:
    # Handlers fail on purpose here.
    logging.disable(logging.CRITICAL)


def tearDownModule() -> None:
    logging.disable(logging.NOTSET)
