"""Webhooks in Django: `path("hooks/approval", view(Receiver(secret), handler))`."""

from __future__ import annotations

from typing import Any, Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ..receiver import Handler, Receiver


def view(receiver: Receiver, handler: Handler) -> Callable[[HttpRequest], HttpResponse]:
    """A view that hands each event to `handler` once. Django bounds bodies by DATA_UPLOAD_MAX_MEMORY_SIZE."""

    def answer(request: HttpRequest) -> HttpResponse:
        reply = receiver.handle(request.body, request.headers, handler)
        return HttpResponse(reply.text, status=reply.status, headers=dict(reply.headers), content_type="text/plain")

    decorated: Any = csrf_exempt(require_POST(answer))
    return decorated  # type: ignore[no-any-return]
