"""The processes that read pages, and our ends of their sockets: the first is started, the others are forked from it.

Laws: importing what a reader needs costs more than fifty pages, so where the system lets us, it is done once and
shared; a process that is gone is never signalled, for its number may be another's by then: one that we started is ours
to reap, one that was forked is held by a descriptor. Who has nothing to read ends when our end of its socket closes.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import runnel
from runnel.settings import environment_with

#: Processes that read pages: beside the one that drives, more than two would wait for it.
READERS: Final = min(2, os.cpu_count() or 1)

#: After this a page is given up.
PARSE_TIMEOUT: Final = timedelta(seconds=10)

#: How much longer than we a worker waits before its own alarm ends it: it matters only when we are gone.
ORPHAN_GRACE: Final = timedelta(seconds=5)

#: What appends responses to files; named and not imported, for a worker imports little.
RAW_FILES: Final = "runnel.adapters.filesystem.growing:GrowingFiles"

#: For workers that only read.
NO_FILES: Final = "runnel.local.worker_main:NoFiles"

#: `-P` keeps modules of the working directory out; the path is told, for the worker must import this very package.
BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from runnel.local.worker_main import main; main(sys.argv[1:])"
)

#: A page's tree takes megabytes, which glibc would give back to the system after each page and fetch for the next; what
#: a huge page has taken is given back.
KEEP_MEMORY: Final = {"MALLOC_TRIM_THRESHOLD_": "33554432", "MALLOC_MMAP_THRESHOLD_": "33554432"}

CAN_FORK: Final = hasattr(os, "fork") and hasattr(os, "pidfd_open")


class Process(Protocol):
    """A worker process, ours or our worker's child."""

    @property
    def pid(self) -> int:
        """Its number; 0 while it is not known."""
        ...

    def kill(self) -> None:
        """End it at once; harmless when it is gone."""
        ...

    def wait(self) -> object:
        """Block until it is gone, and leave nothing of it behind."""
        ...


class ForkedProcess:
    """A process that one of our workers has forked."""

    def __init__(self) -> None:
        """Know nothing of it yet."""
        self.pid = 0
        self._descriptor = -1

    def identify(self, pid: int) -> None:
        """Take hold of the process, which has just said that this is its number."""
        with suppress(OSError):  # then it ends by its closed socket, or by its alarm
            self._descriptor = os.pidfd_open(pid)
            self.pid = pid

    def kill(self) -> None:
        """End it at once, if it was identified."""
        if self._descriptor >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> None:
        """Block until it is gone; its parent, or the system, leaves nothing of it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll()
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Started:
    """A process that nobody works with yet, and our end of its socket."""

    ours: socket.socket
    process: Process

    def drop(self) -> None:
        """Do without it."""
        self.ours.close()
        self.process.kill()


def worker_program(give_up_after: timedelta, files: str) -> tuple[str, ...]:
    """Return the command line of a worker that ends itself when a page holds it longer than *give_up_after*."""
    root = str(Path(runnel.__file__).parents[1])
    return (sys.executable, "-P", "-c", BOOT, root, str(give_up_after.total_seconds()), files or NO_FILES)


def start_workers(program: Sequence[str], *, forks: int = 0) -> list[Started]:
    """Start a worker in a session of its own, Ctrl-C is for us to handle; *forks* more come from it, where they can.

    Raises:
        OSError: The program cannot be started.
    """
    pairs = [socket.socketpair() for _ in range(1 + forks * CAN_FORK)]
    (ours, theirs), *others = pairs
    try:
        process = subprocess.Popen(  # noqa: S603  # our own program
            [*program, *(str(other.fileno()) for _, other in others)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[other.fileno() for _, other in others],
            start_new_session=True,
            env=environment_with(KEEP_MEMORY),
        )
    except OSError:
        for end, _ in pairs:
            end.close()
        raise
    finally:
        for _, end in pairs:
            end.close()
    return [Started(ours, process), *(Started(end, ForkedProcess()) for end, _ in others)]


@contextmanager
def readers_started_early() -> Iterator[list[Started]]:
    """The readers of a crawl, started before all that drives it is imported; take them out, or they end with this."""
    started: list[Started] = []
    with suppress(OSError):  # whoever needs one tries again, and says so
        started = start_workers(worker_program(PARSE_TIMEOUT + ORPHAN_GRACE, RAW_FILES), forks=READERS - 1)
    try:
        yield started
    finally:
        for one in started:
            one.drop()
