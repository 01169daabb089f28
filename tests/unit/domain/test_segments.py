"""Segments: the same bytes for the same events, and nothing lost in them."""

import zlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runnel.domain import events as e
from runnel.domain.created import created_segment
from runnel.domain.effects import NO_NOTE, asset_note, effects_of, events_of, verdict_of
from runnel.domain.jobs import Job, Source
from runnel.domain.segments import BatchItem, Segment, decode_segment, encode_segment, spent_usd
from runnel.domain.verdicts import AssetFacts, ErrorCategory, FetchError, RuledOut, SkipReason, Verdict

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
_LINES = st.lists(st.binary(max_size=200).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=20)


@given(
    first=st.integers(1, 10**9),
    term=st.integers(0, 10**6),
    owner=st.text(),
    lines=_LINES,
    notes=st.dictionaries(st.integers(1, 10**9), st.dictionaries(st.text(), _JSON, max_size=3), max_size=4),
    usd=st.none() | st.floats(0, 1e6),
)
def test_a_segment_is_read_as_it_was_written(
    first: int, term: int, owner: str, lines: list[bytes], notes: dict[int, dict[str, object]], usd: float | None
) -> None:
    """Recovery and every client read these bytes."""
    segment = Segment(first=first, term=term, owner=owner, lines=tuple(lines), notes=notes, usd=usd)

    assert decode_segment(encode_segment(segment)) == segment
    assert encode_segment(segment) == encode_segment(decode_segment(encode_segment(segment)))


def test_what_was_spent_is_never_less_than_some_segment_tells() -> None:
    """A driver that knows less of its predecessors than their log takes nothing back; most segments tell nothing."""
    told = (None, 0.5, 0.25, None)
    segments = [Segment(first=place, term=1, owner="D1", lines=(b"",), usd=usd) for place, usd in enumerate(told, 1)]

    assert spent_usd(segments) == 0.5
    assert spent_usd([]) == spent_usd(segments[:1]) == 0.0
    assert b'"usd"' not in zlib.decompress(encode_segment(segments[0]))


def test_a_segment_knows_its_place() -> None:
    """A reader may come in the middle of it [mid_segment]."""
    segment = Segment(first=5, term=1, owner="D1", lines=(b"5", b"6", b"7"))

    assert segment.last == 7
    assert segment.after(0) == segment.after(4) == (b"5", b"6", b"7")
    assert segment.after(6) == (b"7",)
    assert segment.after(7) == segment.after(99) == ()


def test_created_segment_is_the_same_whoever_writes_it() -> None:
    """It is built from META alone; a second writer's bytes must be the first one's [created_by_any]."""
    job = Job(
        tenant="t", job_id="j1", library_id="docs", sources=(Source(source_id="main", url="https://a.example/"),),
        created_at=NOW,
    )  # fmt: skip

    assert encode_segment(created_segment(job)) == encode_segment(created_segment(job))
    assert created_segment(job).term == 0


def _envelope(seq: int) -> dict[str, Any]:
    return {"job_id": "j1", "time": NOW, "seq": seq}


def test_effects_are_a_function_of_the_committed_segment() -> None:
    """So every writer, also a later driver, writes the same items [verdicts_after, redo_verdicts]."""
    crawled = e.UrlCrawled(
        **_envelope(1), url="https://a.example/", final_url="https://a.example/x", status=200, outcome="duplicate",
        duplicate_of="https://a.example/y", title="T", content_length=5, body_hash="b", elapsed_ms=9,
    )  # fmt: skip
    error = FetchError(category=ErrorCategory.HTTP_4XX, message="404")
    failed = e.UrlFailed(**_envelope(2), url="https://a.example/f", attempts=2, error=error)
    skipped = e.UrlSkipped(
        **_envelope(3), url="https://a.example/s", reason=SkipReason.ROBOTS, rule="Disallow: /s", parent=None
    )
    found = e.UrlsDiscovered(
        **_envelope(4), source_url="https://a.example/", depth=0, discovered_urls=(), count=1, total_discovered=1,
        skipped={SkipReason.OUT_OF_SCOPE: 1},
    )  # fmt: skip
    sent = e.SentToProcessing(**_envelope(5), batch_id="1-1", urls=("u",), pages=1)
    told = e.Log(**_envelope(6), level="info", message="files")
    facts = AssetFacts(status=200, content_type="application/pdf", size_bytes=7)
    file = RuledOut(
        url="https://a.example/m.pdf", reason=SkipReason.ASSET, rule="document: .pdf", parent=None, depth=1, facts=facts
    )
    notes: dict[int, Any] = {
        1: {"attempts": 2},
        2: {"status": 404, "facts": asdict(facts)},
        4: {"ruled_out": [["https://b.example/", "out_of_scope", "host"]]},
        6: asset_note([file]),
    }
    lines = tuple(e.encode_event(event) for event in (crawled, failed, skipped, found, sent, told))
    stored = decode_segment(encode_segment(Segment(first=1, term=1, owner="D1", lines=lines, notes=notes)))
    effects = effects_of(events_of(stored))

    assert [(item.url, item.verdict, item.attempts) for item in effects.verdicts] == [
        ("https://a.example/", Verdict.DUPLICATE, 2),
        ("https://a.example/f", Verdict.FAILED, 2),
        ("https://a.example/s", Verdict.SKIPPED, 0),
    ]
    assert (effects.verdicts[0].duplicate_of, effects.verdicts[0].fetched_at) == (
        "https://a.example/y",
        "2026-01-31T12:00:00.000Z",
    )
    assert (effects.verdicts[1].status, effects.verdicts[1].reason) == (404, "http_4xx")
    assert effects.verdicts[1].facts == facts
    assert effects.ruled_out == (
        RuledOut(
            url="https://b.example/", reason=SkipReason.OUT_OF_SCOPE, rule="host", parent="https://a.example/", depth=1
        ),
        file,
    )
    assert effects.batches == (BatchItem(batch_id="1-1", pages=1),)
    assert verdict_of(failed, NO_NOTE).status is None
