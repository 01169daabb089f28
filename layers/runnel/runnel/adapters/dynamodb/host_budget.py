"""The book of each host as one item, which takers replace if it is still as they read it."""

from typing import Any

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import number
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.keys import make_key
from runnel.adapters.dynamodb.table import Table
from runnel.domain.host_book import Ask, HostBook, Share
from runnel.errors import StoreUnavailable

#: Takers that may come in between before we give up for the moment.
_ATTEMPTS = 20
#: A host that nobody asks any more is forgotten after this time.
_KEEP_S = 86_400
_HOSTS_KEPT = 10_000


class DynamoDBHostBudget:
    """`HostBudget` on `HOST#` items: mostly one write a taking, for the last taker remembers what stands there."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen: dict[str, str] = {}

    async def take(self, host: str, ask: Ask) -> Share:
        seen = self._seen.pop(host, None)
        for _ in range(_ATTEMPTS):
            book, share = HostBook.decode(seen).take(ask)
            try:
                await self._write(host, seen, book)
            except ConditionFailed as moved:
                seen = _book_of(moved)
            else:
                return share
        raise StoreUnavailable(f"Too many crawlers ask for a share of {host}.")

    async def leave(self, host: str, taker: str) -> None:
        seen = self._seen.pop(host, None)
        for _ in range(_ATTEMPTS if seen is not None else 0):
            try:
                await self._write(host, seen, HostBook.decode(seen).leave(taker))
            except ConditionFailed as moved:
                seen = _book_of(moved)
            else:
                return

    async def _write(self, host: str, seen: str | None, book: HostBook) -> None:
        text = book.encode()
        values: dict[str, Any] = {":book": {"S": text}, ":expires": number(int(book.ends_s) + _KEEP_S)}
        condition = c.NO_BOOK
        if seen is not None:
            condition, values[":seen"] = c.SAME_BOOK, {"S": seen}
        await self._table.update(
            make_key(f"HOST#{host}", "META"),
            "SET bk = :book, #ttl = :expires",
            condition=condition,
            values=values,
            names={"#ttl": "ttl"},
        )
        self._remember(host, text)

    def _remember(self, host: str, text: str) -> None:
        if len(self._seen) >= _HOSTS_KEPT:
            self._seen.clear()
        self._seen[host] = text


def _book_of(moved: ConditionFailed) -> str | None:
    return None if moved.item is None else moved.item["bk"]["S"]
