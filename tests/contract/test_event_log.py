"""What every event log promises (runnel/ports/event_log.py)."""

import asyncio
import random
from dataclasses import replace

import pytest

from runnel.domain.segments import Segment
from runnel.errors import SegmentTaken
from tests.contract.bundle import Stores
from tests.contract.makers import TENANT, make_job, make_segment


async def fill(stores: Stores, *counts: int) -> list[Segment]:
    await stores.jobs.create(make_job())
    first, segments = 1, []
    for count in counts:
        segments.append(make_segment(first, count=count))
        await stores.log.append(TENANT, "job1", segments[-1])
        first += count
    return segments


async def test_a_log_that_nobody_wrote_is_empty(stores: Stores) -> None:
    """Whoever finds the log empty appends job_created."""
    assert await stores.log.read(TENANT, "job1") == []


async def test_segments_come_back_whole_and_in_order(stores: Stores) -> None:
    """The bytes of a line are what every client gets; sequence numbers are compared as numbers, not as text."""
    segments = await fill(stores, 1, 8, 2, 90, 3)

    assert await stores.log.read(TENANT, "job1") == segments


async def test_append_conditional_a_place_that_is_taken_is_refused_and_unchanged(stores: Stores) -> None:
    """A zombie's segment must never replace what clients have seen [append_conditional]."""
    [segment] = await fill(stores, 2)
    for other in (
        replace(segment, term=2),
        make_segment(text="other"),
        make_segment(count=1),
        replace(segment, notes={}),
    ):
        with pytest.raises(SegmentTaken):
            await stores.log.append(TENANT, "job1", other)

    assert await stores.log.read(TENANT, "job1") == [segment]


async def test_read_back_the_same_bytes_again_count_as_done(stores: Stores) -> None:
    """A lost acknowledgement is not another driver [read_back]."""
    [segment] = await fill(stores, 2)
    await stores.log.append(TENANT, "job1", segment)

    assert await stores.log.read(TENANT, "job1") == [segment]


async def test_of_many_appends_to_one_place_one_wins(stores: Stores) -> None:
    """Two drivers that both believe in their lease: the log decides."""
    await stores.jobs.create(make_job())
    rivals = [make_segment(owner=f"d{number}", term=number) for number in range(5)]
    answers = await asyncio.gather(
        *(stores.log.append(TENANT, "job1", rival) for rival in rivals), return_exceptions=True
    )
    winners = [rival for rival, answer in zip(rivals, answers, strict=True) if answer is None]

    assert len(winners) == 1
    assert sum(isinstance(answer, SegmentTaken) for answer in answers) == 4
    assert await stores.log.read(TENANT, "job1") == winners


@pytest.mark.parametrize(
    ("after", "firsts"), [(0, [1, 4, 5, 15]), (1, [1, 4, 5, 15]), (2, [1, 4, 5, 15]), (3, [4, 5, 15]), (4, [5, 15]),
                          (5, [5, 15]), (13, [5, 15]), (14, [15]), (15, [15]), (16, []), (99, [])],
)  # fmt: skip
async def test_mid_segment_reading_begins_with_the_segment_that_holds_the_next_event(
    stores: Stores, after: int, firsts: list[int]
) -> None:
    """A client may come back in the middle of a segment, and must miss nothing [mid_segment]."""
    await fill(stores, 3, 1, 10, 2)

    assert [segment.first for segment in await stores.log.read(TENANT, "job1", after=after)] == firsts


async def test_a_limit_cuts_whole_segments_from_the_end(stores: Stores) -> None:
    """A reader of a long log goes on where it stopped."""
    segments = await fill(stores, 3, 1, 10, 2)

    assert await stores.log.read(TENANT, "job1", limit=2) == segments[:2]
    assert await stores.log.read(TENANT, "job1", after=2, limit=1) == segments[:1]
    assert await stores.log.read(TENANT, "job1", after=4, limit=9) == segments[2:]


async def test_logs_are_kept_apart_by_tenant_and_job(stores: Stores) -> None:
    """The same place in another job is another place."""
    for tenant, job_id in (("acme", "job1"), ("acme", "job11"), ("acme2", "job1")):
        await stores.log.append(tenant, job_id, make_segment(owner=f"{tenant} {job_id}"))

    assert [segment.owner for segment in await stores.log.read("acme", "job1")] == ["acme job1"]
    assert [segment.owner for segment in await stores.log.read("acme", "job11")] == ["acme job11"]
    assert [segment.owner for segment in await stores.log.read("acme2", "job1")] == ["acme2 job1"]


async def test_strong_reads_what_was_appended_is_read_at_once(stores: Stores) -> None:
    """A new driver decides by what it reads after its barrier [strong_reads]."""
    await stores.jobs.create(make_job())
    for first in range(1, 8):
        segment = make_segment(first, count=1)
        await stores.log.append(TENANT, "job1", segment)

        assert await stores.log.read(TENANT, "job1", after=first - 1) == [segment]


async def test_a_long_log_is_read_to_its_end(stores: Stores) -> None:
    """A store that answers in pages is followed to the last one: here are two megabytes that do not shrink."""
    await stores.jobs.create(make_job())
    noise = random.Random(7)
    segments = [make_segment(first, count=1, text=noise.randbytes(24_000).hex()) for first in range(1, 81)]
    for segment in segments:
        await stores.log.append(TENANT, "job1", segment)

    assert await stores.log.read(TENANT, "job1") == segments
