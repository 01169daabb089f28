"""Objects: raw responses, pages, results, manifests."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from runnel.domain.verdicts import RawRef


class ContentStore(Protocol):
    """Objects by key. Keys are below the tenant, `/`-separated, ASCII; the adapter adds `t/<tenant>/`.

    Promises every adapter keeps (tests/contract/test_content_store.py):

    * an object is there whole or not at all, also after a kill;
    * `put` with `if_absent` never replaces, and says whether it wrote;
    * a missing key gives None.
    """

    async def put(self, tenant: str, key: str, body: bytes, *, if_absent: bool = False) -> bool:
        """Store *body*; False when *if_absent* and the key exists."""
        ...

    async def put_addressed(self, tenant: str, objects: Sequence[tuple[str, bytes]]) -> None:
        """Store (key, body) pairs whose keys name their content: one that is there already is the same."""
        ...

    async def get(self, tenant: str, key: str) -> bytes | None:
        """The whole object, or None."""
        ...

    async def get_many(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """The objects that there are among *keys*."""
        ...

    async def missing(self, tenant: str, keys: Sequence[str]) -> set[str]:
        """Those of *keys* under which there is no object."""
        ...

    async def exists(self, tenant: str, key: str) -> bool:
        """Whether there is such an object."""
        ...

    async def delete(self, tenant: str, key: str) -> None:
        """Remove the object; a missing one is fine."""
        ...

    def keys(self, tenant: str, prefix: str) -> AsyncIterator[str]:
        """The keys that begin with *prefix*, in order."""
        ...


class RawStore(Protocol):
    """Raw responses, several to an object; the only store a crawler may write.

    Promises (tests/contract/test_raw_store.py): what `put` has answered can be read, also by another process.
    """

    async def put(self, tenant: str, job_id: str, name: str, records: tuple[bytes, ...]) -> tuple[RawRef, ...]:
        """Store WARC records under `raw/<job>/<name>`; the place of each."""
        ...

    async def get(self, tenant: str, ref: RawRef) -> bytes | None:
        """The record, or None when it is gone or damaged beyond reading."""
        ...

    async def delete_job(self, tenant: str, job_id: str) -> None:
        """Remove every record of the job; none being there is fine."""
        ...
