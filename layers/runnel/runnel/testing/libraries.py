"""`Libraries` and `Batches` over dicts."""

from dataclasses import replace
from datetime import datetime

from runnel.domain.libraries import Batch, Library, Pointer
from runnel.errors import LibraryBusy, LibraryNotFound
from runnel.testing.state import MemoryState


class MemoryLibraries:
    """Library records in a dict."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def ensure(self, library: Library) -> Library:
        await self._state.step("libraries.ensure")
        return self._state.libraries.setdefault((library.tenant, library.library_id), library)

    async def get(self, tenant: str, library_id: str) -> Library | None:
        await self._state.step("libraries.get")
        return self._state.libraries.get((tenant, library_id))

    async def list_libraries(self, tenant: str) -> list[Library]:
        await self._state.step("libraries.list")
        return [library for key, library in sorted(self._state.libraries.items()) if key[0] == tenant]

    async def edit(self, seen: Library, wanted: Library) -> bool:
        await self._state.step("libraries.edit")
        stored = self._state.libraries.get((seen.tenant, seen.library_id))
        is_taken = wanted.library_id != seen.library_id and (wanted.tenant, wanted.library_id) in self._state.libraries
        if stored is None or is_taken or _state_of(stored) != _state_of(seen):
            return False
        del self._state.libraries[seen.tenant, seen.library_id]
        self._store(wanted)
        return True

    async def claim(self, tenant: str, library_id: str, job_id: str) -> None:
        await self._state.step("libraries.claim")
        library = self._state.libraries.get((tenant, library_id))
        if library is None:
            raise LibraryNotFound
        if library.active_job not in {None, job_id}:
            raise LibraryBusy(job_id=library.active_job or "")
        self._store(replace(library, active_job=job_id))

    async def renew(self, tenant: str, library_id: str, claim: str, name: str) -> bool:
        await self._state.step("libraries.renew")
        library = self._state.libraries.get((tenant, library_id))
        if library is None or library.active_job not in {claim, name}:
            return False
        self._store(replace(library, active_job=name))
        return True

    async def delete(self, tenant: str, library_id: str, job_id: str) -> bool:
        await self._state.step("libraries.delete")
        library = self._state.libraries.get((tenant, library_id))
        if library is None or library.active_job != job_id:
            return False
        del self._state.libraries[tenant, library_id]
        return True

    async def free(self, tenant: str, library_id: str, job_id: str) -> None:
        await self._state.step("libraries.free")
        library = self._state.libraries.get((tenant, library_id))
        if library is not None and library.active_job == job_id:
            self._store(replace(library, active_job=None))

    async def move_pointer(self, library: Library, pointer: Pointer, *, job_id: str) -> bool:
        await self._state.step("libraries.move_pointer")
        stored = self._state.libraries.get((library.tenant, library.library_id))
        if stored is None or stored.pointer.generation != library.pointer.generation:
            return False
        published = {**stored.published, job_id: pointer.generation}
        self._store(replace(stored, pointer=pointer, kept=stored.keeping(pointer), published=published))
        return True

    def _store(self, library: Library) -> None:
        self._state.libraries[library.tenant, library.library_id] = library


def _state_of(library: Library) -> tuple[int, int, str | None]:
    return library.revision, library.pointer.generation, library.active_job


class MemoryBatches:
    """Batch records in a dict; the journal puts them there."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def get_many(self, tenant: str, job_id: str, batch_ids: tuple[str, ...]) -> dict[str, Batch]:
        await self._state.step("batches.get_many")
        stored = self._state.batches.get((tenant, job_id), {})
        return {batch_id: stored[batch_id] for batch_id in batch_ids if batch_id in stored}

    async def list_batches(self, tenant: str, job_id: str) -> list[Batch]:
        await self._state.step("batches.list")
        return [batch for _, batch in sorted(self._state.batches.get((tenant, job_id), {}).items())]

    async def add_part(self, tenant: str, job_id: str, batch_id: str, part: str, indexes: tuple[int, ...]) -> bool:
        await self._state.step("batches.add_part")
        batch = self._find(tenant, job_id, batch_id)
        if batch is None or batch.closed:
            return False
        if part not in batch.parts:
            self._store(tenant, job_id, replace(batch, parts={**batch.parts, part: indexes}))
        return True

    async def count_try(self, tenant: str, job_id: str, batch_id: str, *, seen: int, now: datetime) -> Batch | None:
        await self._state.step("batches.count_try")
        batch = self._find(tenant, job_id, batch_id)
        if batch is None or batch.tries != seen:
            return None
        return self._store(tenant, job_id, replace(batch, tries=seen + 1, invoked_at=now))

    async def close(self, tenant: str, job_id: str, batch_id: str, *, seen: Batch) -> bool:
        await self._state.step("batches.close")
        batch = self._find(tenant, job_id, batch_id)
        if batch is None or batch.closed or batch.is_done or dict(batch.parts) != dict(seen.parts):
            return False
        self._store(tenant, job_id, replace(batch, closed=True))
        return True

    def _find(self, tenant: str, job_id: str, batch_id: str) -> Batch | None:
        return self._state.batches.get((tenant, job_id), {}).get(batch_id)

    def _store(self, tenant: str, job_id: str, batch: Batch) -> Batch:
        self._state.batches[tenant, job_id][batch.batch_id] = batch
        return batch
