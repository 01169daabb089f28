"""`runnel serve`: the app on a port of this machine, and the jobs whose driver has died.

Laws (tests/integration/test_server.py, tests/e2e/test_http.py):
1. Loopback needs no token; any other address is refused until there is one, and then every request needs it.
2. A running job whose driver is dead is taken up within seconds, also one of another process; a paused one never is.
3. SIGTERM, SIGINT and SIGHUP end the streams and hand the jobs back; nothing is lost, the next process goes on.
"""

import asyncio
import logging
import shutil
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import uvicorn

from runnel.errors import ConfigInvalid, RunnelError, StoreUnavailable
from runnel.local.home import TENANT, Home, open_home
from runnel.settings import Settings
from runnel.usecases.sweep_jobs import Sweep
from runnel.web.access import Access, is_loopback
from runnel.web.app import create_app
from runnel.web.context import WebHome

#: How often jobs without a driver are looked for.
_SWEEP: Final = timedelta(seconds=2)
#: With so much room jobs go on.
_ROOM_BYTES: Final = 8 << 20
#: How long open answers may take when the server ends; streams end by themselves within a second.
_LAST_ANSWERS_S: Final = 3
#: How long the drivers may take to hand their jobs on: their own drain and a little more.
_LEAVE_S: Final = 50.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve_here(settings: Settings, *, host: str, port: int, say: Callable[[str], None] | None = None) -> int:
    """Serve until a signal; the exit code that stands for it (130, 143).

    Raises:
        ConfigInvalid: the address is not to be had, or it needs a token and there is none.
    """
    return asyncio.run(serve(settings, host=host, port=port, say=say or _say))


async def serve(settings: Settings, *, host: str, port: int, say: Callable[[str], None]) -> int:
    """As `serve_here`, within a running loop; call it in the main thread, for it takes the signals."""
    stop = _Stop()
    async with running_server(settings, host=host, port=port, say=say) as server:
        with stop.on_signals():
            say(f"Runnel serves on {server.url} (its routes: {server.url}/docs); Ctrl-C ends it.")
            await stop.requested.wait()
            say("Ending: jobs are handed back and go on with the next `runnel serve`. Again to end at once.")
    return 128 + stop.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers."""

    url: str
    home: Home


@asynccontextmanager
async def running_server(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 0, say: Callable[[str], None] = lambda _sentence: None
) -> AsyncGenerator[Server, None]:
    """Serve while the context lasts; port 0 takes a free one; *say* hears what an operator should know.

    Raises:
        ConfigInvalid: the address is not to be had, or it needs a token and there is none.
    """
    async with open_home(settings, adopts=True) as home:
        if not is_loopback(host):
            await _need_token(home, host)
        with _listening(host, port) as listener:
            access = Access(services=home.services, mode="loopback" if is_loopback(host) else "token", tenant=TENANT)
            web_home = WebHome(services=home.services, drivers=home.drivers, access=access)
            server = _Uvicorn(_config(web_home))
            tell = _Teller(say).tell
            home.drivers.tell = tell
            home.on_lacking_leave(lambda job_id, sentence: tell(job_id, RunnelError(sentence)))
            tasks = [
                asyncio.create_task(_adopt_orphans(home, tell)),
                asyncio.create_task(_tell_when_full(home, say)),
                asyncio.create_task(server.serve([listener])),
            ]
            try:
                yield Server(url=_url(host, listener), home=home)
            finally:
                for task in tasks[:-1]:
                    task.cancel()
                web_home.closing.set()
                server.should_exit = True
                await asyncio.gather(*tasks, return_exceptions=True)
                await _leave(home)


async def _adopt_orphans(home: Home, tell: Callable[[str, BaseException], None]) -> None:
    sweep = Sweep(home.services, tell=tell)
    while True:
        try:
            await sweep.run()
        except StoreUnavailable:
            pass  # the next sweep comes
        except RunnelError as error:
            tell("", error)
        await home.services.clock.sleep(_SWEEP)


async def _tell_when_full(home: Home, say: Callable[[str], None]) -> None:
    """Say that jobs wait for room, and when they go on: nobody else would know why nothing moves."""
    while True:
        await home.full.wait()
        say(f"The disk below {home.settings.home} is full: jobs wait, and go on by themselves when there is room.")
        while shutil.disk_usage(home.settings.home).free < _ROOM_BYTES:
            await home.services.clock.sleep(_SWEEP)
        say(f"There is room again below {home.settings.home}: jobs go on.")
        home.full.clear()


class _Teller:
    """Says each error of a job once, not at every sweep."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: set[tuple[str, str]] = set()

    def tell(self, job_id: str, error: BaseException) -> None:
        message = error.message if isinstance(error, RunnelError) else f"{type(error).__name__}: {error}"
        if (job_id, message) not in self._told:
            self._told.add((job_id, message))
            self._say(f"Job {job_id}: {message}" if job_id else message)


async def _leave(home: Home) -> None:
    """Hand the jobs on; what cannot be handed on in time is found by the next sweep."""
    with suppress(TimeoutError):
        await asyncio.wait_for(home.drivers.leave("sigterm"), _LEAVE_S)
    await home.drivers.close()


async def _need_token(home: Home, host: str) -> None:
    now = home.services.clock.now()
    tokens = await home.services.tokens.list_tokens(TENANT)
    if not any(token.expires_at is None or token.expires_at > now for token in tokens):
        raise ConfigInvalid(f"Others can reach {host}, and there is no token yet; make one first: runnel token create")


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to us: a job is handed on before the process ends."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether asyncio says more than that a reader has left; that it says for each frame that is too late."""
    return record.getMessage() != "socket.send() raised exception."


def _config(home: WebHome) -> uvicorn.Config:
    logging.getLogger("asyncio").addFilter(_is_worth_a_line)
    return uvicorn.Config(
        create_app(home),
        lifespan="off",
        access_log=False,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket, None, None]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as error:
        raise ConfigInvalid(f"{host}:{port} cannot be used: {error}; --port 0 takes a free port.") from error
    with listener:
        # What it accepts has this from it: asyncio sets it only where the protocol is named. Without, the kernel keeps
        # what is written second, a body or a frame, until the client has acknowledged the first: 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def _url(host: str, listener: socket.socket) -> str:
    port: int = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Stop:
    """The first signal asks to end; the second does what it does by itself."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.number = 0

    @contextmanager
    def on_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        if before[signal.SIGHUP] is signal.SIG_IGN:  # `nohup` keeps it away
            del before[signal.SIGHUP]

        def ask(number: int, _frame: object) -> None:
            self.number = number
            for one in before:
                signal.signal(one, signal.SIG_DFL)
            loop.call_soon_threadsafe(self.requested.set)

        for one in before:
            signal.signal(one, ask)
        try:
            yield
        finally:
            if not self.requested.is_set():
                for one, handler in before.items():
                    signal.signal(one, handler)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
