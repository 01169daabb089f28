"""Locks of the operating system: they die with their process, so a free one means a dead driver.

Laws:
1. The lock of a job is held through one open file; closing it, also by dying, gives it back.
2. A lock file is removed by its holder only; who locks a file that was removed meanwhile begins again.
"""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from runnel.adapters.filesystem.failures import translated
from runnel.domain.object_keys import check_name

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


#: How the systems say that somebody else holds the lock.
_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})


class FolderJobLocks:
    """`JobLocks` as files of a folder, `RUNNEL_HOME/locks`; never on a network file system."""

    def __init__(self, folder: Path) -> None:
        """Keep locks in *folder*."""
        self._folder = folder
        self._held: dict[str, int] = {}

    def acquire(self, job_id: str) -> bool:
        if job_id in self._held:
            return False
        descriptor = self._try(job_id)
        if descriptor is None:
            return False
        self._held[job_id] = descriptor
        return True

    def release(self, job_id: str) -> None:
        descriptor = self._held.pop(job_id, None)
        if descriptor is not None:
            self._remove(job_id, descriptor)

    def is_held(self, job_id: str) -> bool:
        """Whether somebody alive holds the lock, we or another.

        It asks by trying; so an `acquire` of another process may fail for this moment, as if the lock were held.
        """
        if job_id in self._held:
            return True
        if not self._path(job_id).exists():
            return False
        descriptor = self._try(job_id)
        if descriptor is None:
            return True
        self._remove(job_id, descriptor)
        return False

    def _path(self, job_id: str) -> Path:
        return self._folder / check_name(job_id)

    def _try(self, job_id: str) -> int | None:
        path = self._path(job_id)
        with translated(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    _lock(descriptor)
                    if _is_same_file(descriptor, path):
                        return descriptor
                except OSError as exc:
                    os.close(descriptor)
                    if exc.errno in _HELD:
                        return None
                    raise
                os.close(descriptor)  # its holder removed it between our opening and our locking

    def _remove(self, job_id: str, descriptor: int) -> None:
        """Remove the file while we hold its lock, then give the lock back."""
        with suppress(OSError):  # an open file cannot be removed on Windows; it stays, and is harmless
            self._path(job_id).unlink()
        os.close(descriptor)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
