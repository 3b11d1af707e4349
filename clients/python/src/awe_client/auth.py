"""Where the bearer token of a call comes from."""

from __future__ import annotations

import base64
import threading
import time
from typing import Any, Awaitable, Callable, Dict, Optional, Tuple, Union
from urllib.parse import quote_plus

import httpx

from .errors import TokenError

TokenCallback = Callable[[], Union[str, Awaitable[str]]]
"""Returns the token for one call, for example that of the user whose request is being served. Asked for each attempt.
A coroutine function only with AsyncAweClient."""

EARLY = 30.0
"""Seconds before its end that a token is replaced."""
SHORTEST = 5.0


class ClientCredentials:
    """A token by OAuth2 client credentials (RFC 6749 section 4.4), kept until shortly before it expires.

    `token_url`: the token endpoint. Client and secret go in a Basic header, or with `in_body` in the form. One object
    may serve several clients and threads.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: Optional[str] = None,
        audience: Optional[str] = None,
        in_body: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._clock = token_url, clock
        self._form = {"grant_type": "client_credentials"}
        self._headers = {"accept": "application/json"}
        if scope:
            self._form["scope"] = scope
        if audience:
            self._form["audience"] = audience
        if in_body:
            self._form.update(client_id=client_id, client_secret=client_secret)
        else:
            pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
            self._headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._token: Optional[Tuple[str, float]] = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ClientCredentials({self._url!r})"

    def kept(self) -> Optional[str]:
        """The token that is still good."""
        token = self._token
        return token[0] if token and self._clock() < token[1] else None

    def drop(self, token: str) -> None:
        """The server refused this token: the next call asks for another."""
        if self._token and self._token[0] == token:
            self._token = None

    def get(self, http: httpx.Client) -> str:
        """Raises TokenError."""
        with self._lock:
            kept = self.kept()
            if kept:
                return kept
            try:
                answer = http.post(self._url, data=self._form, headers=self._headers)
            except httpx.HTTPError as cause:
                raise TokenError(f"the token endpoint did not answer: {type(cause).__name__}") from cause
            return self._keep(answer)

    async def get_async(self, http: httpx.AsyncClient) -> str:
        """Raises TokenError. Calls that need a token at the same moment may each ask for one."""
        kept = self.kept()
        if kept:
            return kept
        try:
            answer = await http.post(self._url, data=self._form, headers=self._headers)
        except httpx.HTTPError as cause:
            raise TokenError(f"the token endpoint did not answer: {type(cause).__name__}") from cause
        return self._keep(answer)

    def _keep(self, answer: httpx.Response) -> str:
        try:
            told: Dict[str, Any] = answer.json()
            token = told["access_token"]
            lasts = float(told.get("expires_in") or 60)
        except (ValueError, LookupError, TypeError, AttributeError):
            token, lasts = None, 0.0
        if answer.status_code != 200 or not isinstance(token, str):
            raise TokenError(f"the token endpoint answered {answer.status_code} without a token")
        self._token = (token, self._clock() + max(lasts - EARLY, min(SHORTEST, lasts)))
        return token


Token = Union[None, str, TokenCallback, ClientCredentials]
"""None sends no token."""
