"""Client of AWE, the Approval Workflow Engine.

`AweClient` and `AsyncAweClient` call the API, `verify` and `Receiver` take webhooks, `awe_client.contrib` fits the
latter into web frameworks, `awe_client.nats` consumes events from NATS. Webhooks need the standard library alone:
httpx and pydantic are imported only when a client is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .events import AnyEvent, UnknownEvent, WebhookEvent
from .receiver import Receiver, Reply
from .seen import AsyncSeenStore, MemorySeenStore, Seen, SeenStore
from .webhooks import VerificationError, sign_for_test, verify

if TYPE_CHECKING:
    from . import errors
    from ._core import RetryPolicy
    from ._generated import models
    from ._operation import Page, Tagged
    from .aio import AsyncAweClient
    from .auth import ClientCredentials
    from .client import AweClient, Created
    from .errors import ApiError, AweError
    from .streaming import AsyncStreaming, Streaming
    from .waiting import AsyncPolling, Polling

__version__ = "0.1.0"

_LATER = {
    "ApiError": "errors", "AsyncAweClient": "aio", "AsyncPolling": "waiting",
    "AsyncStreaming": "streaming", "AweClient": "client",
    "AweError": "errors", "ClientCredentials": "auth", "Created": "client", "Page": "_operation",
    "Polling": "waiting", "RetryPolicy": "_core", "Streaming": "streaming", "Tagged": "_operation",
}  # fmt: skip

__all__ = [
    "AnyEvent", "ApiError", "AsyncAweClient", "AsyncPolling", "AsyncSeenStore", "AsyncStreaming", "AweClient", "AweError",
    "ClientCredentials", "Created", "MemorySeenStore", "Page", "Polling", "Receiver", "Reply", "RetryPolicy", "Seen", "SeenStore",
    "Streaming", "Tagged", "UnknownEvent", "VerificationError", "WebhookEvent", "errors", "models", "sign_for_test", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    import importlib

    if name == "errors":
        return importlib.import_module(".errors", __name__)
    if name == "models":
        return importlib.import_module("._generated.models", __name__)
    if name in _LATER:
        return getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
