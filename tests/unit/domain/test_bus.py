"""Records of the bus: a function of two generations, one for each thing that changed."""

import json
from datetime import UTC, datetime
from typing import Any

from runnel.domain.bus import SEGMENT_RECORDS, BusEvent, BusSource, count_records, generation_segments
from runnel.domain.changes import Changes, compare
from runnel.domain.payloads import StoredPage

SOURCE = BusSource(
    library_id="docs", first_name="docs", created_at=datetime(2026, 1, 1, tzinfo=UTC), name="2", generation=2,
    at=datetime(2026, 1, 2, tzinfo=UTC),
)  # fmt: skip


def page(name: str, content: str, chunks: int = 0, **fields: Any) -> StoredPage:
    values: dict[str, Any] = {
        "page_id": name, "url": f"https://d.example/{name}", "title": "T", "words": 1, "chunks": chunks,
        "content_hash": content, "body_hash": "", "fetched_at": "",
    }  # fmt: skip
    return StoredPage(**(values | fields))


def told(changes: Changes) -> list[tuple[str, Any, Any]]:
    lines = [json.loads(line) for segment in generation_segments(SOURCE, changes) for line in segment.lines]
    assert len(lines) == count_records(changes)
    return [(one["type"], one["data"].get("page_id"), one["data"].get("count")) for one in lines]


def test_chunks_are_told_by_the_page_with_their_number() -> None:
    """One record a page, not a chunk; none for a page without, and none when only a title changed."""
    before = {"a": page("a", "1", 3), "b": page("b", "1", 2), "c": page("c", "1", 1), "e": page("e", "1", 4)}
    after = {
        "b": page("b", "2", 5), "c": page("c", "1", 1, title="New"), "d": page("d", "1", 7), "e": before["e"],
        "f": page("f", "1", 0),
    }  # fmt: skip

    assert told(compare(before, after)) == [
        ("document.deleted", "a", None),
        ("chunk.deleted", "a", 3),
        ("document.updated", "b", None),
        ("chunk.deleted", "b", 2),
        ("chunk.added", "b", 5),
        ("document.updated", "c", None),
        ("document.added", "d", None),
        ("chunk.added", "d", 7),
        ("document.added", "f", None),
    ]


def test_what_became_of_the_index_is_told_last_and_once() -> None:
    """With the number of its segments."""
    (segment,) = generation_segments(SOURCE, Changes(index=("index.optimized", 3)))
    record = BusEvent.model_validate_json(segment.lines[0])

    assert len(segment.lines) == 1
    assert (record.type, record.data, record.generation) == ("index.optimized", {"segments": 3}, 2)


def test_a_record_is_written_as_its_model_would_write_it() -> None:
    """Whoever reads it may be older than its writer."""
    strange = page("é\u2028\ud800", "1", title='"<&>\\')
    (segment,) = generation_segments(SOURCE, Changes(added=(strange,)))
    written = segment.lines[0]
    again = BusEvent.model_validate_json(written)

    assert again.model_dump_json().encode() == written
    assert again.event_id == "docs@20260101T000000000000:2:0"


def test_long_lists_are_cut_into_segments() -> None:
    """None is too large for a store."""
    many = Changes(added=tuple(page(f"{number}", "1") for number in range(SEGMENT_RECORDS + 1)))

    assert [len(segment.lines) for segment in generation_segments(SOURCE, many)] == [SEGMENT_RECORDS, 1]
