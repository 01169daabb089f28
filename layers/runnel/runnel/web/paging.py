"""Pages of lists that are at hand as a whole: the cursor is a place in the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which part of a list was asked for."""

    start: int
    limit: int

    def cut(self, items: Sequence[Item]) -> tuple[Sequence[Item], str | None]:
        """That part, and the cursor of the next one."""
        end = self.start + self.limit
        return items[self.start : end], str(end) if end < len(items) else None


def _paging(
    cursor: Annotated[str, Query(pattern=r"^\d{1,9}$")] = "0", limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000
) -> Paging:
    return Paging(start=int(cursor), limit=limit)


PagingOf = Annotated[Paging, Depends(_paging)]
