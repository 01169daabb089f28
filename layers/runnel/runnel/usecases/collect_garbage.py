"""Removing objects that no generation needs any more.

Laws (tests/unit/usecases/test_collect_garbage.py):
1. What a kept generation of any library of the tenant needs is never removed; where its needs cannot be read, nothing
   is. Nor is what a job has brought that ended without publishing, nor its report, while the job exists.
2. Nothing is removed while a job of the tenant is active, and nothing before it was found unneeded twice, a day apart:
   a writer who relies on an object that was there has that long to say so, and checks it before publishing.
3. One collection an hour: its turn is an object that only one can put.
"""

import json
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from runnel.domain.index_plan import IndexPlan
from runnel.domain.libraries import Library
from runnel.domain.results import decode_pages
from runnel.errors import ManifestDamaged
from runnel.usecases.manifests import load_index_plan, read_head, read_needs
from runnel.usecases.process_pages import page_key
from runnel.usecases.services import Services

#: How long an object is spared after it was first found unneeded.
SPARED: Final = timedelta(hours=24)
_FOLDERS: Final = ("pages/", "generations/", "batches/", "reports/", "index/")
_TURNS: Final = "garbage/turn-"
_SEEN: Final = "garbage/seen.json.z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collection did."""

    removed: int = 0
    #: Objects that will go at a later collection, unless somebody needs them by then.
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must stay: single keys, and folders as a whole."""

    keys: frozenset[str]
    folders: frozenset[str]

    def include(self, key: str) -> bool:
        """Whether the object must stay."""
        return (
            key in self.keys or key.rpartition("/")[0] in self.folders or "/".join(key.split("/")[:2]) in self.folders
        )


async def collect_garbage(services: Services, tenant: str) -> Collected | None:
    """Remove what nobody has needed for a day; None when it is not the time for it."""
    libraries = await services.libraries.list_libraries(tenant)
    if _are_busy(libraries) or not await _take_turn(services, tenant):
        return None
    try:
        needs = await find_needs(services, tenant, libraries)
    except ManifestDamaged:
        return None
    now = services.clock.now()
    before = await read_noted(services, tenant)
    found = {key: before.get(key, now.isoformat()) async for key in find_unneeded(services, tenant, needs)}
    due = [key for key, since in found.items() if now - datetime.fromisoformat(since) >= SPARED]
    if _state(await services.libraries.list_libraries(tenant)) != _state(libraries):
        return None
    for key in due:
        await services.content.delete(tenant, key)
    waiting = {key: since for key, since in found.items() if key not in set(due)}
    await _write_noted(services, tenant, waiting)
    return Collected(removed=len(due), waiting=len(waiting))


async def find_needs(services: Services, tenant: str, libraries: list[Library]) -> Needs:
    """All that the kept generations of *libraries* need; raises `ManifestDamaged` when that cannot be told."""
    keys: set[str] = set()
    folders: set[str] = set()
    for library in libraries:
        for pointer in (one for one in library.kept if one.path):
            folders.add(pointer.path)
            folders |= {f"batches/{job}" for job in (await read_head(services, tenant, pointer.path)).get("jobs", ())}
            keys |= {page_key(digest) for digest in await read_needs(services, tenant, pointer.path)}
            keys |= (await load_index_plan(services, tenant, pointer.path) or IndexPlan()).keys
    published = {job for library in libraries for job in library.published}
    async for job_id in _jobs_below(services, tenant, "reports/"):
        if await services.jobs.get(tenant, job_id) is not None:
            folders.add(f"reports/{job_id}")
    async for job_id in _jobs_below(services, tenant, "batches/"):
        if await services.jobs.get(tenant, job_id) is not None:
            folders.add(f"batches/{job_id}")
            if job_id not in published:
                keys |= {key async for key in _brought(services, tenant, job_id)}
    return Needs(keys=frozenset(keys), folders=frozenset(folders))


async def find_unneeded(services: Services, tenant: str, needs: Needs) -> AsyncIterator[str]:
    """The keys of objects that *needs* do not include."""
    for folder in _FOLDERS:
        async for key in services.content.keys(tenant, folder):
            if not needs.include(key):
                yield key


async def _jobs_below(services: Services, tenant: str, folder: str) -> AsyncIterator[str]:
    """The jobs that have objects below *folder*."""
    last = ""
    async for key in services.content.keys(tenant, folder):
        job_id = key.split("/")[1]
        if job_id != last:
            yield (last := job_id)


async def _brought(services: Services, tenant: str, job_id: str) -> AsyncIterator[str]:
    """The Markdown of a job that has not been published, and still can be."""
    async for key in services.content.keys(tenant, f"batches/{job_id}/"):
        body = await services.content.get(tenant, key)
        with suppress(zlib.error, ValueError):
            for page in decode_pages(body or b"", key):
                yield page_key(page.content_hash)


async def _take_turn(services: Services, tenant: str) -> bool:
    turn = f"{_TURNS}{services.clock.now():%Y%m%d%H}"
    if not await services.content.put(tenant, turn, b"", if_absent=True):
        return False
    async for key in services.content.keys(tenant, _TURNS):
        if key < turn:
            await services.content.delete(tenant, key)
    return True


async def note_garbage(services: Services, tenant: str, keys: Iterable[str]) -> None:
    """Note *keys* as found unneeded now: if they still are in a day, they go."""
    now = services.clock.now().isoformat()
    await _write_noted(services, tenant, dict.fromkeys(keys, now) | dict(await read_noted(services, tenant)))


async def _write_noted(services: Services, tenant: str, noted: Mapping[str, str]) -> None:
    await services.content.put(tenant, _SEEN, zlib.compress(json.dumps(noted).encode()))


async def read_noted(services: Services, tenant: str) -> Mapping[str, str]:
    """When each object was first found unneeded."""
    body = await services.content.get(tenant, _SEEN)
    try:
        seen: dict[str, str] = json.loads(zlib.decompress(body)) if body else {}
    except (zlib.error, ValueError):
        return {}  # begin anew: everything is spared for another day
    return seen


def _are_busy(libraries: list[Library]) -> bool:
    return any(library.active_job for library in libraries)


def _state(libraries: list[Library]) -> list[tuple[str, int, str | None]]:
    return [(library.library_id, library.pointer.generation, library.active_job) for library in libraries]
