"""Claiming a library for work that is no job's: its deletion, its repair.

Laws (tests/unit/usecases/test_claim_library.py):

1. A job keeps its claim; one of the same work, broken off, gives way.
2. The claim carries a beat, which its holder raises as long as it works. No job begins while it does, and a claim whose
   beat stands still for a lease's ttl, on the watcher's own clock, is nobody's: it is freed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from runnel.domain.libraries import Library
from runnel.errors import LibraryBusy
from runnel.usecases.patience import sure
from runnel.usecases.services import Services


class Work(StrEnum):
    """What a claim is for that is no job's: how it begins, as no job's id does."""

    DELETION = "delete-"
    REPAIR = "verify-"

    @classmethod
    def of(cls, claim: str | None) -> "Work | None":
        """The work that *claim* is for; None for a job's, and where there is none."""
        return next((work for work in cls if claim is not None and claim.startswith(work)), None)


_SAID = {Work.DELETION: "deleted", Work.REPAIR: "repaired"}


@dataclass(slots=True)
class Claim:
    """A claim that is held, under the name that it has now."""

    name: str


@asynccontextmanager
async def holding_library(services: Services, library: Library, work: Work) -> AsyncIterator[Claim]:
    """Keep jobs away from *library* while the context lasts; the claim stays, and is the caller's to free.

    Raises:
        LibraryBusy: a job holds it, or work of another kind.
    """
    owner = services.ids.owner()
    claim = Claim(f"{work}{owner}-0")
    await _take(services, library, claim.name, work)
    is_over = asyncio.Event()
    beating = asyncio.create_task(_beat(services, library, claim, is_over))
    try:
        yield claim
    finally:
        is_over.set()
        await beating


async def wait_for_work(services: Services, tenant: str, library_id: str) -> None:
    """Wait until no deletion and no repair is under way, for as long as it takes to know; a dead one's claim is freed.

    Raises:
        LibraryBusy: whoever does it is alive.
    """
    clock, tuning = services.clock, services.tuning
    claim = await _work_at(services, tenant, library_id)
    still_until_s = clock.monotonic() + tuning.lease_ttl.total_seconds()
    while claim is not None:
        if clock.monotonic() >= still_until_s:
            await services.libraries.free(tenant, library_id, claim)
            return
        await clock.sleep(tuning.look)
        now = await _work_at(services, tenant, library_id)
        if now is not None and now != claim:
            raise busy_with(library_id, now)
        claim = now


def busy_with(library_id: str, claim: str) -> LibraryBusy:
    """The error that says who has the library: a job, or what is done to it."""
    work = Work.of(claim)
    message = f"The library {library_id!r} is being {_SAID[work]}; try again when that is over." if work else ""
    return LibraryBusy(message, job_id=claim)


async def _work_at(services: Services, tenant: str, library_id: str) -> str | None:
    """The claim of a deletion or a repair that the library has now."""
    library = await services.libraries.get(tenant, library_id)
    claim = library.active_job if library is not None else None
    return claim if Work.of(claim) is not None else None


async def _take(services: Services, library: Library, name: str, work: Work) -> None:
    while True:
        try:
            await services.libraries.claim(library.tenant, library.library_id, name)
        except LibraryBusy as busy:
            if Work.of(busy.job_id) is not work:
                raise busy_with(library.library_id, busy.job_id) from busy
            await services.libraries.free(library.tenant, library.library_id, busy.job_id)
        else:
            return


async def _beat(services: Services, library: Library, claim: Claim, is_over: asyncio.Event) -> None:
    """Raise the beat until the work is over, or somebody has taken the claim for dead."""
    beat = 0
    while not await services.clock.wait(is_over, services.tuning.lease_beat):
        beat += 1
        name = f"{claim.name.rpartition('-')[0]}-{beat}"
        renew = partial(services.libraries.renew, library.tenant, library.library_id, claim.name, name)
        if not await sure(services, renew):
            return
        claim.name = name
