"""Turns at a host: one item that says when the next turn is free.

The time is kept in whole microseconds, so that what was read and what is compared is the same number.
"""

import math
from datetime import timedelta
from typing import Any

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import number
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.keys import make_key
from runnel.adapters.dynamodb.table import Table
from runnel.errors import StoreUnavailable

#: Takers that may come in between before we give up for the moment.
_ATTEMPTS = 20
#: A host that nobody asks any more is forgotten after this time.
_KEEP_S = 86_400
_MICROSECOND = timedelta(microseconds=1)
_HOSTS_KEPT = 10_000


class DynamoDBHostBudget:
    """`HostBudget` on `HOST#` items: mostly one write a block, for the last taker remembers what stands there."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._next: dict[str, int] = {}

    async def reserve(self, host: str, *, now_s: float, spacing: timedelta, turns: int) -> float:
        block = turns * (spacing // _MICROSECOND)
        seen = self._next.pop(host, None)
        for _ in range(_ATTEMPTS):
            first = max(math.ceil(now_s * 1e6), seen or 0)
            try:
                await self._write(host, seen, first + block)
            except ConditionFailed as moved:
                seen = None if moved.item is None else int(moved.item["nx"]["N"])
            else:
                self._remember(host, first + block)
                return first / 1e6
        raise StoreUnavailable(f"Too many crawlers ask for turns at {host}.")

    async def _write(self, host: str, seen: int | None, free: int) -> None:
        values: dict[str, Any] = {":free": number(free), ":expires": number(free // 1_000_000 + _KEEP_S)}
        condition = c.NO_TURNS
        if seen is not None:
            condition, values[":seen"] = c.SAME_NEXT_TURN, number(seen)
        await self._table.update(
            make_key(f"HOST#{host}", "META"),
            "SET nx = :free, #ttl = :expires",
            condition=condition,
            values=values,
            names={"#ttl": "ttl"},
        )

    def _remember(self, host: str, free: int) -> None:
        if len(self._next) >= _HOSTS_KEPT:
            self._next.clear()
        self._next[host] = free
