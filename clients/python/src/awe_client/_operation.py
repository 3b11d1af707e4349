"""How an operation is called, and a page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Iterator, List, Optional, TypeVar

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


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """An answer with its `ETag`, which names the version of it that was read."""

    value: T
    etag: Optional[str]
