"""The program of a worker process: pages in on file 0, readings out on it, one after the other, until it closes.

Laws: it imports nothing but the extraction and what appends responses to their files; it ends when its parent does, by
the closed pipe when it waits and by the kernel's alarm when a page holds it; it answers every page it can, in order.
"""

import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from runnel.errors import PageUnreadable
from runnel.extraction.learning import PageMarks
from runnel.extraction.page import PageReading
from runnel.extraction.profile import SiteProfile
from runnel.extraction.reading import read_links, read_marks, read_page, read_present
from runnel.local.frames import (
    MARKS,
    PRESENT,
    Lies,
    PageRequest,
    next_request,
    pack_error,
    pack_failure,
    pack_marks,
    pack_reading,
    pack_ready,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Enough that a usual page comes in one read.
BUFFER_BYTES: Final = 256 * 1024

#: New objects that are still there before the collector looks for cycles among them.
COLLECT_AFTER: Final = 50_000

#: Memory that a worker may have for its data: what a page needs beyond, it is too big for.
MEMORY_BYTES: Final = 256 * 1024 * 1024

Reading = Callable[[PageRequest], PageReading | PageMarks]


class Files(Protocol):
    """What responses are appended to."""

    def append(self, stem: str, parts: "Sequence[bytes]") -> Lies:
        """Append *parts* as one piece; where it lies. Raises `OSError`."""
        ...


class NoFiles:
    """Nothing is appended."""

    def append(self, stem: str, parts: "Sequence[bytes]") -> Lies:
        """Refuse."""
        raise OSError(errno.ENOSYS, "This worker appends nothing", stem, len(parts))


def main(argv: list[str]) -> None:
    """Serve until the parent goes.

    `argv[0]` is after how many seconds a page is given up with the process, `argv[1]` names the class of the files
    that responses are appended to, as `module:class`; what follows are the sockets of processes to fork from this one.
    """
    # A page's tree has no cycles of Python's, and looking for some after every few hundred nodes costs a tenth.
    gc.set_threshold(COLLECT_AFTER)
    bound_memory(MEMORY_BYTES)
    forked = fork([int(descriptor) for descriptor in argv[2:]])
    module, _, name = argv[1].partition(":")
    files: Files = getattr(import_module(module), name)()
    serve(read_request, files, give_up_after_s=float(argv[0]))
    for pid in forked:  # what they have cost counts as ours, and so as our parent's
        os.waitpid(pid, 0)
    os._exit(0)


def bound_memory(most_bytes: int) -> None:
    """Let an allocation beyond *most_bytes* fail, here and not in the neighbours; Linux alone keeps to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard in (resource.RLIM_INFINITY, -1) or hard > most_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, hard))


def fork(descriptors: "Sequence[int]") -> list[int]:
    """Become one process for each of *descriptors* too, as its file 0: what is imported is paid for once.

    Returns the processes that were made; none in those themselves.
    """
    if not descriptors:
        return []
    gc.freeze()  # a collector that looks at shared objects would copy their pages
    forked: list[int] = []
    with suppress(OSError):  # fewer have to do, then
        for descriptor in descriptors:
            pid = os.fork()
            if not pid:
                os.dup2(descriptor, 0)
                forked = []
                break
            forked.append(pid)
    for descriptor in descriptors:
        os.close(descriptor)
    return forked


def serve(read: Reading, files: Files, *, give_up_after_s: float) -> None:
    """Answer each page with *read*; the alarm's default deed is to end a process, even one that is deep in C."""
    with (
        open(0, "rb", buffering=BUFFER_BYTES, closefd=False) as pages,  # a descriptor, not a path
        open(0, "wb", buffering=BUFFER_BYTES, closefd=False) as answers,  # a descriptor, not a path
    ):
        is_heard = _send(answers, pack_ready(os.getpid()))
        while is_heard and (request := next_request(pages)) is not None:
            signal.setitimer(signal.ITIMER_REAL, give_up_after_s)
            answer = _answer(read, files, request)
            signal.setitimer(signal.ITIMER_REAL, 0)
            is_heard = _send(answers, answer)


def read_request(request: PageRequest) -> PageReading | PageMarks:
    """Read one page, or what it tells of its site."""
    if request.asks == MARKS:
        return read_marks(request.body, charset=request.charset)
    if request.asks == PRESENT:
        found = read_present(request.body, charset=request.charset, asked=request.blocks)
        return PageMarks(kept=found, title="")
    reading = read_page if request.render else read_links
    return reading(
        request.body, url=request.url, charset=request.charset, profile=SiteProfile(frozenset(request.blocks))
    )


def _answer(read: Reading, files: Files, request: PageRequest) -> bytes:
    try:
        reading = read(request)
        if isinstance(reading, PageMarks):
            return pack_marks(reading)
        if not request.stem or reading.is_empty:
            return pack_reading(reading)
        before, behind = request.around
        return pack_reading(reading, files.append(request.stem, (before, request.body, behind)))
    except PageUnreadable as exc:
        return pack_error(exc)
    except OSError as exc:
        return pack_failure(exc)


def _send(answers: BinaryIO, answer: bytes) -> bool:
    """Send an answer; False when the parent is gone, and nobody is left to be told."""
    try:
        answers.write(answer)
        answers.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
