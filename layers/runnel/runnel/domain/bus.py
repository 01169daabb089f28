"""Records of the bus: what has happened to a tenant's libraries, and how a generation's changes are told.

Laws (names are the rules of the commit model):
1. The records of a generation are a function of it and its base, so whoever writes them writes the same
   [bus_before, bus_redo]; a segment's key names it, so it is there once.
2. Every change of a page is told once, by one record, whoever made it: chunks are counted, not listed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from runnel.domain.changes import Changes
from runnel.domain.instants import format_time
from runnel.domain.payloads import StoredPage

BusType = Literal[
    "library.created", "library.updated", "library.deleted",
    "document.added", "document.updated", "document.deleted",
    "chunk.added", "chunk.deleted",
    "index.rebuilt", "index.optimized",
    "batch.started", "batch.completed", "batch.failed",
]  # fmt: skip

#: Records of a segment, at most.
SEGMENT_RECORDS: Final = 1_000
#: Writes what a record tells, in a seventh of the time of `json`.
_DATA: Final = TypeAdapter(Mapping[str, Any]).serializer


class BusEvent(BaseModel):
    """One record."""

    model_config = ConfigDict(frozen=True)

    #: The same for the same change: a reader that sees it twice has seen it once.
    event_id: str
    type: BusType
    #: RFC 3339, UTC.
    time: str
    library_id: str
    generation: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSegment:
    """Records that are written together, under a key that nobody else's have."""

    key: str
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSource:
    """Whose records they are: a library in its present life, at a generation or a moment."""

    library_id: str
    #: The name under which it was made: its records keep their keys when it is renamed.
    first_name: str
    #: When the library was made: another library of the same name has records of its own.
    created_at: datetime
    #: What happened: a generation's number, or the name of a single event.
    name: str
    generation: int
    at: datetime

    @property
    def key(self) -> str:
        """The name that no other records have."""
        return f"{self.first_name}@{self.created_at:%Y%m%dT%H%M%S%f}:{self.name}"

    def segment_key(self, place: int) -> str:
        """The key of one of the segments."""
        return f"{self.key}:{place:05}"


def generation_segments(source: BusSource, changes: Changes) -> list[BusSegment]:
    """The segments that tell of a generation's changes."""
    return segments_of(source, _tell(changes))


def segments_of(source: BusSource, told: Iterable[tuple[BusType, Mapping[str, Any]]]) -> list[BusSegment]:
    """Records of these types with these data, in segments."""
    lines = list(_lines(source, told))
    return [
        BusSegment(key=source.segment_key(place), lines=tuple(lines[start : start + SEGMENT_RECORDS]))
        for place, start in enumerate(range(0, len(lines), SEGMENT_RECORDS))
    ]


def last_segment_key(source: BusSource, records: int) -> str:
    """The key of the last of the segments that so many *records* take: it is written last."""
    return source.segment_key((records - 1) // SEGMENT_RECORDS)


def tell_deletion(pages: Mapping[str, StoredPage]) -> Iterator[tuple[BusType, Mapping[str, Any]]]:
    """The records of a library that is deleted with its *pages*."""
    yield from _tell(Changes(removed=tuple(pages[url] for url in sorted(pages))))
    yield "library.deleted", {}


def count_records(changes: Changes) -> int:
    """The number of records that tell of these changes."""
    texts = [both for both in changes.changed if both[0].content_hash != both[1].content_hash]
    pages = len(changes.removed) + len(changes.changed) + len(changes.added)
    parted = (*changes.removed, *changes.added, *(page for both in texts for page in both))
    return pages + sum(page.chunks > 0 for page in parted) + (changes.index is not None)


def _lines(source: BusSource, told: Iterable[tuple[BusType, Mapping[str, Any]]]) -> Iterator[bytes]:
    # As `BusEvent` would write it. Ten thousand are told between two moves of a pointer: what all of them share is
    # written once.
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    name = encode(source.key)[:-1]
    same = encode({"time": format_time(source.at), "library_id": source.library_id, "generation": source.generation})
    for index, (kind, data) in enumerate(told):
        head = f'{{"event_id":{name}:{index}","type":"{kind}",{same[1:-1]},"data":'
        yield b"%b%b}" % (head.encode("utf-8", "replace"), _data(data))


def _data(data: Mapping[str, Any]) -> bytes:
    try:
        return _DATA.to_json(data)
    except ValueError:  # half a character, of a page that was cut in the middle of one
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _tell(changes: Changes) -> Iterator[tuple[BusType, Mapping[str, Any]]]:
    for page in changes.removed:
        yield "document.deleted", _page(page)
        yield from _chunks("chunk.deleted", page)
    for before, after in changes.changed:
        yield "document.updated", _page(after)
        if before.content_hash != after.content_hash:
            yield from _chunks("chunk.deleted", before)
            yield from _chunks("chunk.added", after)
    for page in changes.added:
        yield "document.added", _page(page)
        yield from _chunks("chunk.added", page)
    if changes.index is not None:
        kind, segments = changes.index
        yield kind, {"segments": segments}


def _page(page: StoredPage) -> Mapping[str, Any]:
    return {"page_id": page.page_id, "url": page.url, "title": page.title, "content_hash": page.content_hash}


def _chunks(
    kind: Literal["chunk.added", "chunk.deleted"], page: StoredPage
) -> Sequence[tuple[BusType, dict[str, Any]]]:
    return ((kind, {"page_id": page.page_id, "count": page.chunks}),) if page.chunks else ()
