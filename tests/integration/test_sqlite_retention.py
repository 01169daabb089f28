"""Logs and jobs of long ago in a file: found by the time of their end, and removed in short transactions."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from runnel.adapters.sqlite import journal
from runnel.domain.jobs import JobState
from tests.contract.homes import LaptopStores, open_stores
from tests.contract.makers import ENDING, TENANT, driven_job, make_segment


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[LaptopStores]:
    opened = open_stores(tmp_path / "runnel.db")
    yield opened
    await opened.close()


async def _ended(stores: LaptopStores, job_id: str, *, days: float, segments: int = 3) -> None:
    """A job that ended so many days after the others' end, with a log."""
    lease = await driven_job(stores, job_id)
    for number in range(segments):
        await stores.log.append(TENANT, job_id, make_segment(1 + 2 * number))
    ending = type(ENDING)(
        ended_because=ENDING.ended_because,
        ok=True,
        ended_at=ENDING.ended_at + timedelta(days=days),
        counts=ENDING.counts,
    )
    assert await stores.leases.release(lease, state=JobState.COMPLETED, ending=ending)


async def test_logs_are_forgotten_by_the_end_of_their_job(
    stores: LaptopStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In slices: nobody waits for a long transaction."""
    monkeypatch.setattr(journal, "_FORGET_SLICE", 2)
    await _ended(stores, "old", days=0, segments=5)
    await _ended(stores, "new", days=2)
    await driven_job(stores, "running")
    await stores.log.append(TENANT, "running", make_segment(1))
    await stores.log.forget(before=ENDING.ended_at + timedelta(days=1))

    assert await stores.log.read(TENANT, "old") == []
    assert len(await stores.log.read(TENANT, "new")) == 3
    assert len(await stores.log.read(TENANT, "running")) == 1


async def test_jobs_are_found_by_their_end_until_they_are_deleted(stores: LaptopStores) -> None:
    """One that has not ended never is, however old."""
    await _ended(stores, "old", days=0)
    await _ended(stores, "new", days=2)
    await driven_job(stores, "running")
    moment = ENDING.ended_at + timedelta(days=1)

    assert await stores.jobs.ended(before=moment) == [(TENANT, "old")]
    assert await stores.jobs.ended(before=ENDING.ended_at) == []
    await stores.jobs.mark_deleted(TENANT, "old")
    assert await stores.jobs.ended(before=moment) == []
