"""Raw responses in files that only grow.

Laws: the records of a call are appended as one piece; nothing is synced, for what is lost with the power is fetched
again. Where a worker process reads a page, it appends the response itself (`place_of`): the body need not come back.
"""

import asyncio
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from runnel.adapters.filesystem.failures import translated
from runnel.adapters.filesystem.growing import GrowingFiles
from runnel.adapters.filesystem.keys import object_path
from runnel.domain.object_keys import check_key
from runnel.domain.verdicts import RawRef
from runnel.domain.warc import RECORD_END
from runnel.errors import StoreUnavailable
from runnel.extraction.page import PageReading
from runnel.ports.page_reader import RawPlace


class AppendingReader(Protocol):
    """Reads a page in another process, which appends the response to a file."""

    async def read_appending(
        self, body: bytes, *, url: str, charset: str | None, stem: str, around: tuple[bytes, bytes]
    ) -> tuple[PageReading, tuple[str, int] | None]:
        """Read and render a page; where its response lies: path and offset, None for an empty page.

        Raises:
            PageUnreadable: As `PageReader.read`.
            OSError: The page can be read but its response cannot be stored.
        """
        ...


class FolderRawStore:
    """`RawStore` in a folder; its files lie below `t/<tenant>/raw/` of its root."""

    def __init__(self, root: Path) -> None:
        """Keep records below *root*."""
        self._root = root
        # One thread: appends do not overtake each other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="raw")
        self._files = GrowingFiles()
        self._is_closed = False

    async def put(self, tenant: str, job_id: str, name: str, records: tuple[bytes, ...]) -> tuple[RawRef, ...]:
        stem = self.stem_of(tenant, job_id, name)
        if not records:
            return ()
        if self._is_closed:
            raise StoreUnavailable("The raw store is closed.")
        loop = asyncio.get_running_loop()
        with translated(self._root):
            # Others' appends wait behind it: our own cancellation may not leave a half of it.
            path, offset = await asyncio.shield(loop.run_in_executor(self._thread, self._files.append, stem, records))
        return _refs(job_id, path, offset, records)

    async def get(self, tenant: str, ref: RawRef) -> bytes | None:
        path = object_path(self._root, tenant, ref.key)
        with translated(path):
            return await asyncio.to_thread(_read, path, ref)

    async def delete_job(self, tenant: str, job_id: str) -> None:
        folder = object_path(self._root, tenant, f"raw/{job_id}")
        with translated(folder):
            await asyncio.to_thread(_remove, folder)

    async def close(self) -> None:
        """Finish what is under way and close the files; harmless when they are closed."""
        self._is_closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._files.close()

    def stem_of(self, tenant: str, job_id: str, name: str) -> str:
        """The path at which the records of a call belong, without its ending."""
        return f"{_folder_of(self._root, tenant, job_id)}/{check_key(name)}"


class FolderPageKeeper:
    """`PageKeeper` over a reader in another process: it appends where this store would."""

    def __init__(self, store: FolderRawStore, reader: AppendingReader) -> None:
        """Keep pages among the files of *store*."""
        self._store = store
        self._reader = reader

    async def read_and_keep(
        self, body: bytes, *, url: str, charset: str | None, place: RawPlace
    ) -> tuple[PageReading, RawRef | None]:
        stem, around = self._store.stem_of(place.tenant, place.job_id, place.name), (place.head, RECORD_END)
        with translated(stem):
            reading, lies = await self._reader.read_appending(body, url=url, charset=charset, stem=stem, around=around)
        if lies is None:
            return reading, None
        length = len(place.head) + len(body) + len(RECORD_END)
        return reading, _ref(place.job_id, *lies, length)


@lru_cache(maxsize=16)  # asked for each page, of few jobs
def _folder_of(root: Path, tenant: str, job_id: str) -> str:
    return object_path(root, tenant, f"raw/{job_id}").as_posix()


def _refs(job_id: str, path: str, offset: int, records: Sequence[bytes]) -> tuple[RawRef, ...]:
    refs = []
    for record in records:
        refs.append(_ref(job_id, path, offset, len(record)))
        offset += len(record)
    return tuple(refs)


def _ref(job_id: str, path: str, offset: int, length: int) -> RawRef:
    return RawRef(key=f"raw/{job_id}/{path.rpartition('/')[2]}", offset=offset, length_bytes=length)


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _read(path: Path, ref: RawRef) -> bytes | None:
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(ref.offset)
            record = file.read(ref.length_bytes)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    return record if len(record) == ref.length_bytes else None
