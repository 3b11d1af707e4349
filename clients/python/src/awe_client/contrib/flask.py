"""Webhooks in Flask: `app.post("/hooks/approval")(view(Receiver(secret), handler))`."""

from __future__ import annotations

from typing import Callable

from flask import Response, request

from ..receiver import MOST_BYTES, Handler, Receiver


def view(receiver: Receiver, handler: Handler, name: str = "awe_webhook") -> Callable[[], Response]:
    """A view that hands each event to `handler` once. `name`: the endpoint's in Flask, one for each view."""

    def answer() -> Response:
        if (request.content_length or 0) > MOST_BYTES:
            return Response(status=413)
        reply = receiver.handle(request.get_data(cache=False), list(request.headers.items()), handler)
        return Response(reply.text, reply.status, dict(reply.headers), mimetype="text/plain")

    answer.__name__ = name
    return answer
