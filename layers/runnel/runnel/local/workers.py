"""Reads pages in worker processes, so that the event loop keeps its core and a bad page costs only itself.

Laws: a worker has several pages at a time, so that it need not wait for the next, and answers them in order: the page
it died on is the first without an answer, and only that one fails, when a second worker dies on it too; the others go
to another worker. A page's time counts from when it is the first of its worker. A worker joins when more pages wait
than those that have joined or will can hold, so a small site has one at work.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

from runnel.errors import PageUnreadable
from runnel.extraction.learning import PageMarks
from runnel.extraction.page import PageReading
from runnel.local.frames import (
    MARKS,
    PRESENT,
    AnswerBuffer,
    Lies,
    PageRequest,
    pack_request,
    unpack_marks,
    unpack_reading,
)
from runnel.local.worker_process import (
    ORPHAN_GRACE,
    PARSE_TIMEOUT,
    ForkedProcess,
    Process,
    Started,
    start_workers,
    worker_program,
)

#: Pages a worker holds at once: one in work, and enough behind it that it never waits for our loop.
PAGES_AHEAD: Final = 4

#: How long a new process may take to say that it is ready.
START_LIMIT: Final = timedelta(seconds=30)

#: How long a process may take to end by itself.
END_LIMIT: Final = timedelta(seconds=2)

#: The four parts of an answer, as they arrive.
Parts = tuple[bytes, bytes, bytes, bytes]

CLOSED: Final = "The page readers were closed."
CRASHED: Final = "The page's reader crashed on it."


class _Page:
    """One page on its way through a worker."""

    __slots__ = ("answer", "has_crashed", "request")

    def __init__(self, request: PageRequest, answer: "asyncio.Future[Parts]") -> None:
        self.request = request
        self.answer = answer
        #: Whether a worker has died on it: the next one must not.
        self.has_crashed = False

    def fail(self, message: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(PageUnreadable(message, category="crashed"))


class WorkerPool:
    """A `PageReader` over up to *size* processes of its own; use it with `async with`."""

    def __init__(
        self,
        *,
        size: int = 1,
        parse_timeout: timedelta = PARSE_TIMEOUT,
        files: str = "",
        program: Sequence[str] | None = None,
        started: list[Started] | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            size: processes at most.
            parse_timeout: after this a page is given up and its process killed.
            files: the class whose objects append responses to files, as `module:class`, for `read_appending`.
            program: the command line of a worker; None is ours.
            started: processes to begin with, from the first one's start; they are taken out of the list.
        """
        self._size = size
        self._parse_timeout = parse_timeout
        self._program = tuple(program) if program is not None else worker_program(parse_timeout + ORPHAN_GRACE, files)
        self._forks = size - 1 if program is None else 0
        #: Processes that run and have no page yet.
        self._spare: list[Started] = started if started is not None else []
        self._workers: list[_Worker] = []
        self._waiting: deque[_Page] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Future[object]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        """Return the pool itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        await self.close()

    async def read(
        self, body: bytes, *, url: str, charset: str | None, render: bool, blocks: tuple[str, ...] = ()
    ) -> PageReading:
        """Read a page in a worker; raises `PageUnreadable`, also when the worker hung or died on it."""
        request = PageRequest(body=body, url=url, charset=charset, render=render, blocks=blocks)
        return unpack_reading(await self._ask(request))[0]

    async def read_marks(self, body: bytes, *, charset: str | None) -> PageMarks:
        """Say what a page of a sample tells about its site; raises `PageUnreadable`."""
        request = PageRequest(body=body, url="", charset=charset, render=False, asks=MARKS)
        return unpack_marks(await self._ask(request))

    async def find_present(self, body: bytes, *, charset: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Say which of the *asked* blocks stand on a page; raises `PageUnreadable`."""
        request = PageRequest(body=body, url="", charset=charset, render=False, asks=PRESENT, blocks=asked)
        return tuple(sorted(unpack_marks(await self._ask(request)).kept))

    async def read_appending(
        self, body: bytes, *, url: str, charset: str | None, stem: str, around: tuple[bytes, bytes]
    ) -> tuple[PageReading, Lies | None]:
        """Read and render a page in a worker, which appends its body, with what is *around* it, to a file.

        Returns:
            The reading, and where the body lies; None for a page without a word.

        Raises:
            PageUnreadable: As `read`.
            OSError: The body cannot be appended.
        """
        request = PageRequest(body=body, url=url, charset=charset, render=True, stem=stem, around=around)
        return unpack_reading(await self._ask(request))

    async def _ask(self, request: PageRequest) -> Parts:
        if self._closed:
            raise PageUnreadable(CLOSED)
        page = _Page(request, asyncio.get_running_loop().create_future())
        self._waiting.append(page)
        self._dispatch()
        return await page.answer

    def rest(self) -> None:
        """End the workers that have no page: they hold tens of megabytes each, and start again for the next one."""
        self._drop_spare()
        for worker in tuple(self._workers):
            if worker.is_ready and not worker.pages:
                worker.end()

    async def close(self) -> None:
        """Fail what is not read yet, end the processes, and wait until they are gone."""
        self._closed = True
        for task in tuple(self._starting):
            await task
        self._drop_spare()
        pages = [*self._waiting, *(page for worker in self._workers for page in worker.pages)]
        self._waiting.clear()
        for page in pages:
            page.fail(CLOSED)
        for worker in tuple(self._workers):
            worker.end()
            worker.pages.clear()
        while self._workers or self._ending:
            # Not `gather`: of futures that are done it gives no turn to the callbacks that strike them off.
            gone: list[asyncio.Future[Any]] = [*(worker.gone for worker in self._workers), *self._ending]
            await asyncio.wait(gone)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run now."""
        return tuple(worker.process.pid for worker in self._workers if worker.process.pid)

    def _dispatch(self) -> None:
        """Give waiting pages to the least busy workers, and start one more for those that none has room for."""
        while self._waiting:
            worker = min(self._workers, key=_load, default=None)
            if worker is None or _load(worker) >= PAGES_AHEAD:
                break
            page = self._waiting.popleft()
            if not page.answer.done():
                worker.send(page)
        is_full = len(self._workers) + len(self._starting) >= self._size
        if not is_full and len(self._waiting) > PAGES_AHEAD * len(self._starting):
            self._begin()

    def _begin(self) -> None:
        self._starting.add(asyncio.get_running_loop().create_task(self._start()))

    async def _start(self) -> None:
        """Start a worker; when the system cannot, one page fails, so that the others do not wait for ever."""
        loop = asyncio.get_running_loop()
        try:
            if not self._spare:
                self._spare += start_workers(self._program, forks=0 if self._workers else self._forks)
            one = self._spare.pop(0)
            worker = _Worker(self, one.process, parse_timeout=self._parse_timeout)
            await loop.create_connection(lambda: worker, sock=one.ours)
        except OSError as exc:
            if self._waiting:
                self._waiting.popleft().fail(f"The page's reader could not start: {exc}")
        task = asyncio.current_task()
        if task is not None:
            self._starting.discard(task)
        if not self._closed:
            self._dispatch()

    def joined(self, worker: "_Worker") -> None:
        """Count a worker in: pages may be sent to it."""
        self._workers.append(worker)

    def lost(self, worker: "_Worker", message: str) -> None:
        """Replace a worker that is gone: its first page fails with *message*, the others wait again.

        A page on which a worker died without our doing is given to one more: somebody may have killed it, also while it
        started. One that was never ready counts against a waiting page when it has none, or programs that cannot start
        would be started for ever.
        """
        self._workers.remove(worker)
        if not worker.is_ready:
            self._drop_spare()  # those that it was to fork
        doomed = worker.pages or (() if worker.is_ready else self._waiting)
        if doomed and message == CRASHED and not doomed[0].has_crashed:
            doomed[0].has_crashed = True
        elif doomed:
            doomed.popleft().fail(message)
        self._waiting.extendleft(reversed(worker.pages))
        worker.pages.clear()
        self._reap(worker.process)
        if not self._closed:
            self._dispatch()

    def answered(self) -> None:
        """Take note that a worker has room."""
        if self._waiting:
            self._dispatch()

    def _drop_spare(self) -> None:
        while self._spare:
            self._spare.pop().drop()

    def _reap(self, process: Process) -> None:
        """Wait for a dead process elsewhere: its exit status is all that is left of it."""
        loop = asyncio.get_running_loop()
        ending = loop.run_in_executor(None, process.wait)
        late = loop.call_later(END_LIMIT.total_seconds(), process.kill)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        ending.add_done_callback(lambda _: late.cancel())


class _Worker(asyncio.BufferedProtocol):
    """Our end of one worker process."""

    def __init__(self, pool: WorkerPool, process: Process, *, parse_timeout: timedelta) -> None:
        self._pool = pool
        self.process = process
        self._parse_timeout_s = parse_timeout.total_seconds()
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.pages: deque[_Page] = deque()
        self._answers = AnswerBuffer()
        self.is_ready = False
        self._limit_s: float | None = None
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._message = CRASHED
        self._ends_itself = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the process to be ready."""
        self._transport = transport if isinstance(transport, asyncio.Transport) else None
        self._watch(START_LIMIT.total_seconds())
        self._pool.joined(self)

    def send(self, page: _Page) -> None:
        """Send a page behind those that are there."""
        self.pages.append(page)
        if self._transport is not None and not self._transport.is_closing():  # else `lost` sends it elsewhere
            # In one call to the system, or the worker would be woken for the head alone.
            self._transport.writelines((pack_request(page.request), page.request.body))
        if self.is_ready and len(self.pages) == 1:
            self._watch(self._parse_timeout_s)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._answers.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Hand out each answer that is complete."""
        self._answers.received(nbytes)
        while (parts := self._answers.take()) is not None:
            if self.is_ready:
                _resolve(self.pages.popleft(), parts)
            elif isinstance(self.process, ForkedProcess):
                self.process.identify(int(parts[0]))
            self.is_ready = True
            self._watch(self._parse_timeout_s if self.pages else None)
        self._pool.answered()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Make sure that the process is gone, whatever closed the pipe."""
        self._watch(None)
        if self._timer is not None:
            self._timer.cancel()
        if not self._ends_itself:
            self.process.kill()
        if not self.gone.done():
            self.gone.set_result(None)
        self._pool.lost(self, self._message)

    def end(self) -> None:
        """End the process: by itself when it only waits, so that what it has cost is told; else it is killed."""
        self._ends_itself = self.is_ready and not self.pages
        if not self._ends_itself:
            self.process.kill()
        if self._transport is not None:
            self._transport.abort()

    def _watch(self, limit_s: float | None) -> None:
        """Give the process *limit_s* from now; None: for ever.

        A timer for each page would cost more than its reading's way here: the one that runs looks again when it is due.
        """
        self._limit_s = limit_s
        if limit_s is None:
            self._due = math.inf
            return
        self._due = self._loop.time() + limit_s
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._limit_s is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
            return
        self._message = f"The page took longer than {self._limit_s:g} s to read."
        self.end()


def _load(worker: _Worker) -> int:
    return len(worker.pages)


def _resolve(page: _Page, parts: Parts) -> None:
    """Give a page its answer; whoever asked may have stopped waiting."""
    if not page.answer.done():
        page.answer.set_result(parts)
