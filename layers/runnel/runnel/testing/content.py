"""`ContentStore` and `RawStore` over one dict of objects."""

from collections.abc import AsyncIterator, Sequence

from runnel.domain.object_keys import check_key
from runnel.domain.verdicts import RawRef
from runnel.testing.state import MemoryState


class MemoryContentStore:
    """Objects in a dict."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def put(self, tenant: str, key: str, body: bytes, *, if_absent: bool = False) -> bool:
        await self._state.step("content.put")
        place = tenant, check_key(key)
        if if_absent and place in self._state.objects:
            return False
        self._state.objects[place] = body
        return True

    async def put_addressed(self, tenant: str, objects: Sequence[tuple[str, bytes]]) -> None:
        for key, body in objects:
            await self.put(tenant, key, body, if_absent=True)

    async def get(self, tenant: str, key: str) -> bytes | None:
        await self._state.step("content.get")
        return self._state.objects.get((tenant, check_key(key)))

    async def get_many(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        await self._state.step("content.get_many")
        objects = self._state.objects
        return {key: objects[tenant, key] for key in map(check_key, keys) if (tenant, key) in objects}

    async def missing(self, tenant: str, keys: Sequence[str]) -> set[str]:
        await self._state.step("content.missing")
        return {key for key in map(check_key, keys) if (tenant, key) not in self._state.objects}

    async def exists(self, tenant: str, key: str) -> bool:
        await self._state.step("content.exists")
        return (tenant, check_key(key)) in self._state.objects

    async def delete(self, tenant: str, key: str) -> None:
        await self._state.step("content.delete")
        self._state.objects.pop((tenant, check_key(key)), None)

    async def keys(self, tenant: str, prefix: str) -> AsyncIterator[str]:
        await self._state.step("content.keys")
        for owner, key in sorted(self._state.objects):
            if owner == tenant and key.startswith(prefix):
                yield key


class MemoryRawStore:
    """Records joined to one object for each call, among the objects of the content store."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def put(self, tenant: str, job_id: str, name: str, records: tuple[bytes, ...]) -> tuple[RawRef, ...]:
        await self._state.step("raw.put")
        key = check_key(f"raw/{job_id}/{name}")
        if not records:
            return ()
        refs, offset = [], 0
        for record in records:
            refs.append(RawRef(key=key, offset=offset, length_bytes=len(record)))
            offset += len(record)
        self._state.objects[tenant, key] = b"".join(records)
        return tuple(refs)

    async def get(self, tenant: str, ref: RawRef) -> bytes | None:
        await self._state.step("raw.get")
        body = self._state.objects.get((tenant, ref.key))
        end = ref.offset + ref.length_bytes
        return None if body is None or len(body) < end else body[ref.offset : end]

    async def delete_job(self, tenant: str, job_id: str) -> None:
        await self._state.step("raw.delete_job")
        prefix = check_key(f"raw/{job_id}") + "/"
        for place in [place for place in self._state.objects if place[0] == tenant and place[1].startswith(prefix)]:
            del self._state.objects[place]
