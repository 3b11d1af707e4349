"""How an operation is called, and a page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Generic, Iterator, List, Mapping, Optional, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Operation:
    """One `operationId`. `result` is the type of the answer, None without a body, `str` for text."""

    id: str
    method: str
    path: str
    result: Any
    takes_key: bool
    """It takes an Idempotency-Key, so it may be sent again after a lost answer."""
    is_paged: bool

    @property
    def is_safe(self) -> bool:
        """It changes nothing."""
        return self.method == "GET"


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list. There are more when `next_cursor` is not None."""

    items: List[T]
    next_cursor: Optional[str]

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def next_page(query: Mapping[str, Any], headers: Mapping[str, str]) -> Optional[Dict[str, Any]]:
    """The query of the page after this one, None after the last. A page may hold less than it could, or nothing, and go
    on: its cursor says so."""
    cursor = headers.get("x-next-cursor")
    if not cursor:
        return None
    return {**{name: value for name, value in query.items() if name != "page"}, "cursor": cursor}


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """An answer with its `ETag`, which names the version of it that was read."""

    value: T
    etag: Optional[str]
