"""Raw responses in files that only grow.

Laws:
1. One file for each job, driver's term and process: nobody else appends to it, so offsets are what we say.
2. The records of a call are appended with one write; a tail that a kill has torn is never referred to.
3. Nothing is synced: what is lost with the power is fetched again.
"""

import asyncio
import os
import shutil
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runnel.adapters.filesystem.failures import translated
from runnel.adapters.filesystem.keys import object_path
from runnel.domain.object_keys import check_key, check_name
from runnel.domain.verdicts import RawRef
from runnel.errors import StoreUnavailable

#: Files kept open for appending; the one used least is closed first.
_OPEN_FILES = 16
_APPEND_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)

#: A file that grows: its key and its descriptor.
_Growing = tuple[str, int]


@dataclass(slots=True)
class _Append:
    """Records on their way into a file."""

    group: tuple[str, str, str]
    name: str
    records: tuple[bytes, ...]
    done: tuple[RawRef, ...] | None = None
    failed: OSError | None = None

    def refs(self) -> tuple[RawRef, ...]:
        """Where the records lie; raises what kept them from being written."""
        if self.done is None:
            raise self.failed or StoreUnavailable("The raw store is closed.")
        return self.done


class FolderRawStore:
    """`RawStore` in a folder; its files lie below `t/<tenant>/raw/` of its root."""

    def __init__(self, root: Path) -> None:
        """Keep records below *root*."""
        self._root = root
        # One thread: appends do not overtake each other.
        self._files = ThreadPoolExecutor(1, thread_name_prefix="raw")
        self._is_closed = False
        self._waiting: list[_Append] = []
        self._appending: asyncio.Task[None] | None = None
        self._growing: OrderedDict[tuple[str, str, str], _Growing] = OrderedDict()

    async def put(self, tenant: str, job_id: str, name: str, records: tuple[bytes, ...]) -> tuple[RawRef, ...]:
        check_name(tenant), check_key(f"raw/{job_id}/{name}")
        if not records:
            return ()
        if self._is_closed:
            raise StoreUnavailable("The raw store is closed.")
        append = _Append((tenant, job_id, name.partition("-")[0]), name, records)
        self._waiting.append(append)
        if self._appending is None:
            self._appending = asyncio.create_task(self._append_waiting())
        # Others wait for the same visit: our own cancellation may not take it from them.
        await asyncio.shield(self._appending)
        with translated(self._root):
            return append.refs()

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
        if self._appending is not None:
            await self._appending
        await asyncio.to_thread(self._files.shutdown)
        self._close_all()

    async def _append_waiting(self) -> None:
        """Append what waits, in one visit to the thread: the visit costs more than the write."""
        batch, self._waiting, self._appending = self._waiting, [], None
        await asyncio.get_running_loop().run_in_executor(self._files, self._append_all, batch)

    def _append_all(self, batch: list[_Append]) -> None:
        """Append each group's records with one write."""
        groups: dict[tuple[str, str, str], list[_Append]] = {}
        for append in batch:
            groups.setdefault(append.group, []).append(append)
        for group, appends in groups.items():
            try:
                refs = iter(self._append(group, appends[0].name, [r for append in appends for r in append.records]))
            except OSError as error:
                for append in appends:
                    append.failed = error
            else:
                for append in appends:
                    append.done = tuple(islice(refs, len(append.records)))

    def _append(self, group: tuple[str, str, str], name: str, records: list[bytes]) -> list[RawRef]:
        key, descriptor = self._growing.get(group) or self._begin(group, name)
        self._growing.move_to_end(group)
        # Asked each time: a write that failed half-way has left its part.
        offset = os.fstat(descriptor).st_size
        body = b"".join(records)
        written = os.write(descriptor, body)
        while written < len(body):
            written += os.write(descriptor, body[written:])
        refs = []
        for record in records:
            refs.append(RawRef(key=key, offset=offset, length_bytes=len(record)))
            offset += len(record)
        return refs

    def _begin(self, group: tuple[str, str, str], name: str) -> _Growing:
        tenant, job_id, _ = group
        while len(self._growing) >= _OPEN_FILES:
            os.close(self._growing.popitem(last=False)[1][1])
        attempt = 0
        while True:
            # A name that another process has begun is left to it.
            key = f"raw/{job_id}/{name}.warc" if not attempt else f"raw/{job_id}/{name}.{attempt}.warc"
            path = object_path(self._root, tenant, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._growing[group] = key, os.open(path, _APPEND_NEW, 0o666)
            except FileExistsError:
                attempt += 1
            else:
                return self._growing[group]

    def _close_all(self) -> None:
        while self._growing:
            os.close(self._growing.popitem()[1][1])


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
