"""Files that only grow, one for each job, driver's term and process (docs/adr/0012-local-raw-files-grow.md).

Laws: nobody else appends to a file of ours, so offsets are what we say; what is appended together comes with one write;
a tail that a kill or a full disk has torn is never referred to. It blocks: call it in a thread or a process of its own.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence

#: Files kept open for appending; the one used least is closed first.
_OPEN_FILES = 16
_APPEND_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
_SUFFIX = ".warc"


class GrowingFiles:
    """The files that this process appends to."""

    def __init__(self) -> None:
        """Begin with no file."""
        #: By folder and term: the path of the file that grows, and its descriptor.
        self._growing: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def append(self, stem: str, parts: Sequence[bytes]) -> tuple[str, int]:
        """Append *parts* as one piece.

        Args:
            stem: a path without its ending. Stems that are alike up to the first `-` of their names share a file, which
                takes its name from the first of them.
            parts: what the piece consists of.

        Returns:
            The path of the file, and where in it the piece begins.

        Raises:
            OSError: it cannot be written; a part of it may have been.
        """
        folder, _, name = stem.rpartition("/")
        path, descriptor = self._file(f"{folder}/{name.partition('-')[0]}", stem)
        # Asked each time: a write that failed half-way has left its part.
        offset = os.fstat(descriptor).st_size
        _write_all(descriptor, parts)
        return path, offset

    def close(self) -> None:
        """Close the files."""
        while self._growing:
            os.close(self._growing.popitem()[1][1])

    def _file(self, group: str, stem: str) -> tuple[str, int]:
        growing = self._growing.get(group)
        if growing is None:
            while len(self._growing) >= _OPEN_FILES:
                os.close(self._growing.popitem(last=False)[1][1])
            growing = self._growing[group] = _begin(stem)
        self._growing.move_to_end(group)
        return growing


def _begin(stem: str) -> tuple[str, int]:
    """Make a file; a name that another process has begun is left to it."""
    attempt = 0
    while True:
        path = f"{stem}{_SUFFIX}" if not attempt else f"{stem}.{attempt}{_SUFFIX}"
        try:
            return path, os.open(path, _APPEND_NEW, 0o666)
        except FileExistsError:
            attempt += 1
        except FileNotFoundError:
            os.makedirs(stem.rpartition("/")[0], exist_ok=True)  # noqa: PTH103  # paths are texts here


def _write_all(descriptor: int, parts: Sequence[bytes]) -> None:
    """Write all of *parts*, as a rule with one call."""
    written = os.writev(descriptor, parts) if hasattr(os, "writev") else 0
    if written < sum(map(len, parts)):
        rest = memoryview(b"".join(parts))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
