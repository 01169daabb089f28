"""Watching a job to its end: events to standard output, the display to standard error, signals to whoever must act.

Laws (tests/e2e/test_cli.py):

1. Ctrl-C once asks; what it asks for is the caller's to say. Ctrl-C again leaves at once.
2. SIGTERM never pauses: the work is handed back. So it is when the terminal goes away (SIGHUP).
3. However watching ends, the terminal is left as it was.
4. On a full disk the job is put to rest; nobody waits for room without being told.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runnel.cli.backend import Backend, Json
from runnel.cli.display import Display, make_display, summary
from runnel.cli.exit_codes import ExitCode, exit_code_of
from runnel.cli.tally import Tally
from runnel.cli.terminal import Talk, drop_output, hearer_may_leave, write_raw
from runnel.errors import Conflict

if TYPE_CHECKING:
    from runnel.cli.local_backend import LocalBackend

#: Events that come within so many seconds reach standard output together: each time is a call to the system.
_GATHER_S: Final = 0.05

Watch = asyncio.Task[None]
#: How a run of a driver ended, in the words of `usecases.run_crawl`.
Drive = asyncio.Task[Any]


@dataclass(slots=True)
class Signals:
    """Which signal came, once one came."""

    came: asyncio.Event = field(default_factory=asyncio.Event)
    exit_code: ExitCode | None = None
    #: What is left to do before the process ends where it stands.
    farewell: Callable[[], None] | None = None

    def interrupt(self) -> None:
        """Ctrl-C: the second one ends the process where it stands; the stores bear that."""
        if self.exit_code is not None:
            with suppress(Exception):
                if self.farewell is not None:
                    self.farewell()
            os._exit(ExitCode.INTERRUPTED)
        self._set(ExitCode.INTERRUPTED)

    def terminate(self) -> None:
        """SIGTERM."""
        if self.exit_code is None:
            self._set(ExitCode.TERMINATED)

    def _set(self, code: ExitCode) -> None:
        self.exit_code = code
        self.came.set()


@contextmanager
def heard_signals() -> Iterator[Signals]:
    """Hear SIGINT, SIGTERM and, unless `nohup` keeps it away, SIGHUP while the context lasts."""
    loop, signals = asyncio.get_running_loop(), Signals()
    heard = {signal.SIGINT: signals.interrupt, signal.SIGTERM: signals.terminate}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard[signal.SIGHUP] = signals.terminate
    for number, answer in heard.items():
        loop.add_signal_handler(number, answer)
    try:
        yield signals
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


@dataclass(slots=True, kw_only=True)
class Attendance:
    """One job that this process watches, and perhaps drives."""

    backend: Backend
    job: Json
    talk: Talk
    #: Whether durable events go to standard output.
    write_json: bool
    #: The sequence number after which events are shown.
    after: int = 0
    #: The driver in this process, begun after the signals are heard.
    driver: "LocalBackend | None" = None
    #: Whether Ctrl-C pauses the job; otherwise it only ends the watching.
    pauses: bool = False
    #: What a command that goes on with the job must be given too, with a space before it.
    again: str = ""
    tally: Tally = field(default_factory=Tally)
    _display: Display | None = None
    _rested: asyncio.Event = field(default_factory=asyncio.Event)
    #: Lines that go to standard output together.
    _gathered: list[bytes] = field(default_factory=list)
    _flushing: asyncio.TimerHandle | None = None

    @property
    def job_id(self) -> str:
        """The job."""
        return str(self.job["job_id"])

    async def attend(self) -> ExitCode:
        """Stay until the job ends, rests, or a signal calls us away; the exit code."""
        self._begin_tally()
        with heard_signals() as signals:
            signals.farewell = self._leave_at_once
            driving = self.driver.drive(self.job_id) if self.driver else None
            watching = asyncio.create_task(self._show())
            try:
                return await self._stay(watching, driving, signals)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _stay(self, watching: Watch, driving: Drive | None, signals: Signals) -> ExitCode:
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(signals.came.wait())]
        if self.driver is not None:
            waits.append(asyncio.create_task(self.driver.full.wait()))
        try:
            await asyncio.wait({watching, *waits, *([driving] if driving else [])}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.driver is not None and self.driver.full.is_set() and not watching.done():
            return await self._no_room(self.driver)
        if signals.exit_code is not None and not watching.done():
            return await self._leave(watching, driving, signals.exit_code)
        if driving is not None and driving.done() and not watching.done():
            return await self._driver_left(watching, driving, signals)
        await watching
        return self._ended()

    async def _driver_left(self, watching: Watch, driving: Drive, signals: Signals) -> ExitCode:
        match await driving:
            case "paused":
                return self._rest(ExitCode.INTERRUPTED)
            case "handed_over":
                return self._rest(ExitCode.TERMINATED)
            case "no_lease" | "lease_lost":
                self.talk.say(f"Another process drives job {self.job_id}; watching it. Ctrl-C ends the watching.")
                self.driver, self.pauses = None, False
        return await self._stay(watching, None, signals)

    async def _leave(self, watching: Watch, driving: Drive | None, code: ExitCode) -> ExitCode:
        if code is ExitCode.TERMINATED:
            if self.driver is not None:
                self.talk.say("Terminated: handing the job back.")
                await self.driver.hand_on()
            return self._ended() if self.tally.ending else self._rest(code)
        if not self.pauses:
            self.talk.insist(f"The job goes on without you. Watch it again: runnel watch {self.job_id}")
            return code
        self.talk.say("Pausing; Ctrl-C again leaves at once.")
        if not await self._pause():
            await watching
            return self._ended()
        rested = asyncio.create_task(self._rested.wait())
        await asyncio.wait({watching, driving or rested}, return_when=asyncio.FIRST_COMPLETED)
        rested.cancel()
        return self._ended() if self.tally.ending else self._rest(code)

    async def _no_room(self, driver: "LocalBackend") -> ExitCode:
        self.talk.insist("Error: The disk that holds RUNNEL_HOME is full; nothing more can be stored.")
        await driver.put_to_rest(self.job_id)
        self.talk.insist(f"Make room, then go on: runnel resume {self.job_id}{self.again}")
        return ExitCode.CONFIGURATION

    async def _pause(self) -> bool:
        """Ask for a pause; False when the job is just ending by itself."""
        try:
            await self.backend.control(self.job_id, "pause")
        except Conflict as conflict:
            self.talk.say(conflict.message)
            return False
        return True

    def _rest(self, code: ExitCode) -> ExitCode:
        """Say how to go on."""
        self.talk.insist(f"Job {self.job_id} can go on: runnel resume {self.job_id}{self.again}")
        return code

    def _leave_at_once(self) -> None:
        """Give the terminal back, and say how to go on."""
        if self._display is not None:
            self._display.close()
        if self.pauses:
            self._rest(ExitCode.INTERRUPTED)

    def _ended(self) -> ExitCode:
        ending = self.tally.ending
        if ending is None:
            return self._rest(ExitCode.INTERRUPTED)
        for line in summary(self.tally, self.job, remote=self.backend.is_remote):
            self.talk.say(line)
        return exit_code_of(ending, held=self.tally.held is not None or self.tally.output_behind)

    def _begin_tally(self) -> None:
        counts = self.job.get("counts") if self.after else None
        self.tally.job_id, self.tally.library_id = self.job_id, self.job["library_id"]
        self.tally.url = self.job["url"] or ""
        if counts:
            self.tally.done, self.tally.failed = counts["fetched"] + counts["unchanged"], counts["failed"]

    async def _show(self) -> None:
        display = self._display = make_display(self.talk)
        try:
            async with aclosing(self.backend.events(self.job_id, self.after)) as lines:
                async for line in lines:
                    if self.write_json and line.seq is not None:
                        self._write(line.raw)
                    self.tally.apply(line.event)
                    with hearer_may_leave():
                        display.show(line.event, self.tally)
                    if self.tally.paused:
                        self._rested.set()
        finally:
            self._flush()
            with hearer_may_leave():
                display.close()

    def _write(self, raw: bytes) -> None:
        """Hand an event on, with those that come right behind it."""
        self._gathered.append(raw)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_GATHER_S, self._flush)

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
            with self._reader_may_leave():
                write_raw(*self._gathered)
            self._gathered.clear()

    @contextmanager
    def _reader_may_leave(self) -> Iterator[None]:
        """A reader who has left, as `head` does, does not end the job, and neither does a full disk behind `>`."""
        try:
            yield
        except OSError as error:
            self.write_json = False
            drop_output()
            if not isinstance(error, BrokenPipeError):
                self.talk.insist(
                    f"Error: Standard output cannot be written ({error.strerror}); the job goes on without."
                )
